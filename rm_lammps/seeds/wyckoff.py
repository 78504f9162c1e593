"""Wyckoff positions of the space groups, in coordinates of a primitive cell; tables by pyxtal."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_GENERIC = np.array([0.1234567, 0.2718281, 0.4142135])
_SYSTEMS = (
    (0, "unknown"),
    (2, "triclinic"),
    (15, "monoclinic"),
    (74, "orthorhombic"),
    (142, "tetragonal"),
    (167, "trigonal"),
    (194, "hexagonal"),
    (230, "cubic"),
)


@dataclass(frozen=True, eq=False)
class WyckoffPosition:
    """Atoms that symmetry puts together, as affine functions of one point."""

    linear: Array
    """Shape (multiplicity, 3, 3)."""
    constant: Array
    """Shape (multiplicity, 3)."""
    freedom: int
    """Coordinates that may be chosen, 0 to 3; a position without any holds atoms once only."""

    @property
    def multiplicity(self) -> int:
        """Atoms in a primitive cell."""
        return len(self.constant)

    def orbit(self, points: Array) -> Array:
        """Fractional coordinates of the atoms.

        Args:
            points: shape (n, 3), each within the unit cube.

        Returns:
            Shape (n, multiplicity, 3), in the primitive cell's coordinates.
        """
        return np.einsum("mij,nj->nmi", self.linear, points) + self.constant


@dataclass(frozen=True, eq=False)
class SpaceGroupTable:
    """A space group in its conventional setting of the International Tables."""

    number: int
    system: str
    """Crystal system."""
    primitive: Array
    """Vectors of the primitive cell in those of the conventional one, shape (3, 3), rows."""
    positions: tuple[WyckoffPosition, ...]
    """The general position first."""

    @property
    def centring(self) -> int:
        """Primitive cells in a conventional one."""
        return round(1 / abs(np.linalg.det(self.primitive)))

    def reachable(self, n: int) -> bool:
        """Whether positions hold ``n`` atoms between them, those without freedom once each."""
        return bool(_sums(self, n) >> n & 1)


_LETTERS = "abcdefghijklmnopqrstuvwxyzA"


def by_letter(table: SpaceGroupTable) -> dict[str, WyckoffPosition]:
    """Wyckoff positions by their letters, the general position's last."""
    last = len(table.positions) - 1
    return {_LETTERS[last - k]: position for k, position in enumerate(table.positions)}


def letter_of(table: SpaceGroupTable, position: WyckoffPosition) -> str:
    """Letter of one of the table's Wyckoff positions."""
    return _LETTERS[len(table.positions) - 1 - table.positions.index(position)]


def crystal_system(number: int) -> str:
    """Crystal system of a space group, 1 to 230; ``unknown`` for 0."""
    return next(system for last, system in _SYSTEMS if number <= last)


@lru_cache(maxsize=230)
def space_group_table(number: int) -> SpaceGroupTable:
    """Table of a space group, 1 to 230."""
    from pyxtal.symmetry import get_wyckoffs

    positions = [
        np.array([operation.affine_matrix for operation in operations])
        for operations in get_wyckoffs(number)
    ]
    general = positions[0]
    pure = np.abs(general[:, :3, :3] - np.eye(3)).max(axis=(1, 2)) < 1e-6
    primitive = _primitive_vectors(general[pure, :3, 3] % 1.0)
    to_primitive = np.asarray(np.linalg.inv(primitive).T, dtype=np.float64)
    return SpaceGroupTable(
        number,
        crystal_system(number),
        primitive,
        tuple(_position(operations, to_primitive) for operations in positions),
    )


def _primitive_vectors(translations: Array) -> Array:
    """Three vectors that generate the lattice of the given translations and the unit vectors."""
    vectors = np.concatenate([np.eye(3), translations[np.abs(translations).max(axis=1) > 1e-6]])
    volume = 1 / len(translations)
    for triple in combinations(vectors, 3):
        determinant = np.linalg.det(triple)
        if abs(abs(determinant) - volume) < 1e-6:
            return np.array(triple) * np.sign(determinant)
    raise ValueError(f"no primitive cell for the translations {translations}")


def _position(operations: Array, to_primitive: Array) -> WyckoffPosition:
    linear = to_primitive @ operations[:, :3, :3]
    constant = operations[:, :3, 3] @ to_primitive.T
    atoms = linear @ _GENERIC + constant
    kept: list[int] = []
    for k, atom in enumerate(atoms):
        away = (atom - atoms[kept]) - np.round(atom - atoms[kept])
        if (np.abs(away).max(axis=1, initial=0) > 1e-4).all():
            kept.append(k)
    return WyckoffPosition(linear[kept], constant[kept], int(np.linalg.matrix_rank(linear[0])))


@lru_cache(maxsize=4096)
def _sums(table: SpaceGroupTable, n: int) -> int:
    """Numbers of atoms up to ``n`` that positions can hold, as bits."""
    sums, mask = 1, (1 << n + 1) - 1
    for position in table.positions:
        m = position.multiplicity
        if position.freedom == 0:
            sums |= sums << m
            continue
        while (more := (sums | sums << m) & mask) != sums:
            sums = more
    return sums & mask
