"""Twists about bonds: collective noise of molecules.

Independent displacements of the atoms hold little torsion: it is one of 3n - 6 directions for each
bond, and its response is small against all others together. A potential that has seen nothing else
does not learn what keeps a double bond flat.
"""

import ase
import numpy as np
from ase.data import covalent_radii
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path
from scipy.spatial.transform import Rotation

from rm_lammps.geometry import Array, bonded

_SHORT_BONDS = 20
"""A bond is drawn as often as (sum of covalent radii / length) to this power: a double bond, which
has a torsion to learn, some fifteen times as often as a single one."""
_LEFT_PER_BOND = 0.5
"""What is left of the angle with each further bond, where the bond twisted is part of a ring."""


def twist(sites: Array, numbers: NDArray[np.int_], angle: float, rng: np.random.Generator) -> Array:
    """Turn one end of a bond, drawn at random, short ones more often, about its axis.

    Of a chain everything beyond the bond turns as one piece. Of a ring the nearest atoms turn, and
    further ones less.

    Args:
        sites: equilibrium positions of a molecule, shape (n, 3), Å.
        numbers: atomic numbers, shape (n,).
        angle: radians.
        rng: source of randomness.

    Returns:
        Displacements, shape (n, 3), Å; zero where no bond has neighbours at both of its ends.
    """
    bonds = bonded(ase.Atoms(numbers, sites))
    inner = bonds.sum(axis=0) > 1
    ends = np.argwhere(bonds & np.outer(inner, inner))
    if len(ends) == 0:
        return np.zeros_like(sites)
    first, second = ends.T
    lengths = np.linalg.norm(sites[first] - sites[second], axis=1)
    radii = covalent_radii[numbers]
    weights = ((radii[first] + radii[second]) / lengths) ** _SHORT_BONDS
    chosen = rng.choice(len(ends), p=weights / weights.sum())
    return turn(sites, bonds, tuple(ends[chosen]), angle)


def turn(sites: Array, bonds: NDArray[np.bool_], bond: tuple[int, int], angle: float) -> Array:
    """Turn what hangs on the second atom of a bond; see :func:`twist`.

    Args:
        sites: positions of a molecule, shape (n, 3), Å.
        bonds: which atoms are bonded, shape (n, n).
        bond: two atoms, bonded to each other.
        angle: radians.

    Returns:
        Displacements, shape (n, 3), Å.
    """
    fixed, turning = bond
    others = bonds.copy()
    others[fixed, turning] = others[turning, fixed] = False
    from_turning, from_fixed = shortest_path(
        csr_array(others), unweighted=True, indices=[turning, fixed]
    )
    beyond = (from_turning < from_fixed) & (from_turning > 0)
    in_ring = np.isfinite(from_turning[fixed])
    share = _LEFT_PER_BOND ** (from_turning[beyond] - 1) if in_ring else np.ones(beyond.sum())
    axis = sites[turning] - sites[fixed]
    turns = Rotation.from_rotvec((angle * share)[:, None] * axis / np.linalg.norm(axis))
    displacements = np.zeros_like(sites)
    arms = sites[beyond] - sites[turning]
    displacements[beyond] = turns.apply(arms) - arms
    return displacements
