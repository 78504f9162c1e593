"""Whether a geometry can be drawn as a molecule in which every valence is used."""

from dataclasses import dataclass

import ase
import numpy as np
from numpy.typing import NDArray

from rm_lammps.chemistry.bonds import bond_lengths, bonded
from rm_lammps.chemistry.composition import VALENCES

_HIGHER = {("S", 3): 4, ("S", 4): 6, ("P", 4): 5}
"""Valences by element and number of neighbours, where these exceed the lowest valence."""
_FLAT = 3
"""Neighbours of an atom whose bonds lie in a plane."""
_TWIST = np.radians(12)
"""More than that a double bond is twisted in strained rings alone."""
_LONGEST_DOUBLE = 1.0
_LONGEST_TRIPLE = 0.92
"""In sums of covalent radii; all bonds of QM7 and QM9 molecules of that order are shorter."""


@dataclass(frozen=True)
class ValenceFaults:
    """What is wrong with the valences of each atom."""

    free: NDArray[np.int_]
    """Valences that no assignment of double and triple bonds uses, shape (n,)."""
    excess: NDArray[np.int_]
    """Bonds too many, shape (n,)."""
    bonds: NDArray[np.bool_]
    """Which atoms are bonded, shape (n, n)."""
    double: NDArray[np.int_]
    """Pairs of atoms with one bond more than a single one, shape (bonds, 2)."""

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
    double = np.empty((0, 2), dtype=int)
    i, j = np.nonzero(np.triu(bonds, 1) & np.outer(free > 0, free > 0))
    if len(i):
        from scipy.optimize import Bounds, LinearConstraint, milp  # slow to import

        ends = np.zeros((len(atoms), len(i)))
        ends[i, np.arange(len(i))] = ends[j, np.arange(len(i))] = 1
        solution = milp(
            -np.ones(len(i)),
            constraints=LinearConstraint(ends, ub=free),
            bounds=Bounds(0, _room(atoms, i, j)),
            integrality=np.ones(len(i)),
        )
        more = np.rint(solution.x).astype(int)
        free = free - (ends @ more).astype(int)
        double = np.transpose([i, j])[more == 1]
    return ValenceFaults(free, excess, bonds, double)


def _room(atoms: ase.Atoms, i: NDArray[np.int_], j: NDArray[np.int_]) -> NDArray[np.int_]:
    """Bonds that neighbours i and j can share besides the first, at their distance."""
    ratio = bond_lengths(atoms)[i, j]
    return (ratio < _LONGEST_DOUBLE).astype(int) + (ratio < _LONGEST_TRIPLE).astype(int)


def twisted_double_bonds(atoms: ase.Atoms, faults: ValenceFaults) -> list[tuple[int, int]]:
    """Double bonds between atoms of three neighbours each, about which these are twisted.

    Args:
        atoms: a molecule, Å.
        faults: of its valences.
    """
    degree = faults.bonds.sum(axis=0)
    flat = [(int(i), int(j)) for i, j in faults.double if degree[i] == degree[j] == _FLAT]
    return [ends for ends in flat if abs(twist(atoms, faults.bonds, ends)) > _TWIST]


def twist(atoms: ase.Atoms, bonds: NDArray[np.bool_], ends: tuple[int, int]) -> float:
    """Angle by which the neighbours of a bond's second atom are turned against those of the first.

    Args:
        atoms: a molecule, Å.
        bonds: which atoms are bonded, shape (n, n).
        ends: two bonded atoms with two further neighbours each.

    Returns:
        Radians, from -pi/2 to pi/2; zero where all lie in a plane.
    """
    axis = atoms.positions[ends[1]] - atoms.positions[ends[0]]
    axis /= np.linalg.norm(axis)
    spans = []
    for own, other in (ends, ends[::-1]):
        first, second = (k for k in np.flatnonzero(bonds[own]) if k != other)
        span = atoms.positions[first] - atoms.positions[second]
        spans.append(span - (span @ axis) * axis)
    sine, cosine = axis @ np.cross(*spans), spans[0] @ spans[1]
    return float(np.arctan2(sine, cosine) if cosine >= 0 else np.arctan2(-sine, -cosine))
