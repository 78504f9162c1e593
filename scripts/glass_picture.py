"""A particle, a film, a pore and a cell of silica glass: the picture of the how-to on large cells.

    pip install ovito && python scripts/glass_picture.py [--out runs/shapes]

Generates 1,500 atoms of each with the preset ``glass``, ten minutes in all, and renders them with
bonds by OVITO.
"""

import argparse
import subprocess
from pathlib import Path

import ase.io
from matplotlib.figure import Figure
from rendering import CAMERA, legend, put

from rm_lammps.yaml_files import yaml_text

CHECKOUT = Path(__file__).resolve().parents[1]
SHAPES: dict[str, dict[str, object]] = {
    "particle": {"shape": "sphere", "density": 2.2},
    "film": {"shape": "film", "size": 14.0, "density": 2.2},
    "pore": {"shape": "pore", "size": 6.0, "density": 2.2},
    "glass": {"density": 2.2},
}
BOND = 2.1
"""Longest bond, Å."""


def generate(name: str, out: Path) -> ase.Atoms:
    """Make one structure, or go on with it."""
    file = out / f"{name}.yaml"
    seeds: dict[str, object] = {"kind": "disordered", **SHAPES[name]}
    fields = {"model": "silica", "formula": "SiO2", "atoms": 1500, "preset": "glass"}
    file.write_text(yaml_text({**fields, "num": 1, "seed": 2, "seeds": seeds}))
    subprocess.run(["rm-generate", str(file), "--out", str(out / name)], check=True)
    atoms = ase.io.read(out / name / "structures.extxyz")
    if name == "pore":
        # towards the eye
        atoms.rotate("z", CAMERA, rotate_cell=True)
    return atoms


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/shapes"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(SHAPES)), SHAPES, strict=True):
        atoms = generate(name, given.out)
        put(atoms, axes, longest=BOND)
        axes.set_title(name, fontsize=10)
        legend(atoms, axes)
    figure.savefig(CHECKOUT / "docs" / "images" / "glass.png", dpi=110)


if __name__ == "__main__":
    main()
