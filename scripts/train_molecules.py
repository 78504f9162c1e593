"""Train the shipped model ``molecules`` and put it into the package.

python scripts/prepare_molecules.py --qm9 14000 --add qm7_pbe0.extxyz.gz --out molecules-data
python scripts/train_molecules.py molecules-data/train.extxyz [--out runs/molecules] [--resume]
"""

import argparse
import subprocess
from pathlib import Path

from shipping import ship


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/molecules"))
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    command = ["rm-train", "molecules", "--data", str(options.data), "--out", str(options.out)]
    subprocess.run(command + ["--resume"] * options.resume, check=True)
    ship(options.out, "molecules")


if __name__ == "__main__":
    main()
