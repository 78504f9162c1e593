"""Train the shipped model ``silica`` from one cell of a glass and put it into the package.

python scripts/train_silica.py SAMPLES [--out runs/silica]

SAMPLES is a file of cells of silica glass with ``cooling_rate_K_per_ps`` in their ``info``, such as
the demo data of digital-synthesis-lab/DM2 (MIT); the first of the slowest cooling is trained on.
Four trainings follow each other: one over all sizes of noise, two where the network is decided, and
one for the density (docs/studies/glass.md). Afterwards ``scripts/kernel_weights.py`` writes the
weights for the kernel.
"""

import argparse
import gzip
import io
from pathlib import Path
from typing import Any

import ase
import ase.io
from shipping import ship, train, write_variant

from rm_lammps.settings import combine

RATE = "cooling_rate_K_per_ps"
DESCRIPTION = (
    "Silica glass, from one melt-quenched cell of 3,000 atoms (cooled at 0.1 K/ps with a "
    "fixed-charge pair potential; demo data of digital-synthesis-lab/DM2, MIT licence)."
)
FIRST: dict[str, Any] = {}
SECOND: dict[str, Any] = {
    "data": {"samples_per_epoch": 40},
    "noise": {
        "displacement": 0.36,
        "displacement_min": 0.12,
        "displacement_power": 1.0,
        "region_atoms": None,
        "shear": 0.02,
        "dilation": [-0.04, 0.05],
        "noiseless": 0.0,
    },
    "optimisation": {
        "epochs": 8,
        "learning_rate": 0.006,
        "loss": {"stress": 2.0, "half_weight": None},
    },
}
"""The whole cell has the same noise, of the size at which the network is decided."""
THIRD = combine(
    SECOND,
    {
        "noise": {"displacement": 0.4, "displacement_min": 0.08},
        "optimisation": {"epochs": 13, "learning_rate": 0.008, "ema_decay": 0.99},
    },
)
FOURTH = combine(
    THIRD,
    {
        "noise": {"displacement_min": 0.0, "shear": 0.03, "dilation": [-0.06, 0.08]},
        "optimisation": {
            "epochs": 4,
            "learning_rate": 0.004,
            "ema_decay": 0.98,
            "loss": {"stress": 30.0},
        },
    },
)
"""The third leaves the sample at a density that is 4 % too low."""


def first_of_slowest(file: Path) -> ase.Atoms:
    """The first cell of the slowest cooling."""
    # ase reads compressed files slowly
    text = gzip.decompress(file.read_bytes()).decode()
    frames = ase.io.read(io.StringIO(text), ":", format="extxyz")
    return min(frames, key=lambda atoms: float(atoms.info[RATE]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("samples", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/silica"))
    given = parser.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    data = given.out.with_name("silica.extxyz")
    chosen = first_of_slowest(given.samples)
    ase.io.write(data, ase.Atoms(chosen.numbers, chosen.positions, cell=chosen.cell, pbc=True))
    before: Path | None = None
    for number, change in enumerate((FIRST, SECOND, THIRD, FOURTH), 1):
        out = given.out.with_name(f"{given.out.name}-{number}")
        config = out.with_suffix(".yaml")
        write_variant("glass", {"name": "silica", "description": DESCRIPTION, **change}, config)
        more = [] if before is None else ["--start-from", str(before)]
        train(str(config), data, out, *more)
        before = out
    ship(out, "silica")


if __name__ == "__main__":
    main()
