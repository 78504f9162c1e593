"""Train the shipped model ``diamond`` from a single diamond cell and put it into the package.

python scripts/train_diamond.py [--out runs/diamond]
"""

import argparse
from pathlib import Path

from ase.build import bulk
from shipping import ship, train

LATTICE_CONSTANT = 3.567  # Å, diamond at room temperature


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/diamond"))
    out = parser.parse_args().out
    data = out.with_name("diamond.extxyz")
    data.parent.mkdir(parents=True, exist_ok=True)
    bulk("C", "diamond", a=LATTICE_CONSTANT).write(data)
    train("diamond", data, out)
    ship(out, "diamond")


if __name__ == "__main__":
    main()
