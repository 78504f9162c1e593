"""Where a model comes from: shipped with the package, a training run's folder, or a file."""

from dataclasses import dataclass
from pathlib import Path

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.errors import UserError
from rm_lammps.files import (
    MODEL_PACKAGE,
    MODEL_PROTOTYPES,
    MODEL_STATISTICS,
    pretrained_folder,
    shipped_models,
)
from rm_lammps.pretrained.ladder import Level, read_levels


@dataclass(frozen=True)
class ModelSource:
    """A packaged model with the statistics of its training data."""

    name: str
    package: Path
    statistics: DatasetStatistics | None
    """``None`` for a bare package: good for a pair style, not for making seeds."""
    prototypes: Path | None = None
    """Library of structures for seeds, where the model carries one."""
    levels: tuple[Level, ...] = ()
    """Of a ladder, the lowest first; empty where one potential is for all noise."""


def find_model(model: str) -> ModelSource:
    """Find a model by name, folder or package file.

    Args:
        model: name of a shipped model, folder written by ``rm-train``, or ``.nequip.zip`` file.

    Raises:
        UserError: there is no such model; lists what there is.

    """
    path = Path(model)
    if model in shipped_models():
        path = pretrained_folder() / model
    package = path / MODEL_PACKAGE if path.is_dir() else path
    if not package.is_file() or not package.name.endswith(".nequip.zip"):
        raise UserError(
            f"No model {model!r}: neither a shipped model, nor a folder with {MODEL_PACKAGE}, nor "
            "a .nequip.zip file.",
            f"Shipped models: {', '.join(shipped_models()) or 'none'}; "
            "or give the --out folder of rm-train.",
        )
    statistics = package.with_name(MODEL_STATISTICS)
    name = path.name if path.is_dir() else path.name.removesuffix(".nequip.zip")
    if not statistics.is_file():
        return ModelSource(name, package, None)
    prototypes = package.with_name(MODEL_PROTOTYPES)
    return ModelSource(
        name,
        package,
        DatasetStatistics.model_validate_json(statistics.read_text()),
        prototypes if prototypes.is_file() else None,
        read_levels(package.parent),
    )
