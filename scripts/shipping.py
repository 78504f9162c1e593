"""Put a trained model into the package; used by the scripts that train the shipped models."""

import shutil
from pathlib import Path

SHIPPED = ("model.nequip.zip", "statistics.json", "card.json", "card.md", "training.png")
PROTOTYPES = "prototypes.npz"
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
    if (run / PROTOTYPES).exists():
        shutil.copy(run / PROTOTYPES, _PRETRAINED / name / PROTOTYPES)
