"""E~ and the energy terms beside it as pair styles of LAMMPS."""

from collections.abc import Mapping, Sequence
from typing import Any

from rm_lammps.deployment.bundle import Bundle
from rm_lammps.errors import UserError
from rm_lammps.relaxation.term import WEIGHT, PairStyle, Term, label_of, scaled_sum

OWN = "E~"
"""Label of the model's own energy."""


class PairStyles:
    """The pair styles of a session, defined anew after each ``clear``.

    Args:
        bundle: the deployed model.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._terms: tuple[Term, ...] = ()
        self._weights: dict[str, float] = {}
        self._elements: Sequence[str] = ()
        self._own_style = ""
        self._level: str | None = None

    def compose(self, terms: Sequence[Term]) -> bool:
        """Choose the terms beside E~; whether they are others than before."""
        changed = tuple(terms) != self._terms
        self._terms = tuple(terms)
        self._weights = {label_of(term): term.weight for term in terms}
        if self._weights:
            self._weights = {OWN: 1.0, **self._weights}
        return changed

    def weigh(self, lmp: Any, weights: Mapping[str, float]) -> None:
        """Give terms other weights, until terms are chosen anew.

        Args:
            lmp: LAMMPS with E~ and the terms defined.
            weights: by label.

        Raises:
            UserError: there is no such term.
        """
        for label, weight in weights.items():
            if label not in self._weights:
                raise UserError(
                    f"There is no energy term {label!r} to weigh.",
                    f"Terms of the protocol: {', '.join(self._weights) or 'none'}.",
                )
            self._weights[label] = weight
        self._set_weights(lmp)

    def define(self, lmp: Any, elements: Sequence[str]) -> None:
        """Define E~ on its lowest level.

        Args:
            lmp: LAMMPS with a box.
            elements: chemical symbols of atom types 1, 2, ...
        """
        lmp.command(f"pair_style {self._bundle.pair_style}")
        lmp.command(f"pair_coeff {self._coefficients(lmp, elements)}")
        self._elements, self._own_style, self._level = elements, "", None

    def add_terms(self, lmp: Any) -> None:
        """Put the terms' pair styles beside E~'s, each with its weight."""
        if not self._terms:
            return
        own = PairStyle(self._bundle.pair_style, "", (self._coefficients(lmp, self._elements),))
        self._set_weights(lmp)
        commands, names = scaled_sum(own, self._terms, self._elements)
        for command in commands:
            lmp.command(command)
        self._own_style = names[0]
        for number, name in enumerate(names):
            lmp.command(f"compute rm_term_{number} all pair {name}")

    def energies(self, lmp: Any) -> dict[str, float]:
        """Energies of E~ and the terms by label, without weights; none where E~ is alone."""
        if not self._terms:
            return {}
        labels = [OWN, *map(label_of, self._terms)]
        return {
            label: float(lmp.numpy.extract_compute(f"rm_term_{number}", 0, 0))
            for number, label in enumerate(labels)
        }

    def _set_weights(self, lmp: Any) -> None:
        for number, weight in enumerate(self._weights.values()):
            lmp.command(f"variable {WEIGHT}{number} internal {weight}")

    def use_level(self, lmp: Any, name: str | None) -> None:
        """Evaluate another level of the model from now on, until the next ``clear``.

        Args:
            lmp: LAMMPS with E~ defined.
            name: of the level; ``None`` for the lowest.

        Raises:
            UserError: the model has no such level.
        """
        if name == self._level:
            return
        first, second, rest = self._coefficients(lmp, self._elements, name).split(maxsplit=2)
        lmp.command(f"pair_coeff {first} {second} {self._own_style} {rest}")
        self._level = name

    def _coefficients(self, lmp: Any, elements: Sequence[str], level: str | None = None) -> str:
        """What follows ``pair_coeff``, with the model's file in a variable.

        LAMMPS drops letters beyond ASCII from its input, but not from the values of variables.
        """
        line = self._bundle.pair_coefficients(elements, level)
        first, second, file, rest = line.split(maxsplit=3)
        lmp.command('variable rm_model string ""')
        lmp.set_string_variable("rm_model", file)
        return f"{first} {second} ${{rm_model}} {rest}"
