"""Train the shipped model ``molecules`` and put it into the package.

python scripts/prepare_molecules.py --qm9 14000 --add qm7_pbe0.extxyz.gz --out molecules-data
python scripts/train_molecules.py molecules-data/train.extxyz [--out runs/molecules] [--resume]

The preset is trained first, and then refined with more weight on small noise.
"""

import argparse
from pathlib import Path

from shipping import ship, train_and_refine

REFINEMENT = {
    "noise": {"displacement_power": 3.0},
    "optimisation": {"epochs": 10, "learning_rate": 0.002, "loss": {"half_weight": 0.08}},
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/molecules"))
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    refined = train_and_refine(
        "molecules", REFINEMENT, options.data, options.out, resume=options.resume
    )
    ship(refined, "molecules")


if __name__ == "__main__":
    main()
