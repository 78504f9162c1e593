"""The family of energy terms beside E~."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, PlainSerializer

from rm_lammps.kinds import Family, Kind


@dataclass(frozen=True)
class PairStyle:
    """A pair style of LAMMPS as an energy term needs it."""

    style: str
    """The style's name, e.g. ``lj/cut``."""
    arguments: str
    """What follows it in ``pair_style``, e.g. a cutoff."""
    coefficients: tuple[str, ...]
    """Lines of ``pair_coeff``, each its two types and its arguments, without the style's name."""


class Term(Kind, ABC):
    """An energy that is added to E~, with a weight.

    Its forces and stress count in relaxation like those of E~; its own energy is kept with each
    result, without the weight.
    """

    suits: ClassVar[frozenset[str]] = frozenset({"crystal", "molecule"})
    """Names of the systems that it is for."""

    label: str = Field("", description="name of its energy in the results; default: the kind's")
    weight: float = Field(1.0, description="factor of its energy, forces and stress")

    @abstractmethod
    def pair(self, elements: Sequence[str]) -> PairStyle:
        """The pair style that computes it.

        Args:
            elements: chemical symbols of atom types 1, 2, ...

        Raises:
            UserError: it can't be computed for these elements.
        """


TERMS: Family[Term] = Family(
    "energy term", field="term", package="rm_lammps.relaxation.terms", group="rm_lammps.terms"
)

AnyTerm = Annotated[Term, BeforeValidator(TERMS.read), PlainSerializer(TERMS.plain)]
"""A field that takes any energy term, from YAML or as an object."""
