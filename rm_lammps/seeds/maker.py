"""Makes the seeds of a run."""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import gcd

import ase
import numpy as np

from rm_lammps.chemistry.formula import MAX_ATOMS, formula_of, parse_formula, plain_formula
from rm_lammps.datasets import DatasetStatistics
from rm_lammps.errors import UserError
from rm_lammps.seeds.cloud import random_cloud
from rm_lammps.seeds.config import SeedConfig
from rm_lammps.seeds.hydrogens import check_hydrogens
from rm_lammps.seeds.perturbed import load_structure, perturb
from rm_lammps.seeds.prototypes import Prototypes
from rm_lammps.seeds.random_crystal import random_crystal
from rm_lammps.seeds.symmetric import symmetric_crystal

_LARGEST_MIXED = 64
"""Atoms; large disordered cells have no symmetry to begin with."""


class SeedMaker:
    """Seeds of one formula.

    Args:
        config: the distribution.
        formula: content of a cell.
        n_atoms: repeat the formula to so many atoms; ``None`` for the formula as it is.
        units: range of formula units in a cell, of which each seed draws its own number.
        species: elements the model knows.
        statistics: of the model's training data; random crystals need them.
        prototypes: structures for seeds of that kind.

    Raises:
        UserError: a formula or structure that can't be.
    """

    def __init__(
        self,
        config: SeedConfig,
        formula: str,
        n_atoms: int | None,
        *,
        species: list[str],
        statistics: DatasetStatistics,
        units: tuple[int, int] = (1, 1),
        prototypes: Prototypes | None = None,
    ) -> None:
        self._config = config
        self._statistics = statistics
        self._units = units
        self._prototypes = prototypes
        composition = parse_formula(formula, species)
        self._composition = _repeated(composition, n_atoms, formula)
        self.formula = plain_formula(formula) if n_atoms is None else formula_of(self._composition)
        self.n_atoms = units[1] * sum(self._composition.values())
        """Of the largest cell."""
        if self.n_atoms > MAX_ATOMS:
            raise UserError(
                f"{units[1]} formula units of {formula!r} have {self.n_atoms} atoms.",
                f"Give 1 to {MAX_ATOMS} atoms a cell.",
            )
        if not statistics.periodic:
            self._check_molecules()
        self._order = KindOrder(self._shares(len(species)))
        self._structure: ase.Atoms | None = None
        if config.structure is not None:
            self._structure = load_structure(config.structure, species, n_atoms)
            self._check_structure()

    def _check_molecules(self) -> None:
        for times in range(self._units[0], self._units[1] + 1):
            composition = {symbol: n * times for symbol, n in self._composition.items()}
            check_hydrogens(self.formula if times == 1 else formula_of(composition), composition)

    def _check_structure(self) -> None:
        found = Counter((self._structure or ase.Atoms()).get_chemical_symbols())
        if found != Counter(self._composition):
            raise UserError(
                f"{self._config.structure} holds {formula_of(found)}, but the formula is "
                f"{self.formula}.",
                "Give the formula of the structure, or --atoms for a supercell of it.",
            )

    def _shares(self, n_species: int) -> dict[str, float]:
        """Kinds of seeds and how often each."""
        kind: str = self._config.kind
        if kind == "auto":
            many = n_species > 1 and self.n_atoms <= _LARGEST_MIXED
            kind = "mixture" if many else "random"
        asked: Iterable[tuple[str, float]] = (
            self._config.weights.items() if kind == "mixture" else [(kind, 1.0)]
        )
        usable = {
            name: weight
            for name, weight in asked
            if weight > 0 and not (name == "prototype" and self._prototypes is None)
        }
        if not usable:
            raise UserError(
                "The model carries no prototypes.",
                "Give seeds: {prototypes: FILE}, or choose another kind of seeds.",
            )
        return usable

    def make(self, rng: np.random.Generator, number: int = 0) -> ase.Atoms:
        """Draw a seed; ``info`` has the ``formula`` of its cell and its ``seed_kind``.

        That of a ``prototype``, or of a ``decorated`` one, whose sites several elements share, has
        its place among the known structures that suit, and its share of their votes.

        Args:
            rng: source of randomness.
            number: of the seed among those of its composition; kinds of a mixture take turns.
        """
        if self._structure is not None:
            seed = perturb(self._structure, self._config.displacement, self._config.strain, rng)
            seed.info |= {"formula": self.formula, "seed_kind": "perturbed"}
            return seed
        composition, formula = self._composition, self.formula
        if self._units != (1, 1):
            times = int(rng.integers(self._units[0], self._units[1] + 1))
            composition = {symbol: n * times for symbol, n in composition.items()}
            formula = formula_of(composition)
        kind, seed = self._draw(composition, rng, number)
        seed.info |= {"formula": formula, "seed_kind": kind}
        return seed

    def _draw(
        self, composition: dict[str, int], rng: np.random.Generator, number: int
    ) -> tuple[str, ase.Atoms]:
        if not self._statistics.periodic:
            return "cloud", random_cloud(composition, self._statistics, self._config, rng)
        kind, turn = self._order[number]
        seed = None
        if kind == "symmetric":
            seed = symmetric_crystal(composition, self._statistics, self._config, rng)
        elif kind == "prototype" and self._prototypes is not None:
            seed = self._prototypes.draw(composition, self._statistics, rng, turn)
        if seed is None:
            return "random", random_crystal(composition, self._statistics, self._config, rng)
        return seed.info.get("seed_kind", kind), seed


class KindOrder:
    """Kinds in turns, so that any number of first seeds holds each as often as its share.

    Args:
        shares: relative frequency of each kind, counted to four decimals.
    """

    def __init__(self, shares: Mapping[str, float]) -> None:
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
        periods, place = divmod(number, len(self._period))
        kind, before = self._period[place]
        return kind, before + periods * self._in_period[kind]


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
