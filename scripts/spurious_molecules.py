"""Collect molecules of runs that are none: minima of a model, for rm-train --spurious.

    rm-generate without_rules.yaml --model MODEL --formulas formulas.in --num 1 --out run
    python scripts/spurious_molecules.py run --out spurious.extxyz
    rm-train CONFIG --data train.extxyz --start-from MODEL --spurious spurious.extxyz --out new

Formulas are those of training molecules (--formulas FILE --of train.extxyz writes some), so that
nothing is learned from test molecules. A molecule is none if RDKit finds no bonds that fit it as a
neutral molecule in one piece (docs/studies/molecules_spurious.md).
"""

import argparse
from pathlib import Path

import ase
import ase.io
import numpy as np

from rm_lammps.analysis.molecules.perceived_bonds import perceive
from rm_lammps.datasets import read_structures
from rm_lammps.runs.reading import read_run


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs="*", help="folders of rm-generate")
    parser.add_argument("--out", type=Path, help="file for what is spurious")
    parser.add_argument("--formulas", type=Path, help="file for formulas of training molecules")
    parser.add_argument("--of", type=Path, help="the training molecules")
    parser.add_argument("--number", type=int, default=4000, help="of formulas")
    options = parser.parse_args()
    if options.formulas is not None:
        frames = read_structures(options.of)
        drawn = np.random.default_rng(0).permutation(len(frames))[: options.number]
        formulas = {frames[k].get_chemical_formula() for k in drawn}
        options.formulas.write_text("\n".join(sorted(formulas)) + "\n")
    if options.out is not None:
        found = [atoms for run in options.runs for atoms in read_run(run)]
        spurious = [bare(atoms) for atoms in found if not is_molecule(atoms)]
        ase.io.write(options.out, spurious, format="extxyz")
        print(f"{len(spurious)} of {len(found)} molecules are none")


def is_molecule(atoms: ase.Atoms) -> bool:
    """Whether bonds fit the atoms as one neutral molecule."""
    bonds = perceive(atoms)
    return bonds.smiles is not None and bonds.fragments == 1


def bare(atoms: ase.Atoms) -> ase.Atoms:
    """Without what a run says of it."""
    return ase.Atoms(atoms.numbers, atoms.positions)


if __name__ == "__main__":
    main()
