"""Mark the wrong atoms of generated glasses, for rm-train --spurious.

    rm-generate --model MODEL --formula SiO2 --atoms 3000 --preset glass --num 4 --out run
    python scripts/spurious_glass.py run --like sample.extxyz --out spurious.extxyz
    rm-train CONFIG --data sample.extxyz --start-from MODEL --spurious spurious.extxyz --out new

An atom is wrong where it has another number of neighbours than most atoms of its element have in
the sample (docs/studies/glass.md).
"""

import argparse
from pathlib import Path

import ase
import ase.io
import numpy as np

from rm_lammps.analysis.disorder.network import Network
from rm_lammps.datasets import read_structures
from rm_lammps.response.keys import WRONG
from rm_lammps.runs.reading import read_run


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs="+", help="folders of rm-generate, or files")
    parser.add_argument("--like", type=Path, required=True, help="the sample trained on")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    usual = usual_neighbours(read_structures(options.like)[0])
    cells = []
    for run in options.runs:
        cells += read_run(run) if run.is_dir() else read_structures(run)
    marked = [mark(atoms, usual) for atoms in cells]
    ase.io.write(options.out, marked, format="extxyz")
    shares = [f"{100 * atoms.arrays[WRONG].mean():.1f}" for atoms in marked]
    print(f"wrong atoms of {len(marked)} cells, %: {', '.join(shares)}")


def usual_neighbours(atoms: ase.Atoms) -> dict[int, int]:
    """Number of neighbours that most atoms of each element have, by atomic number."""
    shares = Network.of(atoms).coordination()
    return {number: max(own, key=lambda n: own[n]) for number, own in shares.items()}


def mark(atoms: ase.Atoms, usual: dict[int, int]) -> ase.Atoms:
    """A cell with the array that tells which atoms are wrong."""
    bare = ase.Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    network = Network.of(bare)
    expected = np.array([usual[int(number)] for number in bare.numbers])
    bare.set_array(WRONG, (network.degrees != expected).astype(int))
    return bare


if __name__ == "__main__":
    main()
