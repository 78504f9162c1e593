"""Elements that have a number of neighbours."""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from itertools import combinations_with_replacement
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
from ase.data import atomic_numbers
from pydantic import BeforeValidator, Field, model_validator

from rm_lammps.geometry import Array
from rm_lammps.relaxation.term import TERMS, Length, PairStyle, PairStyleTerm, by_pair

_DISTANCES, _COUNTS = 3000, 3000
"""Points of the tables."""
_SPACING = 0.01
"""Neighbours from point to point: up to 30."""
_PER_LINE = 5


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, int) else value


Numbers = Annotated[
    tuple[Annotated[int, Field(ge=0, le=20)], ...],
    BeforeValidator(_as_tuple),
    Field(min_length=1),
]
"""A field that takes one number of neighbours or several."""


@TERMS.register
class CoordinationTerm(PairStyleTerm):
    """An energy of atoms that have too many or too few neighbours, by LAMMPS's ``eam/fs``.

    ``{term: coordination, neighbours: {Si: 4, O: 2}, within: {Si-O: [2.1, 3.1]}}`` gives silicon
    atoms four oxygen neighbours, and these two of silicon. A neighbour counts whole up to the first
    distance and not at all beyond the second; between, its share is 1/2 (1 + cos(πx)) of the way x.
    An atom with c neighbours has the energy height (c - n)², where n is the nearest of the numbers
    that its element may have.
    """

    name = "coordination"

    neighbours: dict[str, Numbers] = Field(
        description="how many an element has, or may have, e.g. {Si: 4, O: 2} or {C: [3, 4]}",
        min_length=1,
    )
    within: dict[str, tuple[Length, Length]] = Field(
        description="Å, by two chemical symbols: where neighbours count whole, and where no more, "
        "e.g. {Si-O: [2.1, 3.1]}",
        min_length=1,
    )
    height: float = Field(
        0.3, gt=0, allow_inf_nan=False, description="energy of one neighbour too few, pseudo-eV"
    )

    @model_validator(mode="after")
    def _possible(self) -> "CoordinationTerm":
        pairs = by_pair(self.within)
        for pair, (whole, none) in self.within.items():
            if whole >= none:
                raise ValueError(f"{pair}: the first distance, {whole} Å, must be below the second")
        for symbol in self.neighbours:
            if not any(symbol in pair for pair in pairs):
                raise ValueError(f"within has no pair of {symbol}, so it would have no neighbours")
        return self

    def pair(self, elements: Sequence[str]) -> PairStyle:
        """Write energies and counts into a file of LAMMPS, for these elements."""
        table = self._table(elements).encode()
        file = Path(_folder().name) / f"{sha256(table).hexdigest()}.eam.fs"
        file.write_bytes(table)
        return PairStyle("eam/fs", "", (f'* * "{file}" {" ".join(elements)}',))

    def _table(self, elements: Sequence[str]) -> str:
        """The text of a setfl file of Finnis and Sinclair's form, without an energy of pairs."""
        within, longest = by_pair(self.within), max(none for _, none in self.within.values())
        counts = _SPACING * np.arange(_COUNTS, dtype=float)
        distances = np.linspace(0, longest, _DISTANCES)
        nothing = np.zeros(_DISTANCES)
        lines = [
            *("Energies of wrong numbers of neighbours, pseudo-eV", "", ""),
            f"{len(elements)} {' '.join(elements)}",
            f"{_COUNTS} {_SPACING} {_DISTANCES} {distances[1]:.16g} {longest:.16g}",
        ]
        for symbol in elements:
            # E~ has masses of 1 g/mol; LAMMPS takes those of the file
            lines += [f"{atomic_numbers[symbol]} 1.0 1.0 none"]
            lines += _rows(self._energy(symbol, counts))
            for other in elements:
                limits = within.get(frozenset((symbol, other)))
                lines += _rows(nothing if limits is None else _share(distances, *limits))
        for _ in combinations_with_replacement(elements, 2):
            lines += _rows(nothing)
        return "\n".join(lines) + "\n"

    def _energy(self, symbol: str, counts: Array) -> Array:
        """Of an atom by its number of neighbours."""
        right = np.array(self.neighbours.get(symbol, ()), dtype=float)
        if not len(right):
            return np.zeros_like(counts)
        nearest: Array = ((counts[:, None] - right) ** 2).min(axis=1)
        return self.height * nearest


@cache
def _folder() -> TemporaryDirectory[str]:
    """Where the tables of this process are, until it ends: LAMMPS reads them again and again."""
    return TemporaryDirectory(prefix="rm_lammps_")


def _share(distances: Array, whole: float, none: float) -> Array:
    """How far a neighbour counts."""
    way = ((distances - whole) / (none - whole)).clip(0, 1)
    return np.asarray(0.5 * (1 + np.cos(np.pi * way)))


def _rows(values: Array) -> list[str]:
    """Lines of some numbers each, as LAMMPS reads them."""
    return [" ".join(f"{value:.16g}" for value in row) for row in values.reshape(-1, _PER_LINE)]
