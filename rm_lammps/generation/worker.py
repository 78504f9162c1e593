"""What each rank, or group of ranks, does: take seeds, relax them, record them."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

from rm_lammps.deployment.bundle import Bundle
from rm_lammps.errors import UserError
from rm_lammps.files import cannot_write
from rm_lammps.generation.counters import SharedCounters
from rm_lammps.generation.display import GenerationProgress
from rm_lammps.generation.generation_config import GenerationConfig
from rm_lammps.generation.run_fields import Execution
from rm_lammps.generation.run_seeds import RunSeeds
from rm_lammps.generation.schedule import ChunkSchedule, SeedRanges
from rm_lammps.generation.stopping import Stopping
from rm_lammps.geometry.symmetry import space_group
from rm_lammps.relaxation import DroppedError, Failure, Reason, Relaxed
from rm_lammps.relaxation.keeping import Keeper
from rm_lammps.relaxation.relaxation import relax
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.runs.layout import PLACES, TRAJECTORIES, place_name, trajectory_name
from rm_lammps.runs.records import Origin, SeedRecord
from rm_lammps.runs.shards import ShardWriter

_SECONDS_BETWEEN_CHECKS = 10.0
_LARGE = 500
"""Atoms from which on a structure's way is kept."""


class Worker:
    """Relaxes seeds on a group of ranks, often of one.

    Args:
        config: the run.
        execution: how.
        folder: of the run.
        bundle: the model.
        seeds: of the run.
        group: ranks that share each structure.
        counters: shared by all groups.
        stopping: when to stop.
        shard: for records, on the group's first rank.
        progress: shown on rank 0.
    """

    def __init__(
        self,
        config: GenerationConfig,
        execution: Execution,
        folder: Path,
        bundle: Bundle,
        seeds: RunSeeds,
        *,
        group: MPI.Comm,
        counters: SharedCounters,
        stopping: Stopping,
        shard: ShardWriter,
        progress: GenerationProgress | None,
    ) -> None:
        self._config, self._folder, self._seeds = config, folder, seeds
        self._trajectories = frozenset(execution.trajectories)
        self._group, self._counters, self._stopping = group, counters, stopping
        self._shard, self._progress = shard, progress
        self._keep_seconds = 60 * execution.keep_every
        self._where = ""
        self._kept: Keeper | None = None
        self._watch = _BundleWatch(bundle) if progress is not None else None
        self.busy_seconds = 0.0
        """Time spent on seeds."""

    def run(self, lammps: LammpsSession, todo: SeedRanges, schedule: ChunkSchedule) -> None:
        """Relax seeds until there are none left or the run is to stop.

        Args:
            lammps: session of the group.
            todo: seeds without a record.
            schedule: chunks of ``todo``.
        """
        seeds = self._take(todo, schedule) if self._group.rank == 0 else iter(())
        while (seed := self._from_leader(next(seeds, None))) is not None:
            begin = time.perf_counter()
            try:
                origin, outcome = self._relax(lammps, seed)
            except DroppedError:
                break
            except UserError as error:
                self._fail(error)
                break
            seconds = time.perf_counter() - begin
            self.busy_seconds += seconds
            if self._group.rank == 0:
                self._record(seed, origin, outcome, seconds)

    def _relax(self, lammps: LammpsSession, seed: int) -> tuple[dict[str, Any], Relaxed | Failure]:
        """What is known of the seed, and how it ended."""
        drawing, relaxing = generators(self._config.seed, seed)
        atoms = self._seeds.make(seed, drawing)
        keeper = self._kept = self._keeper(seed) if len(atoms) >= _LARGE else None
        trajectory = None
        if seed in self._trajectories:
            trajectory = self._folder / TRAJECTORIES / trajectory_name(seed)
            if self._group.rank == 0 and (keeper is None or keeper.find() is None):
                trajectory.unlink(missing_ok=True)
        outcome = relax(
            lammps,
            atoms,
            self._config.protocol,
            relaxing,
            system=self._config.system,
            dropped=self._overdue,
            trajectory=trajectory,
            keeper=keeper,
        )
        self._where = ""
        wanted = self._config.seeds.wanted_groups
        if wanted is None or isinstance(outcome, Failure):
            return atoms.info, outcome
        found = space_group(outcome.atoms)
        if found.number not in wanted:
            failure = Failure(Reason.OTHER_SYMMETRY, f"{found}", outcome.evaluations)
            return atoms.info, failure
        return {**atoms.info, "relaxed_group": found.number}, outcome

    def _keeper(self, seed: int) -> Keeper:
        folder = self._folder / PLACES
        if self._group.rank == 0:
            try:
                folder.mkdir(exist_ok=True)
            except OSError as error:
                raise cannot_write(folder, error) from error

        def tell(where: str) -> None:
            self._where = f"seed {seed}: {where}"

        return Keeper(
            folder / place_name(seed),
            self._keep_seconds,
            self._from_leader,
            tell,
            leader=self._group.rank == 0,
        )

    def _take(self, todo: SeedRanges, schedule: ChunkSchedule) -> Iterator[int]:
        while not self._stop():
            positions = schedule[self._counters.next_chunk()]
            if not positions:
                return
            for position in positions:
                if self._stop():
                    return
                seed = todo[position]
                try:
                    self._shard.begin(seed)
                except UserError as error:
                    self._fail(error)
                    return
                yield seed

    def _record(
        self, seed: int, origin: dict[str, Any], outcome: Relaxed | Failure, seconds: float
    ) -> None:
        record = SeedRecord(seed, origin["formula"], Origin.from_named(origin), outcome, seconds)
        try:
            self._shard.append(record)
        except UserError as error:
            self._fail(error)
            return
        if self._kept is not None:
            self._kept.end()
            self._kept = None
        self._counters.report(converged=isinstance(outcome, Relaxed))
        if self._progress is not None and self._progress.due:
            self._progress.show(*self._counters.totals())

    def _stop(self) -> bool:
        """Whether no new seed may start; spreads the word."""
        if self._watch is not None:
            try:
                self._watch.look()
            except UserError as error:
                self._fail(error)
        if self._stopping.requested:
            self._counters.stop()
        elif self._counters.stopped():
            self._stopping.request()
        return self._stopping.requested

    def _fail(self, error: UserError) -> None:
        self._stopping.request(error)
        self._counters.stop()

    def _overdue(self) -> bool:
        """Whether to drop the seed in flight; the group's first rank decides."""
        overdue = False
        if self._group.rank == 0:
            overdue = self._stop() and self._stopping.overdue
            if self._progress is not None and self._progress.due:
                self._progress.show(*self._counters.totals(), self._where)
        return bool(self._from_leader(overdue))

    def _from_leader(self, value: Any) -> Any:
        return value if self._group.size == 1 else self._group.bcast(value)


def generators(run_seed: int, seed: int) -> tuple[np.random.Generator, np.random.Generator]:
    """Sources of randomness of a seed and of its relaxation, independent of each other.

    They depend on the two numbers alone: not on ranks, order or restarts. What a seed draws more
    or less leaves the random steps of its relaxation as they were.

    Args:
        run_seed: of the run.
        seed: number of the seed.
    """
    sequence = np.random.SeedSequence(run_seed, spawn_key=(seed,))
    drawing, relaxing = (np.random.default_rng(child) for child in sequence.spawn(2))
    return drawing, relaxing


class _BundleWatch:
    """Notices when the model's files change under the run."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._looked = time.monotonic()
        self._state = self._look_at_files()

    def look(self) -> None:
        """Compare, every few seconds at most.

        Raises:
            UserError: the files are not those that the run began with.
        """
        if time.monotonic() - self._looked < _SECONDS_BETWEEN_CHECKS:
            return
        self._looked = time.monotonic()
        state = self._look_at_files()
        if state != self._state:
            check_bundle(self._bundle)
            self._state = state

    def _look_at_files(self) -> list[tuple[int, int] | None]:
        files = [self._bundle.folder / name for name in self._bundle.manifest.files]
        return [_state(file) for file in files]


def _state(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def check_bundle(bundle: Bundle) -> None:
    """Check that a bundle is still the one that was loaded.

    Raises:
        UserError: it is not.
    """
    try:
        bundle.check()
    except UserError as error:
        raise UserError(f"The model changed under the run: {error.problem}", _RESTORE) from error


_RESTORE = "Put the bundle back and give the same command again: it goes on where it stopped."
