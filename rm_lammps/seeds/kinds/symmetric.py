"""Symmetric seeds: atoms on random Wyckoff positions of a random space group.

Structures of high symmetry are few and crystals prefer them, so seeds that begin with symmetry find
many of them sooner (Pickard and Needs, J. Phys.: Condens. Matter 23, 053201 (2011)). The tables are
pyxtal's; atoms are placed here, as ``pyxtal.crystal.random_crystal`` takes several times as long
(docs/studies/crystals_votes.md).
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import ase
import numpy as np
from pydantic import Field

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.seeds.placing import Sites, place
from rm_lammps.seeds.random_boxes import random_conventional_cell
from rm_lammps.seeds.seeder import SEEDS, Content, ModelFacts, Seed, SeedRequest
from rm_lammps.seeds.space_groups import SymmetrySettings, cells_that_hold, crystal, fill, has_group
from rm_lammps.seeds.wyckoff import SpaceGroupTable, letter_of, space_group_table

_GROUP_DRAWS = 300
"""Space groups tried; most of these draws only find that the numbers of atoms don't fit."""
_PLACEMENTS = 30
"""Of these, how many times atoms are placed: bounds the time."""
_ASSIGNMENTS = 10
_SHRINK = 0.95
_SHRINKS = 30
"""Of the least distances, where a space group is asked for."""


@SEEDS.register
class SymmetricSeeds(SymmetrySettings):
    """Atoms on random Wyckoff positions of a random space group."""

    name = "symmetric"

    space_groups: Literal["uniform", "training"] = Field(
        "uniform", description="how often each space group, P1 never"
    )

    def check(self, content: Content, model: ModelFacts) -> None:
        """Check that a space group that is asked for holds the composition."""
        self.check_symmetry(content)

    def draw(self, request: SeedRequest) -> Seed | None:
        """Draw a crystal with symmetry."""
        statistics = request.model.statistics
        if self.asked:
            return wanted_crystal(request.composition, statistics, self, request.rng)
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
        conventional = random_conventional_cell(table.system, settings, rng)
        cell = table.primitive @ conventional
        cell *= (volume / abs(np.linalg.det(cell))) ** (1 / 3)
        placed = place(sites, cell, limits, rng)
        if placed is not None:
            symbols = [symbol for symbol, n in composition.items() for _ in range(n)]
            order = np.argsort(placed[1], kind="stable")
            return ase.Atoms(symbols, scaled_positions=placed[0][order], cell=cell, pbc=True)
        placements += 1
        if placements == _PLACEMENTS:
            break
    return None


def wanted_crystal(
    composition: Mapping[str, int],
    statistics: DatasetStatistics,
    settings: SymmetricSeeds,
    rng: np.random.Generator,
) -> Seed | None:
    """Draw a crystal with one of the space groups that are asked for.

    Where no draw has exactly the group, distances give way by 5 % at a time; a composition that has
    another symmetry on all of the group's positions gets that.

    Args:
        composition: atoms of the cell by element, a primitive or a conventional one.
        statistics: of the training data.
        settings: the distribution.
        rng: source of randomness.

    Returns:
        ``None`` where no space group holds the composition, or not even close atoms find places.
    """
    cells = cells_that_hold(settings.wanted, tuple(composition.values()))
    if not cells:
        return None
    shares = np.ones(len(cells))
    if settings.space_groups == "training" and statistics.space_groups:
        known = statistics.space_groups
        shares = np.array([known.get(str(number), 0) for number, _ in cells]) + 1e-3
    limits = settings.min_distance * statistics.min_distance_matrix(composition, composition)
    other = None
    for shrinks in range(_SHRINKS):
        for _ in range(_PLACEMENTS):
            number, times = cells[rng.choice(len(cells), p=shares / shares.sum())]
            table = space_group_table(number)
            volume = statistics.volume(composition) * rng.uniform(*settings.volume) / times
            sites = fill(table, [n // times for n in composition.values()], rng)
            cell = table.primitive @ random_conventional_cell(table.system, settings, rng)
            cell *= (volume / abs(np.linalg.det(cell))) ** (1 / 3)
            placed = place(sites, cell, _SHRINK**shrinks * limits, rng)
            if placed is None:
                continue
            atoms = crystal(composition, *placed, cell, table if times > 1 else None)
            seed = Seed(atoms, {"wyckoff": _template(table, sites, len(composition))})
            if has_group(atoms, number):
                return seed
            other = other or seed
        if other is not None:
            return other
    return None


def _template(table: SpaceGroupTable, sites: Sites, n_elements: int) -> str:
    """Space group, and the letters of each element's positions."""
    letters: list[list[str]] = [[] for _ in range(n_elements)]
    for element, position in sites:
        letters[element].append(letter_of(table, position))
    return f"{table.number} {' '.join(''.join(sorted(own)) for own in letters)}"


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
        sites = draw_sites(table, counts, rng)
        if sites is not None:
            return sorted(sites, key=lambda site: site[1].freedom)
    return None


def draw_sites(
    table: SpaceGroupTable, counts: Sequence[int], rng: np.random.Generator
) -> Sites | None:
    """Draw Wyckoff positions one after the other, any that still fits as likely as any other.

    Args:
        table: of the space group.
        counts: atoms of each element in the primitive cell.
        rng: source of randomness.

    Returns:
        ``None`` where atoms were left over that no position holds.
    """
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
