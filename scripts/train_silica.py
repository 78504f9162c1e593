"""Train the shipped model ``silica`` from one cell of a glass and put it into the package.

python scripts/train_silica.py SAMPLES [--out runs/silica]

SAMPLES is a file of cells of silica glass with ``cooling_rate_K_per_ps`` in their ``info``, such as
the demo data of digital-synthesis-lab/DM2 (MIT); the first of the slowest cooling is trained on.
"""

import argparse
import gzip
import io
from pathlib import Path

import ase
import ase.io
from shipping import ship, train, write_variant

RATE = "cooling_rate_K_per_ps"
STAGES = (
    {
        "data": {"samples_per_epoch": 40},
        "noise": {"displacement_power": 2.0, "dilation": [-0.06, 0.08]},
        "optimisation": {"epochs": 12, "loss": {"stress": 10.0, "half_weight": 0.15}},
    },
    {
        "data": {"samples_per_epoch": 80},
        "noise": {"displacement_power": 2.0},
        "optimisation": {"epochs": 10, "loss": {"half_weight": 0.15}},
    },
    {"optimisation": {"epochs": 8}},
)
"""What each training has different from the preset; the last ones look at small noise more."""


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
    before: list[str] = []
    run = given.out
    for number, change in enumerate(STAGES, start=1):
        run = given.out.with_name(f"{given.out.name}-{number}")
        config = run.with_suffix(".yaml")
        write_variant("glass", change | {"name": "silica"}, config)
        train(str(config), data, run, *before)
        before = ["--start-from", str(run)]
    ship(run, "silica")


if __name__ == "__main__":
    main()
