"""Whether a geometry can be drawn as a molecule in which every valence is used."""

from dataclasses import dataclass

import ase
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from rm_lammps.geometry import bonded
from rm_lammps.seeds.hydrogens import VALENCES

_HIGHER = {("S", 3): 4, ("S", 4): 6, ("P", 4): 5}
"""Valences by element and number of neighbours, where these exceed the lowest valence."""
_MOST_PER_BOND = 2
"""Bonds that two neighbours can share besides the first: triple bonds at most."""


@dataclass(frozen=True)
class ValenceFaults:
    """What is wrong with the valences of each atom."""

    free: NDArray[np.int_]
    """Valences that no assignment of double and triple bonds uses, shape (n,)."""
    excess: NDArray[np.int_]
    """Bonds too many, shape (n,)."""
    bonds: NDArray[np.bool_]
    """Which atoms are bonded, shape (n, n)."""

    @property
    def number(self) -> int:
        """Of all faults; 0 for a closed-shell neutral molecule."""
        return int(self.free.sum() + self.excess.sum())


def valence_faults(atoms: ase.Atoms) -> ValenceFaults:
    """Find valences that can't be satisfied.

    Bonds are multiplied so that as many free valences as possible are used. Charges are not
    considered, so a zwitterion has two faults.

    Args:
        atoms: a molecule without cell, Å. Elements without a known valence are satisfied.
    """
    bonds = bonded(atoms)
    degree = bonds.sum(axis=0)
    valence = np.array(
        [
            _HIGHER.get((symbol, n), VALENCES.get(symbol, n))
            for symbol, n in zip(atoms.symbols, degree.tolist(), strict=True)
        ]
    )
    excess = np.maximum(degree - valence, 0)
    free = np.maximum(valence - degree, 0)
    i, j = np.nonzero(np.triu(bonds, 1) & np.outer(free > 0, free > 0))
    if len(i):
        ends = np.zeros((len(atoms), len(i)))
        ends[i, np.arange(len(i))] = ends[j, np.arange(len(i))] = 1
        solution = milp(
            -np.ones(len(i)),
            constraints=LinearConstraint(ends, ub=free),
            bounds=Bounds(0, _MOST_PER_BOND),
            integrality=np.ones(len(i)),
        )
        free = free - np.rint(ends @ solution.x).astype(int)
    return ValenceFaults(free, excess, bonds)
