"""Perturbed seeds: a known structure, strained and displaced at random."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import ase
import numpy as np

from rm_lammps.chemistry.formula import check_known
from rm_lammps.datasets import read_structures
from rm_lammps.errors import UserError


def load_structure(file: Path, species: Sequence[str], n_atoms: int | None) -> ase.Atoms:
    """Read the structure to perturb, repeated to a cell of at least ``n_atoms``, near-cubic.

    Raises:
        UserError: unreadable, not periodic, elements outside the model, or no such supercell.
    """
    frames = read_structures(file, periodic=True)
    if len(frames) > 1:
        raise UserError(
            f"{file} holds {len(frames)} structures; seeds are perturbed from one.",
            "Give a file with one structure.",
        )
    (atoms,) = frames
    check_known(sorted(set(atoms.get_chemical_symbols())), species, f"in {file}")
    atoms = ase.Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    if n_atoms is None:
        return atoms
    return atoms.repeat(_repetitions(atoms, n_atoms, file))


def _repetitions(atoms: ase.Atoms, n_atoms: int, file: Path) -> tuple[int, int, int]:
    cells, rest = divmod(n_atoms, len(atoms))
    if rest or not cells:
        raise UserError(
            f"{n_atoms} atoms are no multiple of the {len(atoms)} in {file}.",
            f"Give --atoms {max(1, round(n_atoms / len(atoms))) * len(atoms)}, for example.",
        )
    divisors = [n for n in range(1, cells + 1) if cells % n == 0]
    triples = [
        (a, b, cells // (a * b)) for a, b in product(divisors, repeat=2) if cells % (a * b) == 0
    ]
    lengths = atoms.cell.lengths()
    return min(triples, key=lambda triple: float(np.ptp(np.log(lengths * triple))))


def perturb(
    atoms: ase.Atoms, displacement: float, strain: float, rng: np.random.Generator
) -> ase.Atoms:
    """Strain the cell, if there is one, and displace the atoms.

    Args:
        atoms: a structure, Å.
        displacement: standard deviation of each coordinate, Å.
        strain: standard deviation of each component of the symmetric strain.
        rng: source of randomness.
    """
    perturbed = atoms.copy()
    if atoms.pbc.all():
        noise = strain * rng.standard_normal((3, 3))
        deformation = np.eye(3) + 0.5 * (noise + noise.T)
        perturbed.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
    perturbed.positions += displacement * rng.standard_normal((len(atoms), 3))
    return perturbed
