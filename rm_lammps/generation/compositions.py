"""Which seed of a run has which composition."""

from functools import lru_cache

import ase
import numpy as np

from rm_lammps.datasets.prototypes import PrototypeLibrary
from rm_lammps.deployment.bundle import Bundle
from rm_lammps.generation.config import GenerationConfig
from rm_lammps.runs.request import Request
from rm_lammps.seeds import (
    Prototypes,
    SeedConfig,
    SeedMaker,
    draw_hydrogens,
    sample_compositions,
)

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
        self._species = bundle.manifest.species
        self._statistics = bundle.statistics
        self._prototypes = _prototypes(config.seeds, bundle)
        if config.de_novo is not None:
            formulas = sample_compositions(
                config.de_novo.compositions,
                self._statistics,
                elements=config.de_novo.elements,
                max_atoms=config.de_novo.max_atoms,
                rng=np.random.default_rng(config.seed),
            )
        elif config.heavy is not None:
            rng = np.random.default_rng(config.seed)
            formulas = draw_hydrogens(config.heavy, config.num, self._statistics, rng)
        else:
            formulas = config.formulas or (config.formula or "",)
        self.request = Request(tuple(formulas), config.seeds_each)
        """Which seeds have which formula."""
        # every formula is looked at, so that a bad one ends the run before it begins
        makers = [self._make_maker(formula) for formula in dict.fromkeys(formulas)]
        self.n_atoms = max(maker.n_atoms for maker in makers)
        """Of the largest cell."""
        self._maker = lru_cache(maxsize=_MAKERS_KEPT)(self._make_maker)

    def _make_maker(self, formula: str) -> SeedMaker:
        return SeedMaker(
            *(self._config.seeds, formula, self._config.atoms),
            species=self._species,
            statistics=self._statistics,
            units=self._config.z or (1, 1),
            prototypes=self._prototypes,
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


def _prototypes(config: SeedConfig, bundle: Bundle) -> Prototypes | None:
    """Those of the file given, or those that the model carries; none for other kinds of seeds."""
    if not config.may_use_prototypes:
        return None
    if config.prototypes is not None:
        return Prototypes.read(config.prototypes)
    if bundle.prototypes is not None:
        return Prototypes(PrototypeLibrary.load(bundle.prototypes))
    return None
