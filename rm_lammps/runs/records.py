"""Records of finished seeds: appended at once, one JSON line each.

Each rank appends to a shard of its own, so a parallel file system needs no locks. A line ends with
a checksum of itself: one that a kill or a crash of the node cut off does not count. Between records
stand the numbers of the seeds begun, so that a seed that kills its process can be told.
"""

import faulthandler
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import ase
import numpy as np

from rm_lammps.errors import UserError
from rm_lammps.files import cannot_write
from rm_lammps.relaxation import Failure, Reason, Relaxed
from rm_lammps.runs.layout import RECORDS

ORIGIN = ("seed_kind", "prototype", "prototype_share")
"""What a frame says of its seed: its kind, the place of its prototype and the share of votes."""
_START = b'{"seed": '
_BEGIN = b'{"begin": '
_FATAL = b"Fatal Python error: "
_SUFFIX = ', "crc": "%08x"}\n'
_SUFFIX_LENGTH = len(_SUFFIX % 0)


def make_record(
    seed: int,
    origin: Mapping[str, Any],
    outcome: Relaxed | Failure,
    seconds: float,
) -> dict[str, Any]:
    """Describe a finished seed in plain data.

    Args:
        seed: its number.
        origin: its ``formula``, and of ``ORIGIN`` what is known.
        outcome: what became of it.
        seconds: that it took.
    """
    record: dict[str, Any] = {
        "seed": seed,
        "formula": origin["formula"],
        **{name: origin[name] for name in ORIGIN if name in origin},
        "evaluations": outcome.evaluations,
        "seconds": round(seconds, 4),
    }
    if isinstance(outcome, Failure):
        return {**record, "reason": outcome.reason.value, "detail": outcome.detail}
    return {
        **record,
        "energy": outcome.energy,
        "fmax": outcome.fmax,
        "max_stress": outcome.max_stress,
        "numbers": outcome.atoms.numbers.tolist(),
        "positions": outcome.atoms.positions.tolist(),
        "cell": outcome.atoms.cell.array.tolist() if outcome.atoms.pbc.all() else None,
    }


def to_atoms(record: dict[str, Any]) -> ase.Atoms:
    """Make the frame of ``structures.extxyz`` from the record of a converged seed."""
    cell = record["cell"]
    atoms = ase.Atoms(record["numbers"], record["positions"], cell=cell, pbc=cell is not None)
    n = len(atoms)
    atoms.info = {
        "seed": record["seed"],
        "formula": record["formula"],
        **{name: record[name] for name in ORIGIN if name in record},
        "energy": record["energy"],
        "energy_per_atom": record["energy"] / n,
        **({} if cell is None else {"volume_per_atom": atoms.get_volume() / n}),
        **{name: record[name] for name in ("fmax", "max_stress", "evaluations", "seconds")},
    }
    return atoms


class ShardWriter:
    """Appends records of one rank; the file appears with the first seed.

    Args:
        folder: of the run.
        session: number of this start of the run; a resumed run writes new shards.
        rank: of this process.
    """

    def __init__(self, folder: Path, session: int, rank: int) -> None:
        self._path = folder / RECORDS / f"{session:04d}-{rank:06d}.jsonl"
        self._file: int | None = None
        self.written = 0

    def begin(self, seed: int) -> None:
        """Note that a seed starts, so that the next start knows it if it kills this process."""
        self._write(_BEGIN + b"%d}\n" % seed)

    def append(self, record: dict[str, Any]) -> None:
        """Append one record and hand it to the operating system."""
        text = json.dumps(record)[:-1]
        self._write((text + _SUFFIX % zlib.crc32(text.encode())).encode())
        self.written += 1

    def _write(self, data: bytes) -> None:
        try:
            if self._file is None:
                # without a buffer of Python's: it would keep what could not be written
                self._file = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
                # a fatal signal leaves its name behind the seed that caused it
                faulthandler.enable(file=self._file, all_threads=False)
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def close(self) -> None:
        """Leave everything on disk."""
        if self._file is None:
            return
        faulthandler.disable()
        file, self._file = self._file, None
        try:
            os.fsync(file)
            os.close(file)
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


@dataclass
class Progress:
    """What earlier starts of a run left."""

    done: np.ndarray
    """Whether a seed has a record, shape (num,), boolean."""
    next_session: int
    crashed: dict[int, str] = field(default_factory=dict)
    """Seeds that killed their process, and how."""


def read_progress(folder: Path, num: int) -> Progress:
    """Read which seeds have a record, without decoding records.

    Raises:
        UserError: a shard can't be read.
    """
    progress = Progress(np.zeros(num, dtype=bool), 0)
    for path in shards(folder):
        progress.next_session = max(progress.next_session, int(path.name.split("-")[0]) + 1)
        begun = -1
        for line in _lines(path):
            seed = seed_of(line)
            if seed is not None and seed < num:
                progress.done[seed] = True
            elif line.startswith(_BEGIN) and line.endswith(b"}\n"):
                begun = int(line[len(_BEGIN) : -2])
            elif line.startswith(_FATAL) and 0 <= begun < num:
                progress.crashed[begun] = line[len(_FATAL) :].decode(errors="replace").strip()
    for seed in [seed for seed in progress.crashed if progress.done[seed]]:
        del progress.crashed[seed]
    return progress


def crash_record(seed: int, formula: str, how: str) -> dict[str, Any]:
    """Record of a seed that killed its process."""
    return make_record(seed, {"formula": formula}, Failure(Reason.CRASHED, how, 0), 0.0)


def shards(folder: Path) -> list[Path]:
    """Files of records, of all starts and ranks."""
    return sorted((folder / RECORDS).glob("*.jsonl"))


def read_shard(path: Path) -> Iterator[tuple[int, bytes]]:
    """Seeds with the lines of their records."""
    for line in _lines(path):
        seed = seed_of(line)
        if seed is not None:
            yield seed, line


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            yield from stream
    except OSError as error:
        raise UserError(f"Can't read {path}: {error.strerror or error}.") from error


def seed_of(line: bytes) -> int | None:
    """Seed of a record's line; ``None`` for other lines and damaged ones."""
    if not line.startswith(_START):
        return None
    text, suffix = line[:-_SUFFIX_LENGTH], line[-_SUFFIX_LENGTH:]
    if suffix != (_SUFFIX % zlib.crc32(text)).encode():
        return None
    return int(text[len(_START) : text.index(b",")])
