"""The family of energy terms beside E~."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeVar

from ase.data import atomic_numbers
from pydantic import BeforeValidator, Field, PlainSerializer

from rm_lammps.kinds import Family, Kind
from rm_lammps.systems import System

MODEL = "E~"
"""The label of the model's own energy."""


Length = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A field that takes a distance, Å."""

V = TypeVar("V")


def by_pair(values: Mapping[str, V]) -> dict[frozenset[str], V]:
    """What is given for pairs of elements, whose two symbols may stand in any order.

    Args:
        values: by two chemical symbols, ``"Si-O"``.

    Raises:
        ValueError: a key is no pair of elements, or one is there twice.
    """
    found: dict[frozenset[str], V] = {}
    for pair, value in values.items():
        symbols = frozenset(pair.split("-"))
        if pair.count("-") != 1 or not symbols <= atomic_numbers.keys() - {"X"}:
            raise ValueError(f"{pair!r} must be two chemical symbols, such as Si-Si")
        if symbols in found:
            raise ValueError(f"{pair} is there twice, once the other way round")
        found[symbols] = value
    return found


@dataclass(frozen=True)
class PairStyle:
    """A pair style of LAMMPS as an energy term needs it."""

    style: str
    """The style's name, e.g. ``lj/cut``."""
    arguments: str
    """What follows it in ``pair_style``, e.g. a cutoff."""
    coefficients: tuple[str, ...]
    """Lines of ``pair_coeff``, each its two types and its arguments, without the style's name."""


class Term(Kind):
    """An energy that is added to E~, with a weight.

    Its forces count in relaxation like those of E~; its own energy is kept with each result,
    without the weight. A term is a :class:`PairStyleTerm` or a :class:`FixTerm`.
    """

    in_frame: ClassVar[bool] = False
    """Whether it acts at places within the cell, which then stays as it is loaded."""

    label: str = Field("", description="name of its energy in the results; default: the kind's")
    weight: float = Field(1.0, description="factor of its energy, forces and stress")

    @classmethod
    def suits(cls, system: System) -> bool:  # noqa: ARG003
        """Whether it is for a system, by what this one is: any, unless a term says otherwise."""
        return True

    @property
    def known_as(self) -> str:
        """Name of its energy in the results, by which stages weigh it too."""
        return self.label or self.name

    def check_atoms(self, symbols: Sequence[str]) -> None:
        """Check that the term can act on a structure: on any, unless a term says otherwise.

        Args:
            symbols: chemical symbols of its atoms.

        Raises:
            UserError: it can't.
        """

    def explain(self, message: str, symbols: Sequence[str]) -> None:
        """Say what an error of LAMMPS means, where it is one of the term's own making.

        Args:
            message: of LAMMPS.
            symbols: chemical symbols of the structure's atoms.

        Raises:
            UserError: the term's settings are to be mended.
        """

    def hashes(self) -> dict[str, str]:
        """SHA-256 of what its energy depends on beside its settings, by name."""
        return {}


class PairStyleTerm(Term, ABC):
    """A term that a pair style of LAMMPS computes; its stress counts in relaxation too."""

    @abstractmethod
    def pair(self, elements: Sequence[str]) -> PairStyle:
        """The pair style that computes it.

        Args:
            elements: chemical symbols of atom types 1, 2, ...

        Raises:
            UserError: it can't be computed for these elements.
        """


class FixTerm(Term, ABC):
    """A term that a fix of LAMMPS computes. It has no stress: for cells that stay as they are."""

    def fixes(self, name: str) -> Sequence[str]:
        """Names of the fixes whose scalars are its energy: one, unless a term says otherwise.

        Args:
            name: of the first.
        """
        return (name,)

    @abstractmethod
    def fix(self, name: str, symbols: Sequence[str], weight: float) -> list[str]:
        """LAMMPS commands that define its fixes, or define them anew with another weight.

        Their scalars are the energy with the weight.

        Args:
            name: of the first fix.
            symbols: chemical symbols of the structure's atoms.
            weight: factor of energy and forces, not zero.
        """


TERMS: Family[Term] = Family(
    "energy term", field="term", package="rm_lammps.relaxation.terms", group="rm_lammps.terms"
)

AnyTerm = Annotated[Term, BeforeValidator(TERMS.read), PlainSerializer(TERMS.plain)]
"""A field that takes any energy term, from YAML or as an object."""


def scaled_sum(
    own: PairStyle, terms: Sequence[PairStyleTerm], elements: Sequence[str], weights: Sequence[str]
) -> tuple[list[str], list[str]]:
    """LAMMPS commands for E~ and the terms beside it, each with its weight.

    Args:
        own: E~'s pair style.
        terms: beside it.
        elements: chemical symbols of atom types 1, 2, ...
        weights: names of LAMMPS variables that hold them, E~'s first.

    Returns:
        Commands, and the names by which LAMMPS knows the sub-styles, E~'s first.
    """
    styles = [own, *(term.pair(elements) for term in terms)]
    parts = [
        f"v_{weight} {some.style} {some.arguments}".rstrip()
        for weight, some in zip(weights, styles, strict=True)
    ]
    commands, names = [f"pair_style hybrid/scaled {' '.join(parts)}"], []
    total, count = Counter(some.style for some in styles), Counter[str]()
    for some in styles:
        count[some.style] += 1
        # LAMMPS numbers the sub-styles that are there several times
        name = f"{some.style} {count[some.style]}" if total[some.style] > 1 else some.style
        names.append(name)
        for line in some.coefficients:
            first, second, rest = line.split(maxsplit=2)
            commands.append(f"pair_coeff {first} {second} {name} {rest}")
    return commands, names
