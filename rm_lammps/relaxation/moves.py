"""Moves from one minimum of E~ towards another."""

import ase
import numpy as np
from numpy.typing import NDArray

from rm_lammps.chemistry.bonds import PLACED, fragments
from rm_lammps.chemistry.valences import twist
from rm_lammps.datasets import DatasetStatistics
from rm_lammps.geometry import Array

_TRIES = 40
_CLEARANCE = 0.85


def join(atoms: ase.Atoms, statistics: DatasetStatistics, rng: np.random.Generator) -> ase.Atoms:
    """Bring the pieces of a molecule together: each, turned at random, next to the largest.

    Args:
        atoms: a molecule, Å.
        statistics: of the training data; pieces touch at bond length.
        rng: source of randomness.
    """
    joined = atoms.copy()
    labels = fragments(atoms)
    order = np.argsort(-np.bincount(labels), kind="stable")
    body = labels == order[0]
    for piece in order[1:]:
        members = labels == piece
        turned = _turned(joined.positions[members], rng)
        alike = np.ones(len(atoms))
        joined.positions[members] = _attach(joined, body, members, turned, alike, statistics, rng)
        body |= members
    return joined


def relocate(
    atoms: ase.Atoms,
    n_moved: int,
    statistics: DatasetStatistics,
    rng: np.random.Generator,
    *,
    weights: NDArray[np.floating] | None = None,
    attraction: NDArray[np.floating] | None = None,
) -> ase.Atoms:
    """Take atoms from their places and put each next to another atom.

    Args:
        atoms: a molecule, Å.
        n_moved: number of atoms to take.
        statistics: of the training data.
        rng: source of randomness.
        weights: how likely each atom is taken, shape (n,); all alike unless given.
        attraction: how likely each atom gets another one next to it, shape (n,); likewise.
    """
    moved = atoms.copy()
    weights = np.ones(len(atoms)) if weights is None else weights
    attraction = np.ones(len(atoms)) if attraction is None else attraction
    taken = rng.choice(len(atoms), size=n_moved, replace=False, p=weights / weights.sum())
    body = np.ones(len(atoms), dtype=bool)
    body[taken] = False
    for atom in taken:
        member = np.arange(len(atoms)) == atom
        here = np.zeros((1, 3))
        moved.positions[atom] = _attach(moved, body, member, here, attraction, statistics, rng)
        body[atom] = True
    return moved


def flatten(atoms: ase.Atoms, bonds: NDArray[np.bool_], ends: tuple[int, int]) -> ase.Atoms:
    """Untwist a double bond; see :func:`turn_about`."""
    return turn_about(atoms, bonds, ends, -twist(atoms, bonds, ends))


def turn_about(
    atoms: ase.Atoms, bonds: NDArray[np.bool_], ends: tuple[int, int], angle: float
) -> ase.Atoms:
    """Turn what hangs on a bond's second atom about the bond.

    Of a chain everything beyond the bond turns; of a ring the neighbours of the bond's second atom
    with the atoms that hang on them alone.

    Args:
        atoms: a molecule, Å.
        bonds: which atoms are bonded, shape (n, n).
        ends: of the bond.
        angle: radians.
    """
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial.transform import Rotation

    turned = atoms.copy()
    others = bonds.copy()
    others[ends[0], ends[1]] = others[ends[1], ends[0]] = False
    pieces = connected_components(others, directed=False)[1]
    turning = pieces == pieces[ends[1]]
    if turning[ends[0]]:
        near = others[ends[1]]
        turning = near | (others[near].any(axis=0) & (bonds.sum(axis=0) == 1))
    origin = atoms.positions[ends[1]]
    axis = origin - atoms.positions[ends[0]]
    turn = Rotation.from_rotvec(angle * axis / np.linalg.norm(axis))
    turned.positions[turning] = turn.apply(atoms.positions[turning] - origin) + origin
    return turned


def _turned(positions: Array, rng: np.random.Generator) -> Array:
    from scipy.spatial.transform import Rotation  # slow to import

    return Rotation.random(rng=rng).apply(positions - positions.mean(axis=0))


def _attach(
    atoms: ase.Atoms,
    body: np.ndarray,
    members: np.ndarray,
    shape: Array,
    attraction: NDArray[np.floating],
    statistics: DatasetStatistics,
    rng: np.random.Generator,
) -> Array:
    """Positions of a piece next to an atom of the body, where there is most room; (m, 3), Å."""
    symbols = np.array(atoms.get_chemical_symbols())
    inner, outer = np.flatnonzero(body), np.flatnonzero(members)
    least = statistics.min_distance_matrix(symbols[inner].tolist(), symbols[outer].tolist())
    shares = attraction[inner] / attraction[inner].sum()
    partners = rng.choice(len(inner), size=_TRIES, p=shares)
    best, room = shape, -np.inf
    for partner in partners:
        own = rng.integers(len(outer))
        direction = rng.standard_normal(3)
        bond = PLACED * least[partner, own] * direction / np.linalg.norm(direction)
        place = shape - shape[own] + atoms.positions[inner[partner]] + bond
        apart = np.linalg.norm(atoms.positions[inner][:, None] - place[None], axis=2) / least
        if apart.min() > room:
            best, room = place, float(apart.min())
        if room > _CLEARANCE * PLACED:
            break
    return best
