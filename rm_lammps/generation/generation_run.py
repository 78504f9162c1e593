"""A generation run over MPI."""

import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mpi4py import MPI

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.deployment.bundle import Bundle, find_bundle
from rm_lammps.deployment.plugin import ensure_plugin
from rm_lammps.errors import Note, UserError
from rm_lammps.files import sha256_of_all
from rm_lammps.generation.counters import SharedCounters
from rm_lammps.generation.display import GenerationProgress
from rm_lammps.generation.generation_config import GenerationConfig
from rm_lammps.generation.run_fields import Execution
from rm_lammps.generation.run_seeds import RunSeeds
from rm_lammps.generation.schedule import ChunkSchedule, SeedRanges
from rm_lammps.generation.stopping import Stopping, deadline
from rm_lammps.generation.worker import Worker, check_bundle
from rm_lammps.ranks import (
    Communicator,
    meet,
    on_all,
    on_each_node,
    on_root,
    on_root_only,
    raise_together,
)
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.runs.folder import finish, open_folder
from rm_lammps.runs.layout import TRAJECTORIES
from rm_lammps.runs.shards import ShardWriter, crash_record, read_recorded
from rm_lammps.systems import System, find_system

_VERSIONED = ("rm_lammps", "lammps", "numpy")

Conclude = Callable[[Path, Communicator, DatasetStatistics], None]
"""Folder, ranks, statistics of the model's training data."""


def generate(
    config: GenerationConfig,
    folder: Path,
    comm: MPI.Intracomm,
    execution: Execution = Execution(),  # noqa: B008
    conclude: Conclude | None = None,
) -> dict[str, Any]:
    """Relax ``config.total`` seeds on all ranks of ``comm`` and write the results.

    A run that was stopped, however, goes on when started again in the same folder.

    Args:
        config: the run, the same on every rank.
        folder: gets ``structures.extxyz``, ``failures.jsonl``, ``summary.json``, ``run.yaml``
            and the records of each rank.
        comm: called on every rank of it.
        execution: what the structures don't depend on.
        conclude: what to do with the structures of a complete run, on every rank.

    Returns:
        The summary; ``remaining`` of it is not 0 where the run was stopped early.

    Raises:
        UserError: on every rank, for bad input or a folder that can't be used.
    """
    start = time.time()
    folder = folder.resolve()
    _check_execution(config, execution, comm)
    bundle = on_root(comm, lambda: find_bundle(config.model, device=config.device))
    on_each_node(comm, bundle.check)
    on_all(comm, lambda: ensure_plugin(graphs=bundle.needs_graphs))
    system = on_all(comm, lambda: _system(config, bundle))
    run_seeds = on_all(comm, lambda: RunSeeds(config, bundle))
    for remark in run_seeds.remarks if comm.rank == 0 else []:
        warnings.warn(remark, Note, stacklevel=2)
    lock = on_root_only(comm, lambda: open_folder(folder, _describe(config, bundle, system)))
    stopping = Stopping(deadline(execution.time_limit, start), execution.grace)
    try:
        on_root(comm, lambda: run_seeds.request.write(folder))
        session, todo = on_root(comm, lambda: _take_stock(folder, config, execution, run_seeds))
        written = 0
        facts: dict[str, Any] = {}
        if len(todo):
            written, facts = _relax_all(
                config,
                execution,
                folder,
                comm,
                bundle=bundle,
                seeds=run_seeds,
                session=session,
                todo=todo,
                stopping=stopping,
            )
        facts |= {
            "kind": system.plural,
            "wall_seconds": round(time.time() - start, 3),
            "ranks": comm.size,
            "ranks_per_structure": execution.ranks_per_structure,
        }
        expected = config.total - len(todo) + written
        summary = on_root(comm, lambda: finish(folder, config.total, expected, facts))
        if conclude is not None and summary["converged"] and not summary["remaining"]:
            conclude(folder, comm, bundle.statistics)
        return summary
    finally:
        stopping.close()
        if lock is not None:
            lock.release()


def _system(config: GenerationConfig, bundle: Bundle) -> System:
    """What is generated; checks that model and protocol are for it."""
    learned = bundle.statistics.system
    system = learned if config.system is None else config.system
    if learned.name not in {system.learned_from, system.name}:
        raise UserError(
            f"{system.plural.capitalize()} need a model that was trained on "
            f"{find_system(system.learned_from).plural}; {bundle.manifest.name} was trained on "
            f"{learned.plural}.",
            "Choose another model, or leave out --system.",
        )
    config.protocol.check(system)
    return system


def _describe(config: GenerationConfig, bundle: Bundle, system: System) -> dict[str, Any]:
    """What the structures depend on, in plain data: ``run.yaml``."""
    return {
        "kind": system.plural,
        "config": config.model_dump(mode="json"),
        "model": {
            "name": bundle.manifest.name,
            "package_sha256": bundle.manifest.package_sha256,
            "compiled_sha256": bundle.manifest.files[bundle.model],
        },
        "files": {
            **{name: sha256_of_all(path) for name, path in config.seeds.files.items()},
            **{name: own for t in config.protocol.terms for name, own in t.hashes().items()},
        },
        # those of a compiled graph among them, where the bundle is one
        "versions": bundle.manifest.versions | {name: version(name) for name in _VERSIONED},
    }


def _check_execution(config: GenerationConfig, execution: Execution, comm: MPI.Intracomm) -> None:
    share = execution.ranks_per_structure
    if share < 1 or comm.size % share:
        raise UserError(
            f"--ranks-per-structure {share} does not divide the {comm.size} ranks of the run.",
            "Choose a divisor of mpirun's -n.",
        )
    beyond = [seed for seed in execution.trajectories if not 0 <= seed < config.total]
    if beyond:
        raise UserError(
            f"--trajectories names seed {beyond[0]}; this run's are 0 to {config.total - 1}."
        )


def _take_stock(
    folder: Path, config: GenerationConfig, execution: Execution, seeds: RunSeeds
) -> tuple[int, SeedRanges]:
    """Number of this start, and the seeds still to do; records seeds that killed their process."""
    recorded = read_recorded(folder, config.total)
    session = recorded.next_session
    if recorded.crashed:
        with ShardWriter(folder, session, 0) as shard:
            for seed, how in sorted(recorded.crashed.items()):
                shard.append(crash_record(seed, seeds.formula(seed), how))
                recorded.done[seed] = True
        session += 1
    if execution.trajectories:
        try:
            (folder / TRAJECTORIES).mkdir(exist_ok=True)
        except OSError as error:
            raise UserError(f"Can't write to {folder}: {error}") from error
    return session, SeedRanges.missing(recorded.done)


def _relax_all(
    config: GenerationConfig,
    execution: Execution,
    folder: Path,
    comm: MPI.Intracomm,
    *,
    bundle: Bundle,
    seeds: RunSeeds,
    session: int,
    todo: SeedRanges,
    stopping: Stopping,
) -> tuple[int, dict[str, Any]]:
    """Relax the seeds of ``todo``; returns the number of records of all ranks, and facts."""
    share = execution.ranks_per_structure
    group = MPI.COMM_SELF if share == 1 else comm.Split(comm.rank // share, comm.rank)
    schedule = ChunkSchedule(len(todo), comm.size // share)
    lammps = on_all(comm, lambda: _begin(bundle, group))
    counters = SharedCounters(comm)
    progress = (
        GenerationProgress(config.total, config.total - len(todo)) if comm.rank == 0 else None
    )
    shard = ShardWriter(folder, session, comm.rank)
    worker = Worker(
        config,
        execution,
        folder,
        bundle,
        seeds,
        group=group,
        counters=counters,
        stopping=stopping,
        shard=shard,
        progress=progress,
    )
    begin = time.monotonic()
    with lammps:
        worker.run(lammps, todo, schedule)
    try:
        # before rank 0 reads it: a network file system shows closed files only
        shard.close()
    except UserError as error:
        stopping.request(error)
    counters.flush()
    meet(comm)
    relaxing = time.monotonic() - begin
    if progress is not None:
        progress.show(*counters.totals())
        progress.close()
    counters.close()
    raise_together(comm, stopping.error)
    on_root(comm, lambda: check_bundle(bundle))
    busy = comm.allreduce(worker.busy_seconds) / (comm.size * relaxing)
    facts = {"relaxing_seconds": round(relaxing, 3), "busy": round(busy, 4)}
    return comm.allreduce(shard.written), facts


def _begin(bundle: Bundle, group: MPI.Comm) -> LammpsSession:
    """Start a session and load the model, which takes longer than most seeds.

    Raises:
        UserError: the model can't be loaded: every seed would fail.
    """
    session = LammpsSession(bundle, group)
    try:
        session.load(bundle.statistics.system.smallest(bundle.manifest.species[0]))
        session.evaluate()
    except Exception as error:
        raise UserError(
            f"LAMMPS can't load the model {bundle.folder}: {str(error).strip()}",
            "Run rm-doctor, and rm-deploy on this machine.",
        ) from error
    return session
