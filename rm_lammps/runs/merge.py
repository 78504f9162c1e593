"""Merge records in order of seed, in memory that does not grow with their number."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import ase.io

from rm_lammps.files import replacing
from rm_lammps.runs.layout import FAILURES, STRUCTURES
from rm_lammps.runs.records import read_shard, shards, to_atoms

_BUCKET_BYTES = 64 * 2**20
_SCRATCH = ".merge-"


def read_records(
    folder: Path, num: int, *, bucket_bytes: int = _BUCKET_BYTES
) -> Iterator[dict[str, Any]]:
    """All records in order of seed, each seed once.

    Shards are read once, one after the other, into files of a range of seeds each, which fit into
    memory: thousands of ranks leave more shards than a process may hold open.

    Args:
        folder: of the run.
        num: seeds of the run.
        bucket_bytes: records to have in memory at a time.
    """
    paths = shards(folder)
    n_buckets = 1 + sum(path.stat().st_size for path in paths) // bucket_bytes
    if n_buckets == 1:
        lines = {seed: line for path in paths for seed, line in read_shard(path)}
        yield from (json.loads(lines[seed]) for seed in sorted(lines))
        return
    n_buckets = min(n_buckets, num, 500)
    with tempfile.TemporaryDirectory(dir=folder, prefix=_SCRATCH) as scratch, ExitStack() as stack:
        buckets = [
            stack.enter_context((Path(scratch) / f"{number}").open("w+b"))
            for number in range(n_buckets)
        ]
        for path in paths:
            for seed, line in read_shard(path):
                buckets[seed * n_buckets // num].write(line)
        for bucket in buckets:
            bucket.seek(0)
            lines = {int(line[9 : line.index(b",")]): line for line in bucket}
            yield from (json.loads(lines[seed]) for seed in sorted(lines))
            bucket.truncate(0)


class _Totals:
    """What ``summary.json`` says of the records."""

    def __init__(self) -> None:
        self.converged = self.evaluations = 0
        self.seconds = 0.0
        self.failed: dict[str, int] = {}

    def add(self, record: dict[str, Any]) -> None:
        self.evaluations += record["evaluations"]
        self.seconds += record["seconds"]
        reason = record.get("reason")
        if reason is None:
            self.converged += 1
        else:
            self.failed[reason] = self.failed.get(reason, 0) + 1

    def summary(self) -> dict[str, Any]:
        return {
            "attempted": self.converged + sum(self.failed.values()),
            "converged": self.converged,
            "failed": dict(sorted(self.failed.items())),
            "evaluations": self.evaluations,
            "seed_seconds": round(self.seconds, 3),
        }


def merge(folder: Path, num: int) -> dict[str, Any]:
    """Write ``structures.extxyz`` and ``failures.jsonl`` from the records.

    Args:
        folder: of the run.
        num: seeds of the run.

    Returns:
        Totals for ``summary.json``: attempted, converged, failed by reason, evaluations, and the
        seconds that ranks spent on seeds.

    Raises:
        UserError: the disk is full, or a shard can't be read.
    """
    for left_by_a_kill in folder.glob(f"{_SCRATCH}*"):
        shutil.rmtree(left_by_a_kill, ignore_errors=True)
    with replacing(folder / STRUCTURES) as good, replacing(folder / FAILURES) as bad:
        totals = _write(read_records(folder, num), good, bad)
    return totals.summary()


def _write(records: Iterator[dict[str, Any]], good: IO[str], bad: IO[str]) -> _Totals:
    totals = _Totals()
    for record in records:
        totals.add(record)
        if "reason" in record:
            del record["crc"]
            bad.write(json.dumps(record) + "\n")
        else:
            # ASE would broadcast over all ranks, which are not all here
            ase.io.write(good, to_atoms(record), format="extxyz", parallel=False)
    return totals
