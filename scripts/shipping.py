"""Train the shipped models, in two stages, and put them into the package."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from rm_lammps.files import MODEL_LEVELS, MODEL_PACKAGE, MODEL_PROTOTYPES, MODEL_STATISTICS
from rm_lammps.pretrained.ladder import read_levels
from rm_lammps.settings import combine
from rm_lammps.training.training_config import load_config

SHIPPED = (MODEL_PACKAGE, MODEL_STATISTICS, "card.json", "card.md", "training.png")
_PRETRAINED = Path(__file__).resolve().parents[1] / "rm_lammps" / "pretrained"


def train_and_refine(
    preset: str, change: Mapping[str, Any], data: Path, out: Path, *, resume: bool
) -> Path:
    """Train a preset, and go on from it with other settings.

    Args:
        preset: the first training.
        change: what the second has different, as in a configuration.
        data: structures.
        out: folder of the first training; the second's stands beside it.
        resume: go on where a stopped call was.

    Returns:
        Folder of the second training.
    """
    train(preset, data, out, resume=resume)
    refined = out.with_name(out.name + "-refined")
    config = refined.with_suffix(".yaml")
    write_variant(preset, change, config)
    train(str(config), data, refined, "--start-from", str(out), resume=resume)
    return refined


def write_variant(preset: str, change: Mapping[str, Any], config: Path) -> None:
    """Write the configuration of a preset with some settings changed."""
    settings = combine(load_config(preset).model_dump(mode="json"), change)
    config.write_text(yaml.safe_dump(settings, sort_keys=False))


def train(config: str, data: Path, out: Path, *more: str, resume: bool = False) -> None:
    """Call ``rm-train``; with ``resume``, go on with what there is, or leave a finished model.

    Args:
        config: preset or file.
        data: structures.
        out: folder of the training.
        more: options for one that begins anew.
        resume: whether to look for what there is.
    """
    if resume and (out / MODEL_PACKAGE).exists():
        return
    command = ["rm-train", config, "--data", str(data), "--out", str(out)]
    subprocess.run([*command, *(["--resume"] if resume and out.exists() else more)], check=True)


def ship(run: Path, name: str) -> None:
    """Copy the files of a training run that a shipped model has.

    Args:
        run: folder of ``rm-train``.
        name: of the shipped model.
    """
    target = _PRETRAINED / name
    packages = [level.package for level in read_levels(run)] or [Path(MODEL_PACKAGE)]
    for part in [package.parent for package in packages]:
        (target / part).mkdir(parents=True, exist_ok=True)
        for file in SHIPPED:
            shutil.copy(run / part / file, target / part / file)
    for file in (MODEL_PROTOTYPES, MODEL_LEVELS):
        if (run / file).exists():
            shutil.copy(run / file, target / file)
