"""Where the files that ship beside the Python code are: in the wheel, or in a checkout."""

from pathlib import Path

MODEL_PACKAGE = "model.nequip.zip"
"""The packaged model in a training run's folder, and in that of a shipped model."""

MODEL_STATISTICS = "statistics.json"
"""The statistics of its training data, beside it."""

_PACKAGE = Path(__file__).resolve().parent


def shipped_folder(name: str) -> Path:
    """Folder ``deploy`` or ``lammps_inputs`` of this installation."""
    installed = _PACKAGE / "_files" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def pretrained_folder() -> Path:
    """Folder with one sub-folder for each model that ships with the package."""
    return _PACKAGE / "pretrained"
