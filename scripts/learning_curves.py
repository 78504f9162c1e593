"""Draw how errors fall with the number of noisy structures that trainings saw.

    python scripts/learning_curves.py 0.2 docs/studies/curves/*.csv --out curves.png

The first number is how many millions of structures an epoch has; the files are the ``log.csv`` of
runs of rm-train.
"""

import argparse
from pathlib import Path

from matplotlib.figure import Figure

from rm_lammps.training.training_table import read_table


def draw(millions: float, logs: list[Path], picture: Path) -> None:
    """Errors of forces and losses, for each log."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    errors, totals = figure.subplots(1, 2)
    for log in logs:
        rows = read_table(log)
        seen = [(int(row["epoch"]) + 1) * millions for row in rows]
        shares = [float(row["forces_rmse"]) / float(row["forces_label_rms"]) for row in rows]
        losses = [float(row["val_loss"]) for row in rows]
        errors.plot(seen, shares, label=log.stem.replace("_", " "))
        totals.plot(seen, [loss / min(losses) for loss in losses])
    errors.set(ylabel="error of forces / that of predicting zero", ylim=(0, 0.7))
    totals.set(ylabel="validation loss / its lowest", ylim=(0.95, 1.6))
    for axes in (errors, totals):
        axes.set_xlabel("million noisy structures")
    errors.legend()
    figure.savefig(picture, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("millions", type=float, help="of structures an epoch")
    parser.add_argument("logs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    draw(options.millions, options.logs, options.out)


if __name__ == "__main__":
    main()
