"""Put several elements on the sites of one."""

from collections.abc import Mapping, Sequence

import ase
import numpy as np
import spglib
from ase.data import atomic_numbers

from rm_lammps.geometry import supercell_matrix

_TRIED = 8
"""Decorations drawn, of which the most symmetric is taken: order is rarely without symmetry."""
_SYMPREC = 0.05
"""Å."""


def replace(
    structure: ase.Atoms, composition: Mapping[str, int], replaced: Sequence[int]
) -> ase.Atoms:
    """Replace elements; where several replace the same one, these take its atoms in turn.

    Args:
        structure: periodic.
        composition: atoms by element, as many as the structure has.
        replaced: atomic number that each of them replaces.

    Returns:
        Atoms in the order of the composition.
    """
    left = {old: np.flatnonzero(structure.numbers == old).tolist() for old in replaced}
    sites = []
    for n, old in zip(composition.values(), replaced, strict=True):
        sites += left[old][:n]
        del left[old][:n]
    atoms = structure[sites]
    atoms.numbers = np.repeat([atomic_numbers[s] for s in composition], list(composition.values()))
    return atoms


def decorated(
    structure: ase.Atoms,
    composition: Mapping[str, int],
    replaced: Sequence[int],
    cells: int,
    rng: np.random.Generator,
) -> ase.Atoms:
    """Replace elements of a supercell at random, so that much symmetry is left.

    Args:
        structure: periodic.
        composition: atoms by element, in the whole supercell.
        replaced: atomic number that each of them replaces; the same one for several that share
            its sites.
        cells: of the structure in the supercell.
        rng: source of randomness.

    Returns:
        Atoms in the order of the composition.
    """

    def one() -> ase.Atoms:
        from ase.build import make_supercell  # which imports much of scipy

        supercell = make_supercell(structure, supercell_matrix(cells, rng))
        return replace(supercell[rng.permutation(len(supercell))], composition, replaced)

    return max((one() for _ in range(_TRIED)), key=_order_of_symmetry)


def _order_of_symmetry(atoms: ase.Atoms) -> int:
    """Number of symmetry operations; 0 for a cell that is not primitive."""
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    found = spglib.get_symmetry(cell, symprec=_SYMPREC)
    if found is None:
        return 0
    turned = (found["rotations"] != np.eye(3, dtype=int)).any(axis=(1, 2))
    return len(turned) if turned.sum() == len(turned) - 1 else 0
