"""Train the shipped model ``silica`` from one cell of a glass and put it into the package.

python scripts/train_silica.py SAMPLES [--out runs/silica]

SAMPLES is a file of cells of silica glass with ``cooling_rate_K_per_ps`` in their ``info``, such as
the demo data of digital-synthesis-lab/DM2 (MIT); the first of the slowest cooling is trained on.
All else is the preset ``glass`` (docs/studies/glass.md). Afterwards ``scripts/kernel_weights.py``
writes the weights for the kernel.
"""

import argparse
import gzip
import io
from pathlib import Path

import ase
import ase.io
from shipping import ship, train, write_variant

RATE = "cooling_rate_K_per_ps"
DESCRIPTION = (
    "Silica glass, from one melt-quenched cell of 3,000 atoms (cooled at 0.1 K/ps with a "
    "fixed-charge pair potential; demo data of digital-synthesis-lab/DM2, MIT licence)."
)


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
    config = given.out.with_suffix(".yaml")
    write_variant("glass", {"name": "silica", "description": DESCRIPTION}, config)
    train(str(config), data, given.out)
    ship(given.out, "silica")


if __name__ == "__main__":
    main()
