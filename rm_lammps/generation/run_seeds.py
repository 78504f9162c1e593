"""Which seed of a run has which composition."""

from collections.abc import Iterable
from functools import lru_cache

import ase
import numpy as np

from rm_lammps.deployment.bundle import Bundle
from rm_lammps.errors import UserError
from rm_lammps.generation.generation_config import GenerationConfig
from rm_lammps.runs.request import Request
from rm_lammps.seeds import ModelFacts, SeedMaker, draw_hydrogens, sample_compositions

_MAKERS_KEPT = 64


class RunSeeds:
    """Seeds of a run, from their number alone.

    Args:
        config: the run.
        bundle: its model.

    Raises:
        UserError: compositions that can't be, or a structure that does not fit.
    """

    def __init__(self, config: GenerationConfig, bundle: Bundle) -> None:
        self._config = config
        statistics = bundle.statistics
        self._model = ModelFacts(
            bundle.manifest.species, statistics, bundle.prototypes, config.system
        )
        if config.de_novo is not None:
            formulas = sample_compositions(
                config.de_novo.compositions,
                statistics,
                elements=config.de_novo.elements,
                max_atoms=config.de_novo.max_atoms,
                rng=np.random.default_rng(config.seed),
            )
        elif config.heavy is not None:
            rng = np.random.default_rng(config.seed)
            formulas = draw_hydrogens(config.heavy, config.num, statistics, rng)
        else:
            formulas = config.formulas or (config.formula or "",)
        self.request = Request(tuple(formulas), config.seeds_each)
        """Which seeds have which formula."""
        # every formula is looked at, so that a bad one ends the run before it begins
        makers = [self._make_maker(formula) for formula in dict.fromkeys(formulas)]
        self._check_settings(makers)
        self._remarks = [text for maker in makers for text in maker.remarks]
        self._any_size = all(maker.any_size for maker in makers)
        self.n_atoms = max(maker.n_atoms for maker in makers)
        """Of the largest cell."""
        self._maker = lru_cache(maxsize=_MAKERS_KEPT)(self._make_maker)

    @property
    def remarks(self) -> list[str]:
        """What to say of the seeds before the run begins."""
        beyond = self._beyond_training()
        return self._remarks if beyond is None else [beyond, *self._remarks]

    def _beyond_training(self) -> str | None:
        """What to say of cells or molecules larger than those that the model was trained on.

        A model of one element is meant for larger cells than its own; nothing is said of those.
        """
        statistics = self._model.statistics
        meant = self._any_size or len(statistics.species) == 1
        if self.n_atoms <= statistics.max_atoms or meant:
            return None
        what = "a cell" if self._model.system.has_cell else "a molecule"
        return (
            f"{self.n_atoms} atoms in {what} are more than the {statistics.max_atoms} that the "
            "model's training data had at most: take more seeds, as fewer of them end well."
        )

    def _make_maker(self, formula: str) -> SeedMaker:
        return SeedMaker(
            self._config.seeds,
            formula,
            self._config.atoms,
            model=self._model,
            units=self._config.z or (1, 1),
        )

    def _check_settings(self, makers: Iterable[SeedMaker]) -> None:
        """Refuse settings of seeds that none of the seeds has."""
        used = set().union(*(maker.settings for maker in makers))
        idle = sorted(set(self._config.seeds.settings) - used)
        if idle:
            raise UserError(
                f"seeds: {', '.join(idle)} would do nothing for these seeds.",
                f"Their settings: {', '.join(sorted(used))}.",
            )

    def _of(self, seed: int) -> SeedMaker:
        composition, _ = self.request.place(seed)
        return self._maker(self.request.formulas[composition])

    def formula(self, seed: int) -> str:
        """Formula of a seed's composition, repeated to the number of atoms asked for."""
        return self._of(seed).formula

    def make(self, seed: int, rng: np.random.Generator) -> ase.Atoms:
        """Draw a seed; ``info`` has the ``formula`` of its cell and its ``seed_kind``."""
        _, turn = self.request.place(seed)
        return self._of(seed).make(rng, turn)
