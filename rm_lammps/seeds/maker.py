"""Makes the seeds of a composition."""

from collections.abc import Mapping, Sequence
from math import gcd

import ase
import numpy as np

from rm_lammps.chemistry.formula import MAX_ATOMS, formula_of, parse_formula, plain_formula
from rm_lammps.errors import UserError
from rm_lammps.seeds.seed_config import SeedConfig
from rm_lammps.seeds.seeder import Content, ModelFacts, Seed, Seeder, SeedRequest


class SeedMaker:
    """Seeds of one formula.

    Args:
        config: kinds of seeds and their settings.
        formula: content of a cell.
        n_atoms: repeat the formula to so many atoms; ``None`` for the formula as it is.
        model: what seeds need to know of the model.
        units: range of formula units in a cell, of which each seed draws its own number.

    Raises:
        UserError: a formula that can't be, or seeds that can't be made of it.
    """

    def __init__(
        self,
        config: SeedConfig,
        formula: str,
        n_atoms: int | None,
        *,
        model: ModelFacts,
        units: tuple[int, int] = (1, 1),
    ) -> None:
        self._model = model
        self._units = units
        system = model.system
        composition = parse_formula(formula, model.species)
        repeated = _repeated(composition, n_atoms, formula)
        self.formula = plain_formula(formula) if n_atoms is None else formula_of(repeated)
        content = Content(self.formula, repeated, n_atoms)
        self.n_atoms = units[1] * sum(repeated.values())
        """Of the largest cell."""
        if self.n_atoms > MAX_ATOMS:
            raise UserError(
                f"{units[1]} formula units of {formula!r} have {self.n_atoms} atoms.",
                f"Give 1 to {MAX_ATOMS} atoms a cell.",
            )
        contents = [content]
        if units != (1, 1):
            contents = [content.multiple(times) for times in range(units[0], units[1] + 1)]
        size = (len(model.species), self.n_atoms)
        shares = config.usable(config.shares(system, *size), model)
        leading = config.leading(system, *size)
        self._order = KindOrder(shares, {kind: leading.get(kind, 0) for kind in shares})
        self._fallback = config.fallback(system)
        self._kinds: dict[str, Seeder] = {
            name: config.seeder(name) for name in [*self._order.names, self._fallback]
        }
        for multiple in contents:
            for name in self._order.names:
                total = self._kinds[name].total(multiple, model)
                system.check_composition(multiple.formula, total)
        self._contents = self._possible(contents)
        kinds = [self._kinds[name] for name in self._order.names]
        self.remarks = [text for kind in kinds for text in kind.remarks(content, model)]
        """What to say of the seeds."""
        self.any_size = all(kind.any_size for kind in kinds)
        """Whether cells larger than those of the training data are what they are for."""

    @property
    def settings(self) -> set[str]:
        """Names of the settings that the kinds in use have."""
        return {setting for kind in self._kinds.values() for setting in type(kind).model_fields}

    def make(self, rng: np.random.Generator, number: int = 0) -> ase.Atoms:
        """Draw a seed.

        Args:
            rng: source of randomness.
            number: of the seed among those of its composition; kinds of a mixture take turns.

        Returns:
            Atoms, whose ``info`` has the ``formula`` of the cell, the ``seed_kind``, and what else
            its kind says of the seed's origin.
        """
        content = self._contents[0]
        if self._units != (1, 1):
            content = self._contents[rng.integers(len(self._contents))]
        kind, turn = self._order[number]
        seed = self._draw(kind, content, rng, turn)
        if seed is None:
            kind = self._fallback
            seed = self._draw(kind, content, rng, turn)
        if seed is None:
            raise RuntimeError(f"seeds of kind {kind} must be there for every composition")
        atoms = self._model.system.adopt(seed.atoms)
        atoms.info = {"formula": content.formula, "seed_kind": kind, **seed.origin}
        return atoms

    def _possible(self, contents: Sequence[Content]) -> list[Content]:
        """Contents of which all kinds in use can make seeds.

        Raises:
            UserError: there is none.
        """
        problems = [self._problem(content) for content in contents]
        possible = [c for c, problem in zip(contents, problems, strict=True) if problem is None]
        if not possible and problems[-1] is not None:
            raise problems[-1]
        return possible

    def _problem(self, content: Content) -> UserError | None:
        """Why a kind in use can't make seeds of a content, if it can't."""
        try:
            for name in self._order.names:
                self._kinds[name].check(content, self._model)
        except UserError as error:
            return error
        return None

    def _draw(
        self, kind: str, content: Content, rng: np.random.Generator, turn: int
    ) -> Seed | None:
        return self._kinds[kind].draw(SeedRequest(content, self._model, rng, turn))


class KindOrder:
    """Kinds in turns, so that any number of seeds holds each as often as its share.

    Args:
        shares: relative frequency of each kind, counted to four decimals.
        leading: number of seeds of each kind that come before all turns.
    """

    def __init__(self, shares: Mapping[str, float], leading: Mapping[str, int]) -> None:
        self.names = list(shares)
        self._leading = [(kind, turn) for kind, number in leading.items() for turn in range(number)]
        self._led = {kind: leading.get(kind, 0) for kind in shares}
        exact = {kind: max(round(share * 10_000), 1) for kind, share in shares.items()}
        divisor = gcd(*exact.values())
        self._in_period = {kind: n // divisor for kind, n in exact.items()}
        length = sum(self._in_period.values())
        counts = dict.fromkeys(shares, 0)
        self._period: list[tuple[str, int]] = []
        for due in range(1, length + 1):
            kind = max(counts, key=lambda k: due * self._in_period[k] - length * counts[k])
            self._period.append((kind, counts[kind]))
            counts[kind] += 1

    def __getitem__(self, number: int) -> tuple[str, int]:
        """Kind of a seed, and how many of this kind come before it."""
        if number < len(self._leading):
            return self._leading[number]
        periods, place = divmod(number - len(self._leading), len(self._period))
        kind, before = self._period[place]
        return kind, self._led[kind] + before + periods * self._in_period[kind]


def _repeated(composition: dict[str, int], n_atoms: int | None, formula: str) -> dict[str, int]:
    if n_atoms is None:
        return composition
    unit = sum(composition.values())
    times, rest = divmod(n_atoms, unit)
    if rest or not 1 <= times <= MAX_ATOMS // unit:
        raise UserError(
            f"{n_atoms} atoms are no multiple of the {unit} of {formula!r}, up to {MAX_ATOMS}.",
            f"Give --atoms {min(max(1, round(n_atoms / unit)), MAX_ATOMS // unit) * unit}, "
            "for example.",
        )
    return {symbol: n * times for symbol, n in composition.items()}
