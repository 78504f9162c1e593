"""Train the shipped model ``molecules`` and put it into the package.

python scripts/prepare_molecules.py --qm9 40000 --add qm7_pbe0.extxyz.gz --out molecules-data
python scripts/train_molecules.py molecules-data/train.extxyz [--out runs/molecules] [--resume]

The preset is trained first, then refined with more weight on small noise, and then with wrong
molecules that the refined model takes for minima. The shipped model's
first training ran on a GPU for eight minutes (`scripts/gpu/pack.py molecules=...`), ten times as
long as the preset's.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from shipping import ship, train, train_and_refine, write_variant

from rm_lammps.settings import combine

REFINEMENT = {
    "data": {"samples_per_epoch": 20_000},
    "noise": {"displacement_power": 3.0, "noiseless": 0.02},
    "optimisation": {"epochs": 5, "learning_rate": 0.003, "loss": {"half_weight": 0.08}},
}
AGAINST_SPURIOUS = combine(
    REFINEMENT, {"optimisation": {"epochs": 4, "loss": {"half_weight": 0.1}}}
)


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
    spurious = collect(refined, options.data, options.out.with_name("spurious"))
    last, config = refined.with_name("molecules-last"), refined.with_name("molecules-last.yaml")
    write_variant("molecules", AGAINST_SPURIOUS, config)
    more = ("--start-from", str(refined), "--spurious", str(spurious))
    train(str(config), options.data, last, *more, resume=options.resume)
    ship(last, "molecules")


def collect(model: Path, data: Path, out: Path) -> Path:
    """Generate formulas of training molecules, and keep what is no molecule."""
    script = [sys.executable, str(Path(__file__).with_name("spurious_molecules.py"))]
    formulas, spurious = out.with_suffix(".in"), out.with_suffix(".extxyz")
    subprocess.run([*script, "--formulas", formulas, "--of", data], check=True)
    command = ["rm-generate", "--model", model, "--formulas", formulas, "--num", "4"]
    subprocess.run([*command, "--out", out], check=True)
    subprocess.run([*script, out, "--out", spurious], check=True)
    return spurious


if __name__ == "__main__":
    main()
