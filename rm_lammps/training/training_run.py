"""A training run: data in, training processes, a packaged model with its card out."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import yaml

from rm_lammps.cache import cache_folder
from rm_lammps.datasets import DatasetStatistics
from rm_lammps.errors import UserError
from rm_lammps.files import LEVELS_FOLDER, MODEL_PACKAGE, MODEL_STATISTICS, check_room, sha256
from rm_lammps.pretrained.ladder import Level, write_levels
from rm_lammps.pretrained.source import find_model
from rm_lammps.training.card import write_card
from rm_lammps.training.prepare import BEST, LAST, NEQUIP_CONFIG, prepare
from rm_lammps.training.processes import end_with_parent, launcher, n_processes, own_rank
from rm_lammps.training.training_config import TrainingConfig, load_config
from rm_lammps.training.training_table import plot_training, read_table

_SOURCE = "data/source.txt"
"""What the run was started with."""
_PATIENCE = 3600
"""Seconds that other processes wait for the first one to prepare the data."""


def train(
    config: TrainingConfig,
    data: Path,
    folder: Path,
    *,
    resume: bool = False,
    start_from: str | None = None,
    spurious: Path | None = None,
) -> Path:
    """Train a model: one potential, or a ladder of them one after the other.

    Each further level has a folder of its own in ``levels/``, and ``levels.json`` names them.
    For the arguments see :func:`train_potential`; with ``start_from`` each level begins with the
    weights of that model's level of the same name, or, without such a one, as the lowest does.

    Returns:
        The folder, which ``rm-deploy`` takes.

    Raises:
        UserError: as :func:`train_potential`.
    """
    train_potential(config, data, folder, resume=resume, start_from=start_from, spurious=spurious)
    levels = [_level("lowest", config, Path(MODEL_PACKAGE))]
    for name in config.levels:
        own, part = config.level(name), folder / LEVELS_FOLDER / name
        begin = None if start_from is None else _level_of(start_from, name)
        again = resume and (part / "config.yaml").exists()
        train_potential(own, data, part, resume=again, start_from=begin, spurious=spurious)
        levels.append(_level(name, own, part.relative_to(folder) / MODEL_PACKAGE))
    if config.levels and own_rank() == 0:
        write_levels(folder, levels)
    return folder.resolve()


def _level(name: str, config: TrainingConfig, package: Path) -> Level:
    noise = config.noise
    return Level(name=name, noise=(noise.displacement_min, noise.displacement), package=package)


def _level_of(model: str, name: str) -> str:
    """Folder of a model's level, or the model where it has none of that name."""
    source = find_model(model)
    found = {level.name: source.package.parent / level.package for level in source.levels}
    return str(found[name].parent) if name in found else model


def train_potential(
    config: TrainingConfig,
    data: Path,
    folder: Path,
    *,
    resume: bool = False,
    start_from: str | None = None,
    spurious: Path | None = None,
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
        spurious: structures that a model took for stable and that are not.

    Several processes that ``srun`` or ``torchrun`` started train together: the first one prepares
    the folder and finishes it.

    Returns:
        The folder, which ``rm-deploy`` takes.

    Raises:
        UserError: unusable data or folder, the training failed, or processes are asked for twice.

    """
    folder = folder.resolve()
    if config.processes > 1 and n_processes() > 1:
        raise UserError(
            f"processes: {config.processes}, in each of {n_processes()} processes.",
            "Leave `processes` out where torchrun or srun starts them.",
        )
    if own_rank() > 0:
        _wait_for(folder / NEQUIP_CONFIG)
        _fit(config, folder)
        return folder
    source = _describe(data)
    if spurious is not None:
        source += f"; spurious structures {_describe(spurious, 'spurious')}"
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
        else prepare(config, data, folder, start_from=start_from, spurious=spurious)
    )
    if not resume:
        (folder / _SOURCE).write_text(source + "\n", encoding="utf-8")
    _fit(config, folder)
    _package(config, folder)
    return _finish(config, statistics, folder, source=source)


def _check_resumable(folder: Path, config: TrainingConfig, source: str) -> None:
    stored = folder / "config.yaml"
    if not stored.exists():
        raise UserError(f"Nothing to resume in {folder}.", "Start without --resume.")
    now = config.model_dump(mode="json")
    # fields that the version before did not have were as they are by default
    before = load_config(yaml.safe_load(stored.read_text())).model_dump(mode="json")
    changed = [name for name in now if before[name] != now[name]]
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
            "Give the same --data (and --spurious), or start a new run in another folder.",
        )


def _wait_for(file: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not file.exists():
        if time.monotonic() > deadline:
            raise UserError(f"The first process has not written {file} within an hour.")
        time.sleep(0.5)


def _environment(config: TrainingConfig) -> dict[str, str]:
    threads = config.threads or max(len(os.sched_getaffinity(0)) // config.processes, 1)
    return {
        "TORCHINDUCTOR_CACHE_DIR": str(cache_folder() / "inductor"),
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONWARNINGS": "ignore",
    }


def _fit(config: TrainingConfig, folder: Path) -> None:
    rank = own_rank()
    _run(
        folder,
        "train.log" if rank == 0 else f"train-{rank}.log",
        [*launcher(config.processes), "rm_lammps.training.fit", str(folder)],
        _environment(config),
        visible=True,
        failure="The training stopped. It continues with --resume.",
    )


def _package(config: TrainingConfig, folder: Path) -> None:
    (folder / MODEL_PACKAGE).unlink(missing_ok=True)
    # a run that was trained elsewhere may bring its last checkpoint alone
    checkpoint = next((one for one in (BEST, LAST) if (folder / one).exists()), BEST)
    try:
        _run(
            folder,
            "package.log",
            ["nequip.scripts.package", "build", checkpoint, MODEL_PACKAGE],
            _environment(config),
            visible=False,
            failure="The trained model could not be packaged.",
        )
    except UserError:
        # half a model is none
        (folder / MODEL_PACKAGE).unlink(missing_ok=True)
        raise


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
            preexec_fn=end_with_parent,
        )
    if done.returncode != 0:
        try:
            # on a full disk the log has no room for the reason
            check_room(folder)
        except OSError as error:
            raise UserError(
                f"{failure} Can't write to {folder}: {error.strerror}.",
                "Make room, then go on with --resume.",
            ) from error
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
        raise UserError(f"{failure}\n{tail}", f"The whole log is in {log}")


def _describe(data: Path, flag: str = "data") -> str:
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
        raise UserError(f"No such {flag} file or folder: {data}", f"Give --{flag} FILE.") from error
    except OSError as error:
        raise UserError(f"Can't read {data}: {error.strerror}.", f"Give --{flag} FILE.") from error


def _finish(
    config: TrainingConfig, statistics: DatasetStatistics, folder: Path, *, source: str
) -> Path:
    # loads nequip, for which what is refused should not wait
    from rm_lammps.training.examination import examine_model

    plot_training(folder / "log.csv", folder / "training.png")
    rows = read_table(folder / "log.csv")
    found = examine_model(
        folder / MODEL_PACKAGE, config, statistics, folder / "data" / "validation.extxyz"
    )
    for warning in found["warnings"]:
        sys.stderr.write(f"Warning: {warning}\n")
    write_card(
        folder,
        config,
        statistics,
        source=source,
        epochs=len(rows),
        seconds=float(rows[-1]["seconds"]),
        structures_per_second=float(rows[-1]["structures_per_second"] or "nan"),
        found=found,
    )
    return folder
