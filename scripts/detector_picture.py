"""Draw what detector.in found: E~ of the atoms beside common neighbours, one period deep.

python scripts/detector_picture.py detector.txt docs/images/detector.png
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

LATTICE = 3.6
FCC = 1


def main() -> None:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dump", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    _, x, y, z, energy, neighbours = np.loadtxt(options.dump, skiprows=9).T
    shown = np.abs(z - z.mean()) < 2 * LATTICE
    usual = np.median(energy)
    figure, axes = plt.subplots(2, 1, figsize=(9, 6), sharex=True, sharey=True)
    colours = (
        (energy - usual, "viridis", "E~ above the crystal's, pseudo-eV", (0, 0.2)),
        ((neighbours != FCC).astype(float), "viridis", "not face-centred cubic", (0, 1)),
    )
    for axis, (values, palette, label, (low, high)) in zip(axes, colours, strict=True):
        order = np.argsort(values[shown])
        drawn = axis.scatter(
            x[shown][order], y[shown][order], c=values[shown][order], s=6, cmap=palette,
            vmin=low, vmax=high,
        )  # fmt: skip
        figure.colorbar(drawn, ax=axis, label=label)
        axis.set_aspect("equal")
        axis.set_ylabel("y (Å)")
    axes[1].set_xlabel("x (Å)")
    figure.savefig(options.picture, dpi=110, bbox_inches="tight")


if __name__ == "__main__":
    main()
