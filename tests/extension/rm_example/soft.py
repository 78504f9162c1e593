"""An energy term: atoms that are close repel each other softly."""

from collections.abc import Sequence

from pydantic import Field

from rm_lammps.relaxation import TERMS, PairStyle, PairStyleTerm


@TERMS.register
class SoftTerm(PairStyleTerm):
    """LAMMPS's pair style ``soft`` between all atoms."""

    name = "soft"

    strength: float = Field(1.0, description="prefactor, pseudo-eV")
    cutoff: float = Field(1.4, gt=0, description="Å")

    def pair(self, elements: Sequence[str]) -> PairStyle:
        """Use the same coefficients for all elements."""
        return PairStyle("soft", str(self.cutoff), (f"* * {self.strength}",))
