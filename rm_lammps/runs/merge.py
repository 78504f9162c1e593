"""Merge records in order of seed, in memory that does not grow with their number."""

import hashlib
import io
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from rm_lammps.files import replacing
from rm_lammps.relaxation.outcome import Failure, Relaxed
from rm_lammps.runs.index import FrameTable, TableBuilder, cell_volume, write_index
from rm_lammps.runs.layout import FAILURES, STRUCTURES
from rm_lammps.runs.records import SeedRecord, begun_with
from rm_lammps.runs.shards import read_shard, shards

_BUCKET_BYTES = 64 * 2**20
_SCRATCH = ".merge-"


def read_records(
    folder: Path, num: int, *, bucket_bytes: int = _BUCKET_BYTES, scratch: Path | None = None
) -> Iterator[SeedRecord]:
    """All records in order of seed, each seed once.

    Shards are read once, one after the other, into files of a range of seeds each, which fit into
    memory: thousands of ranks leave more shards than a process may hold open.

    Args:
        folder: of the run.
        num: seeds of the run.
        bucket_bytes: records to have in memory at a time.
        scratch: folder for those files; the run's unless given.

    Raises:
        UserError: a shard can't be read.
    """
    paths = shards(folder)
    n_buckets = 1 + sum(path.stat().st_size for path in paths) // bucket_bytes
    if n_buckets == 1:
        lines = {seed: line for path in paths for seed, line in read_shard(path)}
        yield from (SeedRecord.from_line(lines[seed]) for seed in sorted(lines))
        return
    n_buckets = min(n_buckets, num, 500)
    where = folder if scratch is None else scratch
    with tempfile.TemporaryDirectory(dir=where, prefix=_SCRATCH) as path, ExitStack() as stack:
        buckets = [
            stack.enter_context((Path(path) / f"{number}").open("w+b"))
            for number in range(n_buckets)
        ]
        for shard in paths:
            for seed, line in read_shard(shard):
                buckets[seed * n_buckets // num].write(line)
        for bucket in buckets:
            bucket.seek(0)
            lines = {begun_with(line): line for line in bucket}
            yield from (SeedRecord.from_line(lines[seed]) for seed in sorted(lines))
            bucket.truncate(0)


class Totals:
    """What ``summary.json`` says of records."""

    def __init__(self) -> None:
        self.converged = self.evaluations = 0
        self.seconds = 0.0
        self.failed: Counter[str] = Counter()

    def add(self, reason: str | None, evaluations: int, seconds: float) -> None:
        """Count a seed.

        Args:
            reason: why it failed; ``None`` for a converged one.
            evaluations: that it took.
            seconds: that it took.
        """
        self.evaluations += evaluations
        self.seconds += seconds
        if reason is None:
            self.converged += 1
        else:
            self.failed[reason] += 1

    @property
    def attempted(self) -> int:
        """Number of seeds."""
        return self.converged + self.failed.total()

    def summary(self) -> dict[str, Any]:
        """Plain data for ``summary.json``."""
        return {
            "attempted": self.attempted,
            "converged": self.converged,
            "failed": dict(sorted(self.failed.items())),
            "evaluations": self.evaluations,
            "seed_seconds": round(self.seconds, 3),
        }


class StructureWriter:
    """Writes frames one after the other, and their table; knows where each begins.

    Args:
        stream: of the file, open for bytes.
        table: gets a row for each frame.
    """

    def __init__(self, stream: IO[bytes], table: TableBuilder) -> None:
        self._stream, self._table = stream, table
        self._digest = hashlib.sha256()
        self.length = 0
        """Bytes written."""

    def add(self, record: SeedRecord, outcome: Relaxed) -> None:
        """Write the frame of a converged seed.

        Args:
            record: of the seed; its atoms learn what the frame says.
            outcome: of the record.
        """
        from ase.io.extxyz import write_extxyz  # slow to import

        atoms, text = outcome.atoms, io.StringIO()
        atoms.info = info = record.info()
        # there are no results of a calculator; to look for them ASE would copy the atoms
        write_extxyz(text, atoms, write_results=False)
        data = text.getvalue().encode()
        self._stream.write(data)
        self._digest.update(data)
        self.length += len(data)
        self._table.add(
            end=self.length,
            seed=record.seed,
            composition=self._table.number_of_elements(atoms.numbers),
            n_atoms=len(atoms),
            volume_per_atom=cell_volume(atoms.cell.array) / len(atoms),
            energy=info["energy"],
            energy_per_atom=info["energy_per_atom"],
            share=record.origin.prior,
            evaluations=record.evaluations,
            seconds=record.seconds,
        )

    def table(self) -> FrameTable:
        """The table of all frames written."""
        return self._table.build(self._digest.hexdigest())


def merge(folder: Path, num: int, out: Path | None = None) -> dict[str, Any]:
    """Write ``structures.extxyz``, its index and ``failures.jsonl`` from the records.

    Args:
        folder: of the run.
        num: seeds of the run.
        out: folder for the files; the run's unless given.

    Returns:
        Totals for ``summary.json``: attempted, converged, failed by reason, evaluations, and the
        seconds that ranks spent on seeds.

    Raises:
        UserError: the disk is full, or a shard can't be read.
    """
    out = folder if out is None else out
    for left_by_a_kill in out.glob(f"{_SCRATCH}*"):
        shutil.rmtree(left_by_a_kill, ignore_errors=True)
    with replacing(out / STRUCTURES, "wb") as good, replacing(out / FAILURES) as bad:
        writer = StructureWriter(good, TableBuilder())
        totals = _write(read_records(folder, num, scratch=out), writer, bad)
    write_index(out, writer.table())
    return totals.summary()


def _write(records: Iterable[SeedRecord], good: StructureWriter, bad: IO[str]) -> Totals:
    totals = Totals()
    for record in records:
        outcome = record.outcome
        if isinstance(outcome, Failure):
            bad.write(json.dumps(record.plain()) + "\n")
            totals.add(outcome.reason.value, record.evaluations, record.seconds)
        else:
            good.add(record, outcome)
            totals.add(None, record.evaluations, record.seconds)
    return totals
