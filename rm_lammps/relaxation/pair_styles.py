"""E~ and the energy terms beside it as pair styles of LAMMPS."""

from collections.abc import Mapping, Sequence
from typing import Any

from rm_lammps.deployment.bundle import Bundle
from rm_lammps.relaxation.term import MODEL, PairStyle, Term, scaled_sum


class PairStyles:
    """The pair styles of a session, defined anew after each ``clear``.

    Args:
        bundle: the deployed model.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._terms: tuple[Term, ...] = ()
        self._weights: dict[str, float] = {MODEL: 1.0}
        self._elements: Sequence[str] = ()
        self._own_style = ""
        self._level: str | None = None

    def compose(self, terms: Sequence[Term], own: float) -> bool:
        """Choose the terms beside E~, and E~'s weight; whether the terms are others than before."""
        changed = tuple(terms) != self._terms
        self._terms = tuple(terms)
        self._weights = {MODEL: own, **{term.label or term.name: term.weight for term in terms}}
        return changed

    def weigh(self, lmp: Any, weights: Mapping[str, float]) -> None:
        """Give energies other weights, until the next :meth:`compose`.

        Args:
            lmp: LAMMPS with E~ and the terms defined.
            weights: by label.
        """
        self._weights |= weights
        self._set_weights(lmp)

    def _set_weights(self, lmp: Any) -> None:
        for name, weight in zip(self._names(), self._weights.values(), strict=True):
            lmp.command(f"variable {name} equal {weight}")

    def _names(self) -> list[str]:
        """Of the variables that hold the weights."""
        return [f"rm_weight_{number}" for number in range(len(self._weights))]

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
        commands, names = scaled_sum(own, self._terms, self._elements, self._names())
        for command in commands:
            lmp.command(command)
        self._own_style = names[0]
        for number, name in enumerate(names):
            lmp.command(f"compute rm_term_{number} all pair {name}")

    def energies(self, lmp: Any) -> dict[str, float]:
        """Energies of E~ and the terms by label, without weights; none where E~ is alone."""
        if not self._terms:
            return {}
        return {
            label: float(lmp.numpy.extract_compute(f"rm_term_{number}", 0, 0))
            for number, label in enumerate(self._weights)
        }

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
