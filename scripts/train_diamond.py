"""Train the shipped model ``diamond`` from a single diamond cell and put it into the package.

python scripts/train_diamond.py [--out runs/diamond]
"""

import argparse
import shutil
import subprocess
from pathlib import Path

from ase.build import bulk

PACKAGE = Path(__file__).resolve().parents[1] / "rm_lammps" / "pretrained" / "diamond"
LATTICE_CONSTANT = 3.567  # Å, diamond at room temperature
SHIPPED = ("model.nequip.zip", "statistics.json", "card.json", "card.md", "training.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/diamond"))
    out = parser.parse_args().out
    data = out.with_name("diamond.extxyz")
    data.parent.mkdir(parents=True, exist_ok=True)
    bulk("C", "diamond", a=LATTICE_CONSTANT).write(data)
    subprocess.run(["rm-train", "diamond", "--data", str(data), "--out", str(out)], check=True)
    PACKAGE.mkdir(parents=True, exist_ok=True)
    for name in SHIPPED:
        shutil.copy(out / name, PACKAGE / name)


if __name__ == "__main__":
    main()
