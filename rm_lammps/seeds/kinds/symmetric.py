"""Symmetric seeds: atoms on random Wyckoff positions of a random space group.

Structures of high symmetry are few and crystals prefer them, so seeds that begin with symmetry find
many of them sooner (Pickard and Needs, J. Phys.: Condens. Matter 23, 053201 (2011)). The tables are
pyxtal's; atoms are placed here, as ``pyxtal.crystal.random_crystal`` takes several times as long
(docs/crystals.md).
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Literal

import ase
import numpy as np
from ase.cell import Cell
from pydantic import Field

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.geometry import Array
from rm_lammps.seeds.boxes import BoxSettings, random_cell
from rm_lammps.seeds.seeder import SEEDS, Seed, SeedRequest
from rm_lammps.seeds.wyckoff import SpaceGroupTable, WyckoffPosition, space_group_table

_GROUP_DRAWS = 300
"""Space groups tried; most of these draws only find that the numbers of atoms don't fit."""
_PLACEMENTS = 30
"""Of these, how many times atoms are placed: bounds the time."""
_ASSIGNMENTS = 10
_POINTS = 16
_IMAGES = np.array(list(product((-1, 0, 1), repeat=3)), dtype=float)
_NOT_ITSELF = np.abs(_IMAGES).max(axis=1) > 0

Sites = list[tuple[int, WyckoffPosition]]
"""Wyckoff positions with the number of the element on each."""


@SEEDS.register
class SymmetricSeeds(BoxSettings):
    """Atoms on random Wyckoff positions of a random space group."""

    name = "symmetric"

    space_groups: Literal["uniform", "training"] = Field(
        "uniform", description="how often each space group, P1 never"
    )

    def draw(self, request: SeedRequest) -> Seed | None:
        """Draw a crystal with symmetry."""
        statistics = request.model.statistics
        atoms = symmetric_crystal(request.composition, statistics, self, request.rng)
        return None if atoms is None else Seed(atoms)


def symmetric_crystal(
    composition: Mapping[str, int],
    statistics: DatasetStatistics,
    settings: SymmetricSeeds,
    rng: np.random.Generator,
) -> ase.Atoms | None:
    """Draw a crystal with symmetry.

    Args:
        composition: atoms of the (primitive) cell by element; their order is kept.
        statistics: of the training data.
        settings: the distribution.
        rng: source of randomness.

    Returns:
        Periodic structure in Å; ``None`` where no space group drawn could hold the composition at
        these distances.
    """
    volume = statistics.volume(composition) * rng.uniform(*settings.volume)
    limits = settings.min_distance * statistics.min_distance_matrix(composition, composition)
    counts = list(composition.values())
    placements = 0
    for number in _space_groups(statistics, settings, rng):
        table = space_group_table(number)
        sites = _assign(table, counts, rng)
        if sites is None:
            continue
        conventional = _conventional_cell(table.system, settings, rng)
        cell = table.primitive @ conventional
        cell *= (volume / abs(np.linalg.det(cell))) ** (1 / 3)
        placed = _place(sites, cell, limits, rng)
        if placed is not None:
            symbols = [symbol for symbol, n in composition.items() for _ in range(n)]
            order = np.argsort(placed[1], kind="stable")
            return ase.Atoms(symbols, scaled_positions=placed[0][order], cell=cell, pbc=True)
        placements += 1
        if placements == _PLACEMENTS:
            break
    return None


def _space_groups(
    statistics: DatasetStatistics, settings: SymmetricSeeds, rng: np.random.Generator
) -> list[int]:
    """Space groups to try, the first one that fits counts; P1 is left to random crystals."""
    if settings.space_groups == "training" and statistics.space_groups:
        known = {int(n): count for n, count in statistics.space_groups.items() if int(n) > 1}
        weights = np.array(list(known.values()), dtype=float)
        return rng.choice(list(known), size=_GROUP_DRAWS, p=weights / weights.sum()).tolist()
    return rng.integers(2, 231, size=_GROUP_DRAWS).tolist()


def _assign(
    table: SpaceGroupTable, counts: Sequence[int], rng: np.random.Generator
) -> Sites | None:
    """Draw Wyckoff positions that hold the given numbers of atoms; fixed ones come first."""
    if not all(table.reachable(n) for n in counts):
        return None
    for _ in range(_ASSIGNMENTS):
        sites = _draw_sites(table, counts, rng)
        if sites is not None:
            return sorted(sites, key=lambda site: site[1].freedom)
    return None


def _draw_sites(
    table: SpaceGroupTable, counts: Sequence[int], rng: np.random.Generator
) -> Sites | None:
    free = list(table.positions)
    sites: Sites = []
    for element, n in enumerate(counts):
        missing = n
        while missing:
            options = [position for position in free if position.multiplicity <= missing]
            if not options:
                return None
            chosen = options[rng.integers(len(options))]
            if chosen.freedom == 0:
                free.remove(chosen)
            sites.append((element, chosen))
            missing -= chosen.multiplicity
    return sites


def _conventional_cell(system: str, settings: SymmetricSeeds, rng: np.random.Generator) -> Array:
    """Draw a conventional cell of any volume, shape (3, 3)."""
    if system == "triclinic":
        return random_cell(1.0, settings, rng)
    limit = np.log(settings.aspect)
    a, b, c = np.exp(rng.uniform(-limit / 2, limit / 2, size=3))
    beta, gamma = 90.0, 90.0
    if system == "monoclinic":
        beta = rng.uniform(90.0, max(settings.angle[1], 90.0))
    elif system != "orthorhombic":
        b = a
        if system == "cubic":
            c = a
        elif system in {"trigonal", "hexagonal"}:
            gamma = 120.0
    return Cell.fromcellpar([a, b, c, 90.0, beta, gamma]).array


def _place(
    sites: Sites, cell: Array, limits: Array, rng: np.random.Generator
) -> tuple[Array, np.ndarray] | None:
    """Place atoms site by site, no two closer than allowed.

    Returns:
        Fractional coordinates, shape (n, 3), and the number of each atom's element, shape (n,).
    """
    fractions = np.empty((0, 3))
    elements = np.empty(0, dtype=int)
    images = _IMAGES @ cell
    for element, position in sites:
        points = rng.random((_POINTS if position.freedom else 1, 3))
        orbits = position.orbit(points)
        # by symmetry the first atom's distances are those of all its orbit
        first = orbits[:, :1]
        own = orbits[:, 1:] - first
        others = fractions - first
        allowed = np.concatenate(
            [np.full(own.shape[1], limits[element, element]), limits[element, elements]]
        )
        apart = np.concatenate([own, others], axis=1)
        vectors = (apart - np.round(apart)) @ cell
        distances = np.linalg.norm(vectors[:, :, None] + images, axis=-1).min(axis=-1)
        fits = np.flatnonzero((distances >= allowed).all(axis=1))
        lengths = np.linalg.norm(images[_NOT_ITSELF], axis=1)
        if not len(fits) or lengths.min() < limits[element, element]:
            return None
        chosen = orbits[fits[0]]
        fractions = np.concatenate([fractions, chosen])
        elements = np.concatenate([elements, np.full(len(chosen), element)])
    return fractions, elements
