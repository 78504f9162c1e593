"""A generation run over MPI."""

import json
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import yaml
from filelock import FileLock, Timeout
from mpi4py import MPI

from rm_lammps.deployment.bundle import COMPILED, Bundle, find_bundle
from rm_lammps.errors import UserError
from rm_lammps.generation.config import GenerationConfig
from rm_lammps.generation.progress import GenerationProgress
from rm_lammps.generation.records import (
    RECORDS,
    ShardWriter,
    finished_seeds,
    make_record,
    merge,
    next_session,
)
from rm_lammps.generation.scheduler import SeedCounter
from rm_lammps.relaxation import Relaxed
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.seeds import parse_formula, random_crystal

RUN = "run.yaml"
SUMMARY = "summary.json"
_VERSIONED = ("rm_lammps", "torch", "nequip", "nequip-allegro", "lammps", "numpy")
_POLL_SECONDS = 0.05
_T = TypeVar("_T")


def generate(config: GenerationConfig, folder: Path, comm: MPI.Intracomm) -> dict[str, Any]:
    """Relax ``config.num`` seeds on all ranks of ``comm`` and write the results.

    A run that was stopped, however, goes on when started again in the same folder.

    Args:
        config: the run, the same on every rank.
        folder: gets ``structures.extxyz``, ``failures.jsonl``, ``summary.json``, ``run.yaml``
            and the records of each rank.
        comm: called on every rank of it.

    Returns:
        The summary.

    Raises:
        UserError: on every rank, for bad input or a folder that can't be used.
    """
    start = time.monotonic()
    folder = folder.resolve()
    bundle_folder = on_root(comm, lambda: find_bundle(config.model, device=config.device).folder)
    bundle = Bundle.load(bundle_folder)
    composition = parse_formula(config.formula, bundle.manifest.species)
    lock = on_root_only(comm, lambda: _open_folder(folder, config, bundle))
    try:
        session, done = on_root(comm, lambda: (next_session(folder), finished_seeds(folder)))
        todo = [seed for seed in range(config.num) if seed not in done]
        _relax_all(config, composition, bundle, folder, comm, session=session, todo=todo)
        return on_root(comm, lambda: _finish(folder, comm.size, time.monotonic() - start))
    finally:
        if lock is not None:
            lock.release()


def _relax_all(
    config: GenerationConfig,
    composition: dict[str, int],
    bundle: Bundle,
    folder: Path,
    comm: MPI.Intracomm,
    *,
    session: int,
    todo: list[int],
) -> None:
    counter = SeedCounter(comm)
    progress = GenerationProgress(config.num, config.num - len(todo)) if comm.rank == 0 else None
    with LammpsSession(bundle) as lammps, ShardWriter(folder, session, comm.rank) as shard:
        for seed in counter.take(todo):
            begin = time.perf_counter()
            rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(seed,)))
            atoms = random_crystal(composition, bundle.statistics, config.seeds, rng)
            outcome = lammps.relax(atoms, config.protocol)
            shard.append(make_record(seed, config.formula, outcome, time.perf_counter() - begin))
            counter.report(converged=isinstance(outcome, Relaxed))
            if progress is not None and progress.due:
                progress.show(*counter.totals())
    wait(comm.Ibarrier())
    if progress is not None:
        progress.show(*counter.totals())
        progress.close()
    counter.close()


def _open_folder(folder: Path, config: GenerationConfig, bundle: Bundle) -> FileLock:
    """Make the folder, or check that it holds this very run; returns its lock, taken."""
    run = {
        "config": config.model_dump(mode="json"),
        "model": {
            "name": bundle.manifest.name,
            "package_sha256": bundle.manifest.package_sha256,
            "compiled_sha256": bundle.manifest.files[COMPILED],
        },
        "versions": {name: version(name) for name in _VERSIONED},
    }
    try:
        (folder / RECORDS).mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire(timeout=0)
        stored = folder / RUN
        if stored.exists():
            _check_same(stored, run)
        else:
            partial = folder / f".{RUN}.partial"
            partial.write_text(yaml.safe_dump(run, sort_keys=False))
            partial.replace(stored)
    except Timeout as error:
        raise UserError(
            f"Another run is writing to {folder}.", "Wait for it, or choose another --out."
        ) from error
    except OSError as error:
        raise UserError(f"Can't write to {folder}: {error}", "Choose another --out.") from error
    return lock


def _check_same(stored: Path, run: dict[str, Any]) -> None:
    before = yaml.safe_load(stored.read_text())
    changes = [
        f"  {name}: was {old!r}, is {new!r}"
        for name, old, new in _differences(before, run)
        # the path by which a model was named doesn't matter, what it computes does
        if name != "config.model"
    ]
    if changes:
        raise UserError(
            f"{stored.parent} holds a run with other settings:\n" + "\n".join(changes),
            "Choose another --out, or give that run's settings to continue it.",
        )


def _differences(old: Any, new: Any, name: str = "") -> list[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            difference
            for key in sorted({*old, *new})
            for difference in _differences(
                old.get(key), new.get(key), f"{name}.{key}" if name else key
            )
        ]
    return [] if old == new else [(name, old, new)]


def _finish(folder: Path, ranks: int, wall_seconds: float) -> dict[str, Any]:
    summary = {**merge(folder), "wall_seconds": round(wall_seconds, 3), "ranks": ranks}
    partial = folder / f".{SUMMARY}.partial"
    partial.write_text(json.dumps(summary, indent=1) + "\n")
    partial.replace(folder / SUMMARY)
    return summary


def on_root(comm: MPI.Intracomm, work: Callable[[], _T]) -> _T:
    """Do ``work`` on rank 0 and give its result, or its :class:`UserError`, to every rank.

    The others sleep meanwhile instead of spinning: rank 0 may be compiling.
    """
    result: Any = None
    if comm.rank == 0:
        try:
            result = work()
        except UserError as error:
            result = error
    wait(comm.Ibarrier())
    result = comm.bcast(result)
    if isinstance(result, UserError):
        raise result
    return result


def on_root_only(comm: MPI.Intracomm, work: Callable[[], _T]) -> _T | None:
    """Like :func:`on_root` for results that stay on rank 0; ``None`` on the others."""
    kept: list[_T] = []
    on_root(comm, lambda: kept.append(work()))
    return kept[0] if kept else None


def wait(request: MPI.Request) -> None:
    """Wait without keeping a core busy."""
    while not request.Test():
        time.sleep(_POLL_SECONDS)
