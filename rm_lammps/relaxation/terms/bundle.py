"""A second model of this package, or any Allegro model that ``rm-deploy`` takes."""

from collections.abc import Sequence
from functools import cached_property

from pydantic import Field

from rm_lammps.deployment.bundle import Bundle, find_bundle
from rm_lammps.errors import UserError
from rm_lammps.relaxation.term import TERMS, PairStyle, PairStyleTerm


@TERMS.register
class BundleTerm(PairStyleTerm):
    """The energy of a second deployed model."""

    name = "bundle"

    model: str = Field(description="shipped model by name, bundle or rm-train folder")

    @cached_property
    def _bundle(self) -> Bundle:
        return find_bundle(self.model)

    def pair(self, elements: Sequence[str]) -> PairStyle:
        """Use its pair style, if it knows all elements."""
        bundle = self._bundle
        unknown = [symbol for symbol in elements if symbol not in bundle.manifest.species]
        if unknown:
            raise UserError(
                f"The energy term's model {self.model} knows no {', '.join(unknown)}.",
                f"Its elements: {' '.join(bundle.manifest.species)}",
            )
        return PairStyle(bundle.pair_style, "", (bundle.pair_coefficients(elements),))

    def hashes(self) -> dict[str, str]:
        """Those of the model's files."""
        return {self.model: self._bundle.manifest.package_sha256}
