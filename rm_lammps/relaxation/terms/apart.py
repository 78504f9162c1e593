"""Elements that are kept apart."""

from collections.abc import Sequence
from itertools import combinations_with_replacement

from pydantic import Field, field_validator

from rm_lammps.relaxation.term import TERMS, Length, PairStyle, PairStyleTerm, by_pair

_UNTOUCHED = 0.01
"""Å, a range for the other pairs: LAMMPS wants one."""


@TERMS.register
class ApartTerm(PairStyleTerm):
    """A soft repulsion of atoms that come too near, by LAMMPS's pair style ``soft``.

    ``{term: apart, distances: {Si-Si: 2.85}}`` keeps silicon atoms from sharing two oxygen
    atoms. Two atoms at the distance r have the energy height/2 (1 + cos(πr/distance)) below the
    distance of their elements, and none above. Other pairs of elements are left alone.
    """

    name = "apart"

    distances: dict[str, Length] = Field(
        description="Å, by two chemical symbols, e.g. {Si-Si: 2.85, O-O: 2.3}", min_length=1
    )
    height: float = Field(
        2.0, gt=0, allow_inf_nan=False, description="energy of two atoms on one spot, pseudo-eV"
    )

    @field_validator("distances")
    @classmethod
    def _two_elements(cls, distances: dict[str, float]) -> dict[str, float]:
        by_pair(distances)
        return distances

    def pair(self, elements: Sequence[str]) -> PairStyle:
        """Give each pair of types its range."""
        ranges = by_pair(self.distances)
        lines = [f"* * 0.0 {_UNTOUCHED}"]
        for i, j in combinations_with_replacement(range(len(elements)), 2):
            length = ranges.get(frozenset((elements[i], elements[j])))
            if length is not None:
                lines.append(f"{i + 1} {j + 1} {self.height / 2} {length}")
        return PairStyle("soft", str(max(ranges.values())), tuple(lines))
