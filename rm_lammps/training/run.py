"""A training run: data in, ``nequip-train``, a packaged model with its card out."""

import ctypes
import hashlib
import os
import signal
import subprocess
import sys
from math import isfinite
from pathlib import Path

import ase
import ase.io
import yaml
from ase.geometry import minkowski_reduce

from rm_lammps.cache import cache_folder
from rm_lammps.datasets import DatasetStatistics, read_structures, split_indices
from rm_lammps.datasets.readers import SOURCE
from rm_lammps.errors import UserError
from rm_lammps.files import MODEL_PACKAGE, MODEL_PROTOTYPES, MODEL_STATISTICS, sha256
from rm_lammps.response.transform import ANCHOR
from rm_lammps.training.card import write_card
from rm_lammps.training.config import TrainingConfig
from rm_lammps.training.dataset import SHOWN
from rm_lammps.training.initial import INITIAL, keep_initial
from rm_lammps.training.learned_library import learned_library
from rm_lammps.training.nequip_config import nequip_config
from rm_lammps.training.progress import plot_training, read_table
from rm_lammps.training.validation import errors_by_level

_LAST = "checkpoints/last.ckpt"
_SOURCE = "data/source.txt"
"""What the run was started with."""
_QUIET_HYDRA = (
    "hydra.run.dir=.",
    "hydra.output_subdir=null",
    "hydra/job_logging=disabled",
    "hydra/hydra_logging=disabled",
)


def train(
    config: TrainingConfig,
    data: Path,
    folder: Path,
    *,
    resume: bool = False,
    start_from: str | None = None,
) -> Path:
    """Train a potential and package it.

    Args:
        config: the run.
        data: equilibrium structures, see :func:`~rm_lammps.datasets.read_structures`.
        folder: gets ``model.nequip.zip``, ``statistics.json``, ``card.json``, ``card.md``,
            ``config.yaml``, ``log.csv``, ``training.png``, checkpoints and the data as used;
            ``prototypes.npz`` if asked for.
        resume: continue the run in this folder from its last checkpoint.
        start_from: begin with the weights of this model instead of random ones.

    Returns:
        The folder, which ``rm-deploy`` takes.

    Raises:
        UserError: unusable data or folder, or the training failed.

    """
    folder = folder.resolve()
    source = _describe(data)
    if resume:
        _check_resumable(folder, config, source)
    elif (folder / "config.yaml").exists():
        raise UserError(
            f"{folder} already holds a training run.",
            "Continue it with --resume, or choose another --out.",
        )
    statistics = (
        DatasetStatistics.model_validate_json((folder / MODEL_STATISTICS).read_text())
        if resume
        else _prepare(config, data, folder, start_from)
    )
    if not resume:
        (folder / _SOURCE).write_text(source + "\n", encoding="utf-8")
    fields = nequip_config(
        config,
        statistics,
        initial=INITIAL if (folder / INITIAL).exists() else None,
        checkpoint=_LAST if resume and (folder / _LAST).exists() else None,
    )
    (folder / "nequip.yaml").write_text(yaml.safe_dump(fields, sort_keys=False))
    _fit_and_package(config, folder)
    return _finish(config, statistics, folder, source=source)


def _check_resumable(folder: Path, config: TrainingConfig, source: str) -> None:
    stored = folder / "config.yaml"
    if not stored.exists():
        raise UserError(f"Nothing to resume in {folder}.", "Start without --resume.")
    before, now = yaml.safe_load(stored.read_text()), config.model_dump(mode="json")
    changed = [name for name in now if before.get(name) != now[name]]
    if changed:
        raise UserError(
            f"The configuration changed since {folder} was started: {', '.join(changed)}.",
            f"Resume with {stored}, or start a new run in another folder.",
        )
    kept = folder / _SOURCE
    begun = kept.read_text(encoding="utf-8").strip() if kept.exists() else source
    if begun != source:
        raise UserError(
            f"{folder} was started with other data: {begun}; now {source}.",
            "Give the same --data, or start a new run in another folder.",
        )


def _prepare(
    config: TrainingConfig, data: Path, folder: Path, start_from: str | None
) -> DatasetStatistics:
    frames = read_structures(data)
    training, validation = split_indices(
        len(frames), validation=config.data.validation, seed=config.seed
    )
    statistics = DatasetStatistics.of([frames[i] for i in training], cutoff=config.model.r_max)
    unseen = {s for i in validation for s in frames[i].get_chemical_symbols()} - set(
        statistics.species
    )
    if unseen:
        raise UserError(
            f"The validation split has elements the training split lacks: {sorted(unseen)}.",
            "Use another seed or a smaller validation fraction.",
        )
    try:
        (folder / "data").mkdir(parents=True, exist_ok=True)
        if start_from is not None:
            keep_initial(start_from, statistics.species, folder)
        for name, indices in (("train", training), ("validation", validation)):
            structures = [_standard(frames[i], config) for i in indices]
            ase.io.write(folder / "data" / f"{name}.extxyz", structures, format="extxyz")
        (folder / MODEL_STATISTICS).write_text(statistics.model_dump_json(indent=1) + "\n")
        if config.data.prototypes and statistics.periodic:
            library = learned_library([frames[i] for i in training], seed=config.seed, shown=True)
            library.save(folder / MODEL_PROTOTYPES)
        (folder / "config.yaml").write_text(
            yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
        )
    except OSError as error:
        raise UserError(f"Can't write to {folder}: {error}", "Choose another --out.") from error
    return statistics


def _standard(atoms: ase.Atoms, config: TrainingConfig) -> ase.Atoms:
    """Keep sites, anchor and a Minkowski-reduced cell, on which minimum images rely."""
    standard = ase.Atoms(atoms.numbers, atoms.positions)
    if atoms.pbc.all():
        standard.set_cell(minkowski_reduce(atoms.cell.array)[0])
        standard.pbc = True
    # energies that the loss doesn't look at need not be there
    if config.data.energy_key is not None and config.optimisation.loss.energy > 0:
        standard.info[ANCHOR] = config.data.energy_scale * _number(
            atoms, config.data.energy_key, "data.energy_key"
        )
    if config.data.weight_key is not None:
        standard.info[SHOWN] = _number(atoms, config.data.weight_key, "data.weight_key")
        if standard.info[SHOWN] < 0:
            raise UserError(
                f"{atoms.info.get(SOURCE)} has {standard.info[SHOWN]} under "
                f"info[{config.data.weight_key!r}] (data.weight_key).",
                "A structure can't be shown less than never: give 0 or more.",
            )
    return standard


def _number(atoms: ase.Atoms, key: str, field: str) -> float:
    try:
        value = float(atoms.info[key])
    except (KeyError, TypeError, ValueError):
        value = float("nan")
    if not isfinite(value):
        raise UserError(
            f"{atoms.info.get(SOURCE)} has no number under info[{key!r}] ({field}).",
            f"Keys it has: {', '.join(map(str, atoms.info))}",
        )
    return value


def _fit_and_package(config: TrainingConfig, folder: Path) -> None:
    threads = config.threads or len(os.sched_getaffinity(0))
    environment = {
        "TORCHINDUCTOR_CACHE_DIR": str(cache_folder() / "inductor"),
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONWARNINGS": "ignore",
    }
    _run(
        folder,
        "train.log",
        ["rm_lammps.training.fit", str(folder)],
        environment,
        visible=True,
        failure="The training stopped. It continues with --resume.",
    )
    (folder / MODEL_PACKAGE).unlink(missing_ok=True)
    _run(
        folder,
        "package.log",
        ["nequip.scripts.package", "build", "checkpoints/best.ckpt", MODEL_PACKAGE],
        environment,
        visible=False,
        failure="The trained model could not be packaged.",
    )


def _run(
    folder: Path,
    log_name: str,
    module: list[str],
    environment: dict[str, str],
    *,
    visible: bool,
    failure: str,
) -> None:
    """Run a module of nequip in a folder; errors go to the log, progress to the terminal."""
    log = folder / log_name
    with log.open("w") as stream:
        done = subprocess.run(
            [sys.executable, "-m", *module],
            cwd=folder,
            env=environment,
            stdout=None if visible else stream,
            stderr=stream,
            check=False,
            preexec_fn=_end_with_parent,
        )
    if done.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
        raise UserError(f"{failure}\n{tail}", f"The whole log is in {log}")


def _end_with_parent() -> None:
    """Let the kernel end this process with rm-train: an orphan would train on, against a resume."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _describe(data: Path) -> str:
    """Name the data by content: the path means nothing on another machine.

    Raises:
        UserError: there are none, or they can't be read.
    """
    try:
        if not data.is_dir():
            return f"{data.name}, sha256 {sha256(data)}"
        files = sorted(path for path in data.rglob("*") if path.is_file())
        together = hashlib.sha256("".join(map(sha256, files)).encode()).hexdigest()
        return f"folder {data.resolve().name}, {len(files)} files, sha256 {together}"
    except FileNotFoundError as error:
        raise UserError(f"No such data file or folder: {data}", "Give --data FILE.") from error
    except OSError as error:
        raise UserError(f"Can't read {data}: {error.strerror}.", "Give --data FILE.") from error


def _finish(
    config: TrainingConfig, statistics: DatasetStatistics, folder: Path, *, source: str
) -> Path:
    plot_training(folder / "log.csv", folder / "training.png")
    rows = read_table(folder / "log.csv")
    errors = errors_by_level(
        folder / MODEL_PACKAGE, config, statistics, folder / "data" / "validation.extxyz"
    )
    write_card(
        folder,
        config,
        statistics,
        source=source,
        epochs=len(rows),
        seconds=float(rows[-1]["seconds"]),
        errors=errors,
    )
    return folder
