"""Files of records: each rank appends to a shard of its own, so no file system needs locks.

Between records stand the numbers of the seeds begun, so that a seed that kills its process can be
told.
"""

import faulthandler
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from rm_lammps.errors import UserError
from rm_lammps.files import cannot_write
from rm_lammps.relaxation.outcome import Failure, Reason
from rm_lammps.runs.layout import RECORDS
from rm_lammps.runs.records import Origin, SeedRecord, seed_of

_BEGIN = b'{"begin": '
_FATAL = b"Fatal Python error: "


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

    def append(self, record: SeedRecord) -> None:
        """Append one record and hand it to the operating system."""
        self._write(record.line())
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
class Recorded:
    """What earlier starts of a run left."""

    done: NDArray[np.bool_]
    """Whether a seed has a record, shape (num,)."""
    next_session: int
    """Number of the start to come."""
    crashed: dict[int, str] = field(default_factory=dict)
    """Seeds that killed their process, and how."""


def read_recorded(folder: Path, num: int) -> Recorded:
    """Read which seeds have a record, without decoding records.

    Raises:
        UserError: a shard can't be read.
    """
    recorded = Recorded(np.zeros(num, dtype=bool), 0)
    for path in shards(folder):
        recorded.next_session = max(recorded.next_session, session_of(path) + 1)
        begun = -1
        for line in _lines(path):
            seed = seed_of(line)
            if seed is not None and seed < num:
                recorded.done[seed] = True
            elif line.startswith(_BEGIN) and line[len(_BEGIN) : -2].isdigit():
                begun = int(line[len(_BEGIN) : -2])
            elif line.startswith(_FATAL) and 0 <= begun < num:
                recorded.crashed[begun] = line[len(_FATAL) :].decode(errors="replace").strip()
    for seed in [seed for seed in recorded.crashed if recorded.done[seed]]:
        del recorded.crashed[seed]
    return recorded


def crash_record(seed: int, formula: str, how: str) -> SeedRecord:
    """Record of a seed that killed its process."""
    return SeedRecord(seed, formula, Origin(), Failure(Reason.CRASHED, how, 0), 0.0)


def shards(folder: Path) -> list[Path]:
    """Files of records, of all starts and ranks."""
    return sorted((folder / RECORDS).glob("*.jsonl"))


def session_of(shard: Path) -> int:
    """Number of the start of the run that wrote a shard."""
    return int(shard.name.split("-")[0])


def read_shard(path: Path) -> Iterator[tuple[int, bytes]]:
    """Seeds with the lines of their records.

    Raises:
        UserError: it can't be read.
    """
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
