"""Records through any order of starts, kills and resumes: nothing lost, nothing twice."""

import shutil
import tempfile
from pathlib import Path

import ase.io
from ase.build import bulk
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rm_lammps.relaxation.outcome import Failure, Reason, Relaxed
from rm_lammps.runs.layout import FAILURES, RECORDS, STRUCTURES
from rm_lammps.runs.merge import merge
from rm_lammps.runs.records import Origin, SeedRecord
from rm_lammps.runs.shards import ShardWriter, crash_record, read_recorded, shards

NUM = 8
"""Seeds of the run."""


def record_of(seed):
    if seed % 3 == 0:
        outcome = Failure(Reason.EXPANDED, "it flew apart", 5)
    else:
        atoms = bulk("C", a=3.5 + 0.01 * seed)
        outcome = Relaxed(atoms, -float(seed), 0.01, 0.1, 7)
    return SeedRecord(seed, "C2", Origin("random"), outcome, 0.5)


class Run(RuleBasedStateMachine):
    """Two ranks that take seeds, are killed at any byte, and start again."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="records-"))
        (self.folder / RECORDS).mkdir()
        self.written = set()
        self.crashed = set()
        self.writers = []

    def teardown(self):
        self.stop()
        shutil.rmtree(self.folder)

    def stop(self):
        for writer, _ in self.writers:
            writer.close()
        self.writers = []

    @rule()
    def start(self):
        """As rm-generate does: crashed seeds are recorded, the others still to do are taken."""
        self.stop()
        found = read_recorded(self.folder, NUM)
        assert set(found.done.nonzero()[0].tolist()) == self.written
        assert set(found.crashed) == self.crashed - self.written
        session = found.next_session
        assert all(int(path.name.split("-")[0]) < session for path in shards(self.folder))
        if found.crashed:
            with ShardWriter(self.folder, session, 0) as shard:
                for seed, how in sorted(found.crashed.items()):
                    shard.append(crash_record(seed, "C2", how))
                    self.written.add(seed)
            session += 1
        todo = [seed for seed in range(NUM) if seed not in self.written]
        self.writers = [(ShardWriter(self.folder, session, rank), todo[rank::2]) for rank in (0, 1)]

    @precondition(lambda self: self.writers)
    @rule(rank=st.integers(0, 1))
    def finish_a_seed(self, rank):
        writer, todo = self.writers[rank]
        if todo:
            seed = todo.pop(0)
            writer.begin(seed)
            writer.append(record_of(seed))
            self.written.add(seed)

    @precondition(lambda self: self.writers)
    @rule(rank=st.integers(0, 1), lost=st.integers(1, 60), fatal=st.booleans())
    def kill_while_a_record_is_written(self, rank, lost, fatal):
        """The record's last bytes never reach the disk; a fatal signal may leave its name."""
        writer, todo = self.writers[rank]
        if not todo:
            return
        seed = todo[0]
        path = self.folder / RECORDS / Path(writer._path).name
        writer.begin(seed)
        if not fatal:
            writer.append(record_of(seed))
        self.stop()
        with path.open("r+b") as stream:
            size = path.stat().st_size
            if fatal:
                stream.seek(size)
                stream.write(b"Fatal Python error: Segmentation fault\n")
                self.crashed.add(seed)
            else:
                stream.truncate(size - lost)

    @rule()
    def evaluate(self):
        """Whatever is there is merged, in the order of seeds."""
        totals = merge(self.folder, NUM)
        assert totals["attempted"] == len(self.written)
        frames = ase.io.read(self.folder / STRUCTURES, ":") if totals["converged"] else []
        seeds = [atoms.info["seed"] for atoms in frames]
        failed = (self.folder / FAILURES).read_text().splitlines()
        assert len(seeds) + len(failed) == len(self.written)
        assert seeds == sorted(set(seeds))

    @invariant()
    def nothing_is_lost_or_twice(self):
        if self.writers:
            return
        done = read_recorded(self.folder, NUM).done
        assert set(done.nonzero()[0].tolist()) == self.written


Run.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestRun = Run.TestCase
