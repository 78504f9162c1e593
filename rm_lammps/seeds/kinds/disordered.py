"""Atoms at random in a cube of a given density: what a glass is made from."""

from math import ceil
from typing import ClassVar

import ase
import numpy as np
from ase.data import atomic_masses, atomic_numbers
from ase.units import kg
from pydantic import Field, field_validator

from rm_lammps.chemistry.formula import reduced_formula
from rm_lammps.errors import UserError
from rm_lammps.seeds.kinds.random import place_apart
from rm_lammps.seeds.seeder import SEEDS, Content, ModelFacts, Seed, Seeder, SeedRequest
from rm_lammps.settings import Interval

_UNIT = 1e27 / kg
"""Å³ that an atomic mass unit fills at 1 g/cm³."""
_FEWEST_CUTOFFS = 2.0
"""Edge of the cube."""


@SEEDS.register
class DisorderedSeeds(Seeder):
    """Atoms at random places in a cube, apart from each other; for cells of any size."""

    name = "disordered"
    any_size: ClassVar[bool] = True

    density: Interval | None = Field(
        None,
        description="g/cm³, e.g. 2.2, or a range of which each seed draws its own, e.g. 2.1-2.3; "
        "instead of volume",
    )
    volume: tuple[float, float] = Field(
        (0.98, 1.04), description="range, in units of the volume expected from the training data"
    )
    min_distance: float = Field(
        0.8, ge=0, le=1, description="in units of the pair's shortest distance in the data"
    )

    @field_validator("density", "volume")
    @classmethod
    def _possible(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not 0 < value[0] <= value[1] < np.inf:
            raise ValueError(f"{value} must be a range 0 < low <= high")
        return value

    def check(self, content: Content, model: ModelFacts) -> None:
        """Check that a cube holds the surroundings of an atom.

        Raises:
            UserError: it would be too small for that.
        """
        smallest = self._volumes(content, model)[0]
        needed = (_FEWEST_CUTOFFS * model.statistics.cutoff) ** 3
        if smallest >= needed:
            return
        n_atoms = sum(content.composition.values())
        raise UserError(
            f"{n_atoms} atoms fill a cube of {smallest ** (1 / 3):.1f} Å, which must be at least "
            f"{_FEWEST_CUTOFFS:g} cutoffs ({_FEWEST_CUTOFFS * model.statistics.cutoff:g} Å) wide "
            "for a glass.",
            f"Give at least {ceil(n_atoms * needed / smallest)} atoms (--atoms), or a lower "
            "density.",
        )

    def remarks(self, content: Content, model: ModelFacts) -> list[str]:
        """Say where charges don't balance."""
        from rm_lammps.seeds.de_novo import charge_balanced

        if len(content.composition) < 2:
            return []
        formula = reduced_formula(content.composition)
        try:
            balanced = charge_balanced(formula)
        except UserError:
            # without the package that knows oxidation states there is nothing to say
            return []
        if balanced:
            return []
        return [
            f"{formula}: no common oxidation states balance. A network of it will have "
            "atoms with bonds too many or too few."
        ]

    def draw(self, request: SeedRequest) -> Seed:
        """Draw a cube of atoms."""
        content, model, rng = request.content, request.model, request.rng
        low, high = self._volumes(content, model)
        cell = rng.uniform(low, high) ** (1 / 3) * np.eye(3)
        composition = content.composition
        least = model.statistics.min_distance_matrix(composition, composition)
        species = np.repeat(np.arange(len(composition)), list(composition.values()))
        positions = place_apart(cell, species, self.min_distance * least, rng)
        symbols = [symbol for symbol, n in composition.items() for _ in range(n)]
        return Seed(ase.Atoms(symbols, positions, cell=cell, pbc=True))

    def _volumes(self, content: Content, model: ModelFacts) -> tuple[float, float]:
        """Smallest and largest volume of the cube, Å³."""
        if self.density is not None:
            mass = sum(n * atomic_masses[atomic_numbers[s]] for s, n in content.composition.items())
            low, high = (float(mass * _UNIT / density) for density in self.density)
            return high, low
        expected = model.statistics.volume(content.composition)
        if not expected > 0:
            raise UserError(
                f"The training data say nothing of the volume of {content.formula}.",
                "Give a density (--density).",
            )
        return self.volume[0] * expected, self.volume[1] * expected
