"""Whether a geometry can be drawn as a molecule in which every valence is used."""

import ase
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from rm_lammps.geometry import bonded
from rm_lammps.seeds.hydrogens import VALENCES

_HIGHER = {("S", 3): 4, ("S", 4): 6, ("P", 4): 5}
"""Valences by element and number of neighbours, where these exceed the lowest valence."""
_MOST_PER_BOND = 2
"""Bonds that two neighbours can share besides the first: triple bonds at most."""


def unused_valences(atoms: ase.Atoms) -> int:
    """Count valences that no assignment of double and triple bonds can satisfy.

    Bonds are multiplied so that as many free valences as possible are used. Charges are not
    considered, so a zwitterion counts two.

    Args:
        atoms: a molecule without cell, Å.

    Returns:
        Free valences that remain, plus bonds too many; 0 for a closed-shell neutral structure.
        Elements without a known valence are taken as satisfied.
    """
    bonds = np.triu(bonded(atoms), 1)
    degree = bonds.sum(axis=0) + bonds.sum(axis=1)
    valence = np.array(
        [
            _HIGHER.get((s, n), VALENCES.get(s, n))
            for s, n in zip(atoms.symbols, degree.tolist(), strict=True)
        ]
    )
    too_many = int(np.maximum(degree - valence, 0).sum())
    free = np.maximum(valence - degree, 0)
    i, j = np.nonzero(bonds & np.outer(free > 0, free > 0))
    if len(i) == 0:
        return too_many + int(free.sum())
    ends = np.zeros((len(atoms), len(i)))
    ends[i, np.arange(len(i))] = ends[j, np.arange(len(i))] = 1
    solution = milp(
        -np.ones(len(i)),
        constraints=LinearConstraint(ends, ub=free),
        bounds=Bounds(0, _MOST_PER_BOND),
        integrality=np.ones(len(i)),
    )
    return too_many + int(free.sum()) + 2 * round(solution.fun)
