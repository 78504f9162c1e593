"""Random crystals: atoms at random in a random sheared box.

In the spirit of ab initio random structure searching (Pickard and Needs, J. Phys.: Condens.
Matter 23, 053201 (2011)): sensible volume, sensible distances, otherwise anything.
"""

from collections.abc import Mapping

import ase
import numpy as np

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.errors import UserError
from rm_lammps.geometry import Array, pairs_within
from rm_lammps.seeds.random_boxes import BoxSettings, random_cell
from rm_lammps.seeds.seeder import SEEDS, Seed, SeedRequest

_CANDIDATES_PER_ATOM = 3
_FEWEST_CANDIDATES = 16
_POOLS = 3
_SHRINK = 0.95


@SEEDS.register
class RandomSeeds(BoxSettings):
    """Atoms at random places in a random box."""

    name = "random"

    def draw(self, request: SeedRequest) -> Seed:
        """Draw a random crystal."""
        model = request.model
        return Seed(random_crystal(request.composition, model.statistics, self, request.rng))


def random_crystal(
    composition: Mapping[str, int],
    statistics: DatasetStatistics,
    settings: BoxSettings,
    rng: np.random.Generator,
) -> ase.Atoms:
    """Draw a random crystal.

    Atoms are placed one by one, none closer to another than the minimum distance; where that
    finds no place, the distance gives way by 5 % at a time.

    Args:
        composition: atoms by element; their order is kept.
        statistics: of the training data.
        settings: the distribution of boxes and distances.
        rng: source of randomness.

    Returns:
        Periodic structure in Å, cell in standard form (a along x, b in the xy plane).

    Raises:
        UserError: the training data gives one of the elements no volume.
    """
    expected = statistics.volume(composition)
    if not expected > 0:
        raise UserError(
            f"The model's statistics give {''.join(composition)} a volume of {expected} Å³.",
            "The training data must have periodic structures of these elements.",
        )
    symbols = [symbol for symbol, n in composition.items() for _ in range(n)]
    cell = random_cell(expected * rng.uniform(*settings.volume), settings, rng)
    distances = settings.min_distance * statistics.min_distance_matrix(composition, composition)
    species = np.repeat(np.arange(len(composition)), list(composition.values()))
    return ase.Atoms(symbols, place_apart(cell, species, distances, rng), cell=cell, pbc=True)


def place_apart(
    cell: Array, species: np.ndarray, distances: Array, rng: np.random.Generator
) -> Array:
    """Place atoms one after the other, each at random where those before leave room.

    Candidates are drawn in pools whose close pairs come from one neighbour list, so that the time
    grows with the number of atoms, not with its square.

    Args:
        cell: shape (3, 3), Å.
        species: of each atom, shape (n,), numbered from 0.
        distances: least distance of each pair of species, shape (species, species), Å.
        rng: source of randomness.

    Returns:
        Positions, shape (n, 3), Å.
    """
    placed = np.empty((0, 3))
    scale, failed = 1.0, 0
    while len(placed) < len(species):
        missing = len(species) - len(placed)
        n = max(_FEWEST_CANDIDATES, _CANDIDATES_PER_ATOM * missing) << failed
        pool = np.concatenate([placed, rng.random((n, 3)) @ cell])
        chosen = _choose(pool, cell, species, scale * distances, len(placed))
        failed = failed + 1 if len(chosen) < len(species) else 0
        if failed > _POOLS:
            scale, failed = scale * _SHRINK, 0
        placed = pool[chosen]
    return placed


def _choose(
    pool: Array, cell: Array, species: np.ndarray, distances: Array, n_placed: int
) -> list[int]:
    """Rows of the pool for as many atoms as find room; the first ``n_placed`` have theirs."""
    n, cutoff = len(pool), float(distances.max())
    first, neighbours, separations = [0] * (n + 1), [], []
    if cutoff > 0:
        i, j, d = pairs_within("ijd", pool, cell, pbc=(True,) * 3, cutoff=cutoff)
        # rows come in order
        first = np.searchsorted(i, np.arange(n + 1)).tolist()
        neighbours, separations = j.tolist(), d.tolist()
    least = distances.tolist()
    taken = [False] * n
    closed = [[False] * n for _ in least]
    begin = [n_placed] * len(least)
    chosen: list[int] = []
    for atom, kind in enumerate(species.tolist()):
        row = atom
        if atom >= n_placed:
            row, blocked = begin[kind], closed[kind]
            while row < n and (blocked[row] or taken[row]):
                row += 1
            if row == n:
                break
            begin[kind] = row
        taken[row] = True
        chosen.append(row)
        close = range(first[row], first[row + 1])
        for limit, blocked in zip(least[kind], closed, strict=True):
            for k in close:
                if separations[k] < limit:
                    blocked[neighbours[k]] = True
    return chosen
