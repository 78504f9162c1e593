"""Wyckoff positions of the space groups, in coordinates of a primitive cell.

The tables come in one file, which ``scripts/wyckoff_tables.py`` writes with pyxtal.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TABLES = Path(__file__).with_name("wyckoff.npz")
PARTS = 24
"""All coordinates are multiples of 1/24, and written as integers."""

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


def space_group_table(number: int) -> SpaceGroupTable:
    """Table of a space group, 1 to 230."""
    return _tables()[number - 1]


@lru_cache(maxsize=1)
def _tables() -> tuple[SpaceGroupTable, ...]:
    with np.load(TABLES) as file:
        primitive, constant = file["primitive"] / PARTS, file["constant"] / PARTS
        linear = file["linear"].astype(float)
        ends, counts = np.cumsum(file["multiplicity"]), file["positions"]
    begins = np.concatenate([[0], ends[:-1]])
    freedoms = np.linalg.matrix_rank(linear[begins])
    positions = [
        WyckoffPosition(linear[begin:end], constant[begin:end], int(freedom))
        for begin, end, freedom in zip(begins, ends, freedoms, strict=True)
    ]
    lasts = np.cumsum(counts)
    return tuple(
        SpaceGroupTable(
            number,
            crystal_system(number),
            primitive[number - 1],
            tuple(positions[last - count : last]),
        )
        for number, (last, count) in enumerate(zip(lasts, counts, strict=True), start=1)
    )


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
