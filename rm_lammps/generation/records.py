"""Records of finished seeds: appended at once, merged at the end.

Each rank appends one JSON line per seed to a shard of its own, so a parallel file system needs no
locks. A line without its newline was cut off by a kill and does not count. Within a shard seeds
ascend, so merging streams and needs no memory.
"""

import heapq
import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import ase
import ase.io
import numpy as np

from rm_lammps.errors import UserError
from rm_lammps.relaxation import Failure, Relaxed

RECORDS = "records"


def make_record(
    seed: int, formula: str, outcome: Relaxed | Failure, seconds: float
) -> dict[str, Any]:
    """Describe a finished seed in plain data."""
    record: dict[str, Any] = {
        "seed": seed,
        "formula": formula,
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
        "cell": outcome.atoms.cell.array.tolist(),
    }


class ShardWriter:
    """Appends records of one rank.

    Args:
        folder: of the run.
        session: number of this start of the run; a resumed run writes new shards.
        rank: of this process.
    """

    def __init__(self, folder: Path, session: int, rank: int) -> None:
        self._path = folder / RECORDS / f"{session:04d}-{rank:06d}.jsonl"
        self._stream = self._path.open("x")

    def append(self, record: dict[str, Any]) -> None:
        """Append one record and hand it to the operating system."""
        try:
            self._stream.write(json.dumps(record) + "\n")
            self._stream.flush()
        except OSError as error:
            raise UserError(
                f"Can't write {self._path}: {error}.",
                "Make room and give the same command again: it goes on where it stopped.",
            ) from error

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stream.close()


def next_session(folder: Path) -> int:
    """Number of the next start of a run."""
    started = [int(path.name.split("-")[0]) for path in _shards(folder)]
    return max(started, default=-1) + 1


def finished_seeds(folder: Path) -> set[int]:
    """Seeds that have a record."""
    return {record["seed"] for path in _shards(folder) for record in _read_shard(path)}


def read_records(folder: Path) -> Iterator[dict[str, Any]]:
    """All records in order of seed, each seed once."""
    streams = [_read_shard(path) for path in _shards(folder)]
    last = -1
    for record in heapq.merge(*streams, key=lambda record: record["seed"]):
        if record["seed"] != last:
            last = record["seed"]
            yield record


def _shards(folder: Path) -> list[Path]:
    return sorted((folder / RECORDS).glob("*.jsonl"))


def _read_shard(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as stream:
        for line in stream:
            if line.endswith("\n"):
                yield json.loads(line)


def to_atoms(record: dict[str, Any]) -> ase.Atoms:
    """Make the frame of ``structures.extxyz`` from the record of a converged seed."""
    atoms = ase.Atoms(record["numbers"], record["positions"], cell=record["cell"], pbc=True)
    n = len(atoms)
    atoms.info = {
        "seed": record["seed"],
        "formula": record["formula"],
        "energy": record["energy"],
        "energy_per_atom": record["energy"] / n,
        "volume_per_atom": atoms.get_volume() / n,
        **{name: record[name] for name in ("fmax", "max_stress", "evaluations", "seconds")},
    }
    return atoms


def merge(folder: Path) -> dict[str, Any]:
    """Write ``structures.extxyz`` and ``failures.jsonl`` from the records.

    Returns:
        Totals for ``summary.json``: attempted, converged, failed by reason, evaluations, and the
        seconds that ranks spent on seeds.
    """
    converged, evaluations, seconds = 0, 0, 0.0
    failed: dict[str, int] = {}
    structures, failures = folder / "structures.extxyz", folder / "failures.jsonl"
    partial = [path.with_name(f".{path.name}.partial") for path in (structures, failures)]
    with partial[0].open("w") as good, partial[1].open("w") as bad:
        for record in read_records(folder):
            evaluations += record["evaluations"]
            seconds += record["seconds"]
            if "reason" in record:
                failed[record["reason"]] = failed.get(record["reason"], 0) + 1
                bad.write(json.dumps(record) + "\n")
            else:
                converged += 1
                # ASE would broadcast over all ranks, which are not all here
                ase.io.write(good, to_atoms(record), format="extxyz", parallel=False)
    partial[0].replace(structures)
    partial[1].replace(failures)
    return {
        "attempted": converged + sum(failed.values()),
        "converged": converged,
        "failed": dict(sorted(failed.items())),
        "evaluations": evaluations,
        "seed_seconds": float(np.round(seconds, 3)),
    }
