"""Distances between named atoms."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, field_validator

from rm_lammps.errors import UserError
from rm_lammps.relaxation.term import TERMS, FixTerm, Length

Atom = Annotated[int, Field(ge=0)]


@TERMS.register
class DistancesTerm(FixTerm):
    """Springs between atoms, by LAMMPS's fix ``restrain``: constant times (d - length)², summed.

    Distances are those to the nearest image.
    """

    name = "distances"

    pairs: tuple[tuple[Atom, Atom, Length], ...] = Field(
        description="numbers of two atoms, from 0, and the length wanted in Å, e.g. [[0, 5, 2.4]]",
        min_length=1,
    )
    constant: float = Field(5.0, gt=0, allow_inf_nan=False, description="pseudo-eV/Å²")
    at_least: bool = Field(False, description="whether longer distances cost nothing")

    @field_validator("pairs")
    @classmethod
    def _two_atoms(
        cls, pairs: tuple[tuple[int, int, float], ...]
    ) -> tuple[tuple[int, int, float], ...]:
        for first, second, _ in pairs:
            if first == second:
                raise ValueError(f"atom {first} has no distance to itself")
        return pairs

    def check_atoms(self, symbols: Sequence[str]) -> None:
        """Check that the atoms are there."""
        largest = max(max(first, second) for first, second, _ in self.pairs)
        if largest >= len(symbols):
            raise UserError(
                f"Energy term {self.name} names atom {largest}, but the structure has "
                f"{len(symbols)} atoms.",
                f"Numbers are 0 to {len(symbols) - 1}; a host's atoms come first.",
            )

    def fix(self, name: str, symbols: Sequence[str], weight: float) -> list[str]:
        """Let each pair have its spring."""
        style, constant = "lbound" if self.at_least else "bond", weight * self.constant
        springs = [
            f"{style} {first + 1} {second + 1} {constant} {constant} {length} {length}"
            for first, second, length in self.pairs
        ]
        return [f"fix {name} all restrain {' '.join(springs)}"]
