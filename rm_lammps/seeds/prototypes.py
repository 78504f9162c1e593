"""Seeds from known structures whose elements are replaced by others."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import ase
import numpy as np

from rm_lammps.datasets import DatasetStatistics, read_structures
from rm_lammps.datasets.statistics import stoichiometry
from rm_lammps.seeds.config import SeedConfig
from rm_lammps.seeds.perturbed import perturb


class Prototypes:
    """Crystals by their stoichiometry.

    Args:
        file: structures, see :func:`~rm_lammps.datasets.read_structures`; molecules are left out.

    Raises:
        UserError: unreadable.
    """

    def __init__(self, file: Path) -> None:
        self._frames: dict[str, list[ase.Atoms]] = defaultdict(list)
        for atoms in read_structures(file):
            if atoms.pbc.all():
                self._frames[stoichiometry(atoms)].append(atoms)

    def draw(
        self,
        composition: Mapping[str, int],
        statistics: DatasetStatistics,
        config: SeedConfig,
        rng: np.random.Generator,
    ) -> ase.Atoms | None:
        """Put the composition's elements into a structure with as many atoms of each, and perturb.

        Elements that have equally many atoms change places at random.

        Args:
            composition: atoms of the cell by element; their order is kept.
            statistics: of the training data; the volume is the one expected from it, times
                ``config.volume``.
            config: the distribution.
            rng: source of randomness.

        Returns:
            Periodic structure in Å; ``None`` where no structure has this stoichiometry.
        """
        frames = self._frames.get("-".join(map(str, sorted(composition.values()))))
        if not frames:
            return None
        prototype = frames[rng.integers(len(frames))]
        numbers, counts = np.unique(prototype.numbers, return_counts=True)
        sites: list[int] = []
        for n in composition.values():
            candidates = np.flatnonzero(counts == n)
            chosen = candidates[rng.integers(len(candidates))]
            sites += np.flatnonzero(prototype.numbers == numbers[chosen]).tolist()
            counts[chosen] = 0
        symbols = [symbol for symbol, n in composition.items() for _ in range(n)]
        fractions = prototype.get_scaled_positions()[sites]
        volume = statistics.volume(composition) * rng.uniform(*config.volume)
        cell = prototype.cell.array * (volume / prototype.get_volume()) ** (1 / 3)
        seed = ase.Atoms(symbols, scaled_positions=fractions, cell=cell, pbc=True)
        return perturb(seed, config.displacement, config.strain, rng)
