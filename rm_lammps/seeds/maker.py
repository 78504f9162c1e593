"""Makes the seeds of a run."""

from collections import Counter

import ase
import numpy as np

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.errors import UserError
from rm_lammps.seeds.cloud import random_cloud
from rm_lammps.seeds.composition import MAX_ATOMS, parse_formula
from rm_lammps.seeds.config import SeedConfig
from rm_lammps.seeds.perturbed import load_structure, perturb
from rm_lammps.seeds.random_crystal import random_crystal


class SeedMaker:
    """Seeds of one formula.

    Args:
        config: the distribution.
        formula: content of a cell.
        n_atoms: repeat the formula to so many atoms; ``None`` for the formula as it is.
        species: elements the model knows.
        statistics: of the model's training data; random crystals need them.

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
    ) -> None:
        self._config = config
        self._statistics = statistics
        composition = parse_formula(formula, species)
        self._composition = _repeated(composition, n_atoms, formula)
        self.formula = (
            "".join(f"{symbol}{n}" for symbol, n in self._composition.items())
            if n_atoms is not None
            else formula
        )
        self.n_atoms = sum(self._composition.values())
        self._structure: ase.Atoms | None = None
        if config.structure is not None:
            self._structure = load_structure(config.structure, species, n_atoms)
            self._check_structure()

    def _check_structure(self) -> None:
        found = Counter((self._structure or ase.Atoms()).get_chemical_symbols())
        if found != Counter(self._composition):
            text = "".join(f"{symbol}{n}" for symbol, n in found.items())
            raise UserError(
                f"{self._config.structure} holds {text}, but the formula is {self.formula}.",
                "Give the formula of the structure, or --atoms for a supercell of it.",
            )

    def make(self, rng: np.random.Generator) -> ase.Atoms:
        """Draw a seed."""
        if self._structure is not None:
            return perturb(self._structure, self._config.displacement, self._config.strain, rng)
        random = random_crystal if self._statistics.periodic else random_cloud
        return random(self._composition, self._statistics, self._config, rng)


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
