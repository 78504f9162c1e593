"""Put a trained model into the package; used by the scripts that train the shipped models."""

import shutil
from pathlib import Path

from rm_lammps.files import MODEL_PACKAGE, MODEL_PROTOTYPES, MODEL_STATISTICS

SHIPPED = (MODEL_PACKAGE, MODEL_STATISTICS, "card.json", "card.md", "training.png")
_PRETRAINED = Path(__file__).resolve().parents[1] / "rm_lammps" / "pretrained"


def ship(run: Path, name: str) -> None:
    """Copy the files of a training run that a shipped model has.

    Args:
        run: folder of ``rm-train``.
        name: of the shipped model.
    """
    (_PRETRAINED / name).mkdir(parents=True, exist_ok=True)
    for file in SHIPPED:
        shutil.copy(run / file, _PRETRAINED / name / file)
    if (run / MODEL_PROTOTYPES).exists():
        shutil.copy(run / MODEL_PROTOTYPES, _PRETRAINED / name / MODEL_PROTOTYPES)
