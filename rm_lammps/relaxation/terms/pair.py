"""Any pair style of LAMMPS."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, field_validator

from rm_lammps.errors import UserError
from rm_lammps.files import sha256
from rm_lammps.relaxation.term import TERMS, PairStyle, PairStyleTerm

_ELEMENTS = "ELEMENTS"


@TERMS.register
class PairTerm(PairStyleTerm):
    """The energy of a pair style of LAMMPS, by its own words.

    ``{term: pair, style: tersoff, coefficients: ["* * C.tersoff ELEMENTS"]}``: the word
    ``ELEMENTS`` stands for the chemical symbols of the atom types.
    """

    name = "pair"

    style: str = Field(description="e.g. lj/cut", pattern=r"^\S+$")
    arguments: str = Field("", description="what follows the name in pair_style, e.g. 6.0")
    coefficients: tuple[str, ...] = Field(
        description="lines of pair_coeff, e.g. '* * 0.01 3.0'", min_length=1
    )

    @field_validator("coefficients")
    @classmethod
    def _two_types_and_more(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        for line in lines:
            if len(line.split()) < 3:
                raise ValueError(f"{line!r} must be two atom types and coefficients")
        return lines

    def pair(self, elements: Sequence[str]) -> PairStyle:
        """Fill in the elements."""
        if self.style == "eam" and len(elements) > 1:
            # its mixing is for pairs of types that have no other style, and all have E~
            raise UserError(
                f"Beside E~, LAMMPS's pair style eam leaves out what acts between "
                f"{' and '.join(elements)}.",
                "Give eam/alloy or eam/fs, with a file of all elements.",
            )
        symbols = " ".join(elements)
        lines = tuple(line.replace(_ELEMENTS, symbols) for line in self.coefficients)
        return PairStyle(self.style, self.arguments, lines)

    def hashes(self) -> dict[str, str]:
        """Those of files with coefficients; what LAMMPS brings along goes by its version."""
        words = {word for line in self.coefficients for word in line.split()[2:]}
        return {word: sha256(Path(word)) for word in sorted(words) if Path(word).is_file()}
