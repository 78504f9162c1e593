"""Train the shipped model ``molecules`` and put it into the package.

python scripts/prepare_molecules.py --qm9 40000 --add qm7_pbe0.extxyz.gz --out molecules-data
python scripts/train_molecules.py molecules-data/train.extxyz [--out runs/molecules] [--resume]

The preset is trained first, and then refined with more weight on small noise. The shipped model's
first training ran on a GPU for eight minutes (`scripts/gpu/pack.py molecules=...`), ten times as
long as the preset's.
"""

import argparse
from pathlib import Path

from shipping import ship, train_and_refine

REFINEMENT = {
    "data": {"samples_per_epoch": 20_000},
    "noise": {"displacement_power": 3.0, "noiseless": 0.02},
    "optimisation": {"epochs": 5, "learning_rate": 0.003, "loss": {"half_weight": 0.08}},
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
