"""Space groups as they are asked for, and which of them hold a composition."""

from abc import ABC
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Annotated, Any

import ase
import numpy as np
import spglib
from pydantic import BeforeValidator, Field, field_validator

from rm_lammps.errors import UserError
from rm_lammps.geometry import Array
from rm_lammps.seeds.placing import Sites
from rm_lammps.seeds.random_boxes import BoxSettings
from rm_lammps.seeds.seeder import Content
from rm_lammps.seeds.wyckoff import PARTS, SpaceGroupTable, WyckoffPosition, space_group_table
from rm_lammps.settings import SYMMETRY, Words, read_words

CRYSTAL_SYSTEMS = (
    *("triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic"),
)
_ALL = range(1, 231)
_HALL_NUMBERS = range(1, 531)
_NAMED = 8
"""Space groups that a refusal names."""

Counts = tuple[int, ...]


def _words(value: Any) -> Any:
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) else read_words(str(value))


class SymmetrySettings(BoxSettings, ABC):
    """Which space groups seeds may have."""

    space_group: Annotated[tuple[str, ...], BeforeValidator(_words)] | None = Field(
        None, min_length=1, description="only these, by number or symbol, e.g. 225 or Fm-3m,Pnma"
    )
    crystal_system: Words | None = Field(
        None, min_length=1, description="only space groups of these crystal systems"
    )
    min_symmetry: int | None = Field(
        None, ge=2, le=48, description="only space groups whose point group has this order or more"
    )

    @field_validator("space_group")
    @classmethod
    def _known_groups(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in names or ():
            space_group_number(name)
        return names

    @field_validator("crystal_system")
    @classmethod
    def _known_systems(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in names or ():
            if name not in CRYSTAL_SYSTEMS:
                raise ValueError(
                    f"unknown crystal system {name!r}; allowed: {', '.join(CRYSTAL_SYSTEMS)}"
                )
        return names

    @property
    def asked(self) -> bool:
        """Whether some space groups are asked for, not any."""
        return any(getattr(self, name) is not None for name in SYMMETRY)

    @property
    def wanted(self) -> frozenset[int]:
        """Space groups that are allowed."""
        return _wanted(self.space_group, self.crystal_system, self.min_symmetry or 1)

    def check_symmetry(self, content: Content) -> None:
        """Check that some space group that is asked for holds a composition.

        Raises:
            UserError: none does; names some that do.
        """
        if not self.asked:
            return
        counts = tuple(content.composition.values())
        if not self.wanted:
            raise UserError(
                f"No space group has all that is asked for: {self._request()}.",
                "Leave one of the conditions out.",
            )
        if cells_that_hold(self.wanted, counts):
            return
        others = {number for number, _ in cells_that_hold(frozenset(_ALL), counts)}
        best = sorted(others, key=lambda n: (-order(space_group_table(n)), -n))[:_NAMED]
        names = ", ".join(f"{symbol(n)} ({n})" for n in best)
        raise UserError(
            f"{content.formula} can't have the symmetry asked for ({self._request()}): its atoms "
            "fill no Wyckoff positions there, neither of a primitive nor of a conventional cell.",
            f"Of highest symmetry and possible are {names}. Other numbers of formula units may be "
            "possible in others: --z.",
        )

    def _request(self) -> str:
        given = {name: getattr(self, name) for name in SYMMETRY}
        return ", ".join(
            f"{name} {','.join(value) if isinstance(value, tuple) else value}"
            for name, value in given.items()
            if value is not None
        )


@lru_cache
def _wanted(
    names: tuple[str, ...] | None, systems: tuple[str, ...] | None, least: int
) -> frozenset[int]:
    named = None if names is None else set(map(space_group_number, names))
    tables = [space_group_table(n) for n in _ALL if named is None or n in named]
    return frozenset(
        table.number
        for table in tables
        if (systems is None or table.system in systems) and order(table) >= least
    )


@lru_cache
def _numbers() -> dict[str, int]:
    """Numbers of the space groups by their symbols, other settings included."""
    types = [spglib.get_spacegroup_type(hall) for hall in _HALL_NUMBERS]
    numbers = {_plain(found.international_short): int(found.number) for found in types}
    for found in types:
        for name in found.international.split("="):
            without_ones = " ".join(word for word in name.split() if word != "1")
            numbers.setdefault(_plain(without_ones), int(found.number))
    return numbers


@lru_cache
def symbol(number: int) -> str:
    """Hermann-Mauguin symbol of a space group, 1 to 230."""
    types = (spglib.get_spacegroup_type(hall) for hall in _HALL_NUMBERS)
    return next(str(found.international_short) for found in types if found.number == number)


def space_group_number(name: str) -> int:
    """Number of a space group.

    Args:
        name: number or Hermann-Mauguin symbol; blanks, underscores and capitals as you like.

    Raises:
        ValueError: there is none.
    """
    if name.isdecimal() and 1 <= int(name) <= 230:
        return int(name)
    found = _numbers().get(_plain(name))
    if found is None:
        raise ValueError(f"{name!r} is no space group; give a number, 1 to 230, or e.g. Fm-3m")
    return found


def _plain(name: str) -> str:
    return name.replace("_", "").replace(" ", "").lower()


def order(table: SpaceGroupTable) -> int:
    """Order of a space group's point group."""
    return table.positions[0].multiplicity


@lru_cache(maxsize=256)
def cells_that_hold(groups: frozenset[int], counts: Counts) -> tuple[tuple[int, int], ...]:
    """Space groups that hold a composition, and how.

    Args:
        groups: to choose from.
        counts: atoms of each element in the cell.

    Returns:
        Numbers of space groups, each with the number of primitive cells that the cell is: 1, or
        those of the conventional cell; both where both are possible.
    """
    found = []
    for number in sorted(groups):
        table = space_group_table(number)
        for times in sorted({1, table.centring}):
            if not any(n % times for n in counts):
                part = tuple(n // times for n in counts)
                if holds(*_multiplicities(table), part):
                    found.append((number, times))
    return tuple(found)


Fixed = tuple[tuple[int, int], ...]
"""Multiplicities of positions without freedom, and how many there are of each."""


@lru_cache(maxsize=65536)
def holds(fixed: Fixed, free: Counts, counts: Counts) -> bool:
    """Whether positions can hold all elements at once.

    Args:
        fixed: positions that hold atoms once only.
        free: multiplicities of the positions that hold atoms any number of times.
        counts: atoms of each element.
    """
    if not counts:
        return True
    first, rest = counts[0], counts[1:]
    for taken in product(*(range(min(n, first // m) + 1) for m, n in fixed)):
        left = first - sum(t * m for t, (m, _) in zip(taken, fixed, strict=True))
        if left < 0 or not _sum_of(free, left):
            continue
        others = tuple((m, n - t) for t, (m, n) in zip(taken, fixed, strict=True))
        if holds(others, free, rest):
            return True
    return False


@lru_cache(maxsize=4096)
def _sum_of(parts: Counts, total: int) -> bool:
    """Whether a total is a sum of parts, each taken any number of times."""
    sums = [True] + [False] * total
    for n in range(1, total + 1):
        sums[n] = any(part <= n and sums[n - part] for part in parts)
    return sums[total]


@lru_cache(maxsize=256)
def _multiplicities(table: SpaceGroupTable) -> tuple[Fixed, Counts]:
    fixed = Counter(p.multiplicity for p in table.positions if p.freedom == 0)
    free = {p.multiplicity for p in table.positions if p.freedom}
    return tuple(sorted(fixed.items())), tuple(sorted(free))


def fill(table: SpaceGroupTable, counts: Sequence[int], rng: np.random.Generator) -> Sites:
    """Draw Wyckoff positions one after the other, such that all atoms find one.

    Args:
        table: of a space group that holds them.
        counts: atoms of each element in the primitive cell.
        rng: source of randomness.

    Returns:
        Positions with the number of the element on each, those without freedom first.
    """
    fixed, free = _multiplicities(table)
    available = dict(fixed)
    positions = list(table.positions)
    sites: Sites = []
    missing = list(counts)

    def possible(position: WyckoffPosition, element: int) -> bool:
        taken = position.multiplicity
        if taken > missing[element]:
            return False
        less = position.freedom == 0
        left = tuple((m, n - (less and m == taken)) for m, n in available.items())
        return holds(left, free, (missing[element] - taken, *missing[element + 1 :]))

    for element in range(len(missing)):
        while missing[element]:
            options = [position for position in positions if possible(position, element)]
            chosen = options[rng.integers(len(options))]
            if chosen.freedom == 0:
                positions.remove(chosen)
                available[chosen.multiplicity] -= 1
            sites.append((element, chosen))
            missing[element] -= chosen.multiplicity
    return sorted(sites, key=lambda site: site[1].freedom)


def crystal(
    composition: Mapping[str, int],
    fractions: Array,
    elements: np.ndarray,
    cell: Array,
    table: SpaceGroupTable | None = None,
) -> ase.Atoms:
    """A crystal of atoms on sites, ordered by element.

    Args:
        composition: atoms of the cell by element.
        fractions: sites in a primitive cell, shape (n, 3).
        elements: number of the element on each, shape (n,).
        cell: primitive, shape (3, 3), Å.
        table: of the space group, for its conventional cell; ``None`` for the primitive one.
    """
    if table is not None:
        within = fractions @ table.primitive
        shifts = _lattice_points(table)
        fractions = (within[None] + shifts[:, None]).reshape(-1, 3)
        elements = np.tile(elements, len(shifts))
        cell = np.linalg.inv(table.primitive) @ cell
    symbols = [name for name, n in composition.items() for _ in range(n)]
    sites = fractions[np.argsort(elements, kind="stable")]
    return ase.Atoms(symbols, scaled_positions=sites, cell=cell, pbc=True)


def _lattice_points(table: SpaceGroupTable) -> Array:
    """Points of the lattice in a conventional cell, in its coordinates, shape (centring, 3)."""
    steps = np.array(list(product(range(-3, 4), repeat=3)))
    return np.unique(np.round(PARTS * steps @ table.primitive) % PARTS, axis=0) / PARTS


def has_group(atoms: ase.Atoms, number: int) -> bool:
    """Whether a seed has this space group and no higher one."""
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    found = spglib.get_symmetry_dataset(cell, symprec=1e-3)
    return found is not None and int(found.number) == number
