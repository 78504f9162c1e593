"""E~ and the energy terms beside it as pair styles and fixes of LAMMPS."""

from collections.abc import Mapping, Sequence
from typing import Any

from rm_lammps.deployment.bundle import Bundle
from rm_lammps.relaxation.term import MODEL, FixTerm, PairStyle, PairStyleTerm, Term, scaled_sum

_RELEASED = 1e-12
"""Weight of a fix's term in place of zero: its forces are below rounding, its energy can be read.

A fix that is defined once keeps its place before those that hold atoms.
"""


class PairStyles:
    """The energies of a session, defined anew after each ``clear``.

    Args:
        bundle: the deployed model.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._terms: tuple[Term, ...] = ()
        self._weights: dict[str, float] = {MODEL: 1.0}
        self._symbols: Sequence[str] = ()
        self._elements: Sequence[str] = ()
        self._own_style = ""
        self._level: str | None = None

    def compose(self, terms: Sequence[Term], own: float) -> bool:
        """Choose the terms beside E~, and E~'s weight; whether the terms are others than before."""
        changed = tuple(terms) != self._terms
        self._terms = tuple(terms)
        self._weights = {MODEL: own, **{term.known_as: term.weight for term in terms}}
        return changed

    def weigh(self, lmp: Any, weights: Mapping[str, float]) -> None:
        """Give energies other weights, until the next :meth:`compose`.

        Args:
            lmp: LAMMPS with E~ and the terms defined.
            weights: by label.
        """
        self._weights |= weights
        self._set_weights(lmp)
        for number, term in enumerate(self._terms):
            if isinstance(term, FixTerm) and term.known_as in weights:
                self._fix(lmp, number, term)

    def _set_weights(self, lmp: Any) -> None:
        for name, weight in zip(self._names(), self._weights.values(), strict=True):
            lmp.command(f"variable {name} equal {weight}")

    def _names(self) -> list[str]:
        """Of the variables that hold the weights."""
        return [f"rm_weight_{number}" for number in range(len(self._weights))]

    def define(self, lmp: Any, symbols: Sequence[str]) -> None:
        """Define E~ on its lowest level.

        Args:
            lmp: LAMMPS with a box.
            symbols: chemical symbols of all atoms, of which type 1 has the first, and so on.
        """
        self._symbols, self._elements = symbols, list(dict.fromkeys(symbols))
        lmp.command(f"pair_style {self._bundle.pair_style}")
        lmp.command(f"pair_coeff {self._coefficients(lmp)}")
        self._own_style, self._level = "", None

    def add_terms(self, lmp: Any) -> None:
        """Put the terms beside E~, each with its weight."""
        if not self._terms:
            return
        own = PairStyle(self._bundle.pair_style, "", (self._coefficients(lmp),))
        self._set_weights(lmp)
        pairs = [(n, term) for n, term in enumerate(self._terms) if isinstance(term, PairStyleTerm)]
        numbers = [0, *(number + 1 for number, _ in pairs)]
        weights = [self._names()[number] for number in numbers]
        commands, names = scaled_sum(own, [term for _, term in pairs], self._elements, weights)
        for command in commands:
            lmp.command(command)
        self._own_style = names[0]
        for number, name in zip(numbers, names, strict=True):
            lmp.command(f"compute rm_term_{number} all pair {name}")
        for number, term in enumerate(self._terms):
            if isinstance(term, FixTerm):
                self._fix(lmp, number, term)

    def _fix(self, lmp: Any, number: int, term: FixTerm) -> None:
        """Define a term's fix with the weight that it has now."""
        weight = self._weights[term.known_as] or _RELEASED
        name = f"rm_term_{number + 1}"
        for command in term.fix(name, self._symbols, weight):
            lmp.commands_string(command)
        for fix in term.fixes(name):
            lmp.command(f"fix_modify {fix} energy yes")

    def energies(self, lmp: Any) -> dict[str, float]:
        """Energies of E~ and the terms by label, without weights; none where E~ is alone."""
        if not self._terms:
            return {}
        found = {MODEL: float(lmp.numpy.extract_compute("rm_term_0", 0, 0))}
        for number, term in enumerate(self._terms):
            label, name = term.known_as, f"rm_term_{number + 1}"
            if isinstance(term, FixTerm):
                energy = sum(lmp.extract_fix(fix, 0, 0) for fix in term.fixes(name))
                found[label] = energy / (self._weights[label] or _RELEASED)
            else:
                found[label] = float(lmp.numpy.extract_compute(name, 0, 0))
        return found

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
        first, second, rest = self._coefficients(lmp, name).split(maxsplit=2)
        lmp.command(f"pair_coeff {first} {second} {self._own_style} {rest}")
        self._level = name

    def _coefficients(self, lmp: Any, level: str | None = None) -> str:
        """What follows ``pair_coeff``, with the model's file in a variable.

        LAMMPS drops letters beyond ASCII from its input, but not from the values of variables.
        """
        line = self._bundle.pair_coefficients(self._elements, level)
        first, second, file, rest = line.split(maxsplit=3)
        lmp.command('variable rm_model string ""')
        lmp.set_string_variable("rm_model", file)
        return f"{first} {second} ${{rm_model}} {rest}"
