"""The family of kinds of seeds."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import ase
import numpy as np

from rm_lammps.chemistry.formula import formula_of
from rm_lammps.datasets import DatasetStatistics
from rm_lammps.datasets.library import PrototypeLibrary
from rm_lammps.kinds import Family, Kind
from rm_lammps.systems import System


@dataclass(frozen=True)
class ModelFacts:
    """What seeds need to know of a model."""

    species: list[str]
    """Elements that it knows."""
    statistics: DatasetStatistics
    """Of its training data."""
    library: PrototypeLibrary | Path | None = None
    """Known structures that it carries, or their file."""
    chosen: System | None = None
    """What is generated, where that is not what the model was trained on."""

    @property
    def system(self) -> System:
        """What is generated."""
        return self.statistics.system if self.chosen is None else self.chosen

    @cached_property
    def prototypes(self) -> PrototypeLibrary | None:
        """Known structures that it carries, read once."""
        return (
            PrototypeLibrary.load(self.library) if isinstance(self.library, Path) else self.library
        )


@dataclass(frozen=True)
class Content:
    """What a seed's cell or molecule holds."""

    formula: str
    composition: Mapping[str, int]
    """Atoms by element; seeds keep this order."""
    repeat_to: int | None = None
    """Atoms that the user's formula was repeated to, where that was asked for."""

    def multiple(self, times: int) -> "Content":
        """The same composition so many times."""
        composition = {symbol: n * times for symbol, n in self.composition.items()}
        return Content(formula_of(composition), composition)


@dataclass(frozen=True)
class SeedRequest:
    """One seed that is wanted."""

    content: Content
    model: ModelFacts
    rng: np.random.Generator
    """The only source of randomness."""
    turn: int = 0
    """Seeds of this kind and composition that come before."""

    @property
    def composition(self) -> Mapping[str, int]:
        """Atoms by element, in order."""
        return self.content.composition


@dataclass(frozen=True)
class Seed:
    """A structure to relax."""

    atoms: ase.Atoms
    """Atoms in the order of the composition, Å."""
    origin: Mapping[str, Any] = field(default_factory=dict)
    """Facts to keep with the result, by name: numbers or short texts."""


class Seeder(Kind, ABC):
    """A kind of seeds."""

    suits: ClassVar[frozenset[str]] = frozenset({"crystal"})
    """Names of the systems that it makes seeds of; a system may adopt those of others."""
    known: ClassVar[bool] = False
    """Whether its seeds begin from known structures, which ``blind`` leaves out."""
    any_size: ClassVar[bool] = False
    """Whether cells larger than those of the training data are what it is for."""
    fixed_content: ClassVar[bool] = False
    """Whether the number of formula units is that of a given structure."""

    @classmethod
    def required(cls) -> list[str]:
        """Names of the settings without a default."""
        return [name for name, field in cls.model_fields.items() if field.is_required()]

    def usable(self, model: ModelFacts) -> bool:
        """Whether the model has what this kind needs; a mixture goes without it otherwise."""
        return True

    def check(self, content: Content, model: ModelFacts) -> None:
        """Look at what is asked for before the run begins.

        Raises:
            UserError: such seeds can't be made.
        """

    def remarks(self, content: Content, model: ModelFacts) -> list[str]:
        """What to say of such seeds before the run begins, beside what :meth:`check` refuses."""
        return []

    def total(self, content: Content, model: ModelFacts) -> Mapping[str, int]:
        """Atoms of a seed by element, where there are more than the formula says."""
        return content.composition

    @abstractmethod
    def draw(self, request: SeedRequest) -> Seed | None:
        """Draw a seed; ``None`` where this kind has none of the composition."""


SEEDS: Family[Seeder] = Family(
    "kind of seeds", field="kind", package="rm_lammps.seeds.kinds", group="rm_lammps.seeds"
)
