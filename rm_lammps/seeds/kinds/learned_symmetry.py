"""Seeds with the symmetry that compositions of their kind have."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from pydantic import Field

from rm_lammps.datasets.library import PrototypeLibrary
from rm_lammps.errors import UserError
from rm_lammps.seeds.placing import Sites, place
from rm_lammps.seeds.random_boxes import conventional_cell, random_conventional_cell
from rm_lammps.seeds.seeder import SEEDS, Content, ModelFacts, Seed, SeedRequest
from rm_lammps.seeds.space_groups import SymmetrySettings, cells_that_hold, crystal, has_group
from rm_lammps.seeds.symmetry_prior import SymmetryPrior, Template
from rm_lammps.seeds.wyckoff import SpaceGroupTable, by_letter, space_group_table

_TEMPLATES = 30
"""Drawn at most for one seed, until one holds the atoms at their distances."""

_RIGHT_PLACE = 0.5
"""Chance, for each free coordinate, that a random one leads to the crystal's minimum. On 100
validation compositions the ranking beside known structures does not depend on it between 0.01 for a
whole template and this; without it, known structures are ranked too low."""


@SEEDS.register
class LearnedSymmetrySeeds(SymmetrySettings):
    """Atoms on Wyckoff positions that crystals of such compositions take, else at random.

    The space group, the Wyckoff positions and roughly the shape of the cell are drawn by a
    statistics of the known crystals that the model carries. Coordinates of these are not used.
    """

    name = "learned_symmetry"

    shape_spread: float = Field(
        0.05, ge=0, le=1, description="standard deviation of ln(length) around known cells' shapes"
    )

    def usable(self, model: ModelFacts) -> bool:
        """Whether the model carries crystals with their space groups."""
        return model.prototypes is not None and bool(model.prototypes.groups.any())

    def check(self, content: Content, model: ModelFacts) -> None:
        """Check that a space group that is asked for holds the composition."""
        self.check_symmetry(content)

    def draw(self, request: SeedRequest) -> Seed | None:
        """Draw templates until one can be filled."""
        statistics, composition = request.model.statistics, request.composition
        rng = request.rng
        times, groups = self._cell_of(composition, rng)
        if groups is not None and not groups:
            return None
        prior = self._prior(request.model, groups)
        part = {name: n // times for name, n in composition.items()}
        volume = statistics.volume(part) * rng.uniform(*self.volume)
        limits = self.min_distance * statistics.min_distance_matrix(composition, composition)
        for _ in range(_TEMPLATES):
            template = prior.draw(part, rng)
            if template is None:
                continue
            table = space_group_table(template[0])
            lattice = prior.lattice(part, template, rng)
            cell = table.primitive @ (
                random_conventional_cell(table.system, self, rng)
                if lattice is None
                else conventional_cell(table.system, lattice, self.shape_spread, rng)
            )
            cell *= (volume / abs(np.linalg.det(cell))) ** (1 / 3)
            placed = place(_sites(table, template), cell, limits, rng)
            if placed is None:
                continue
            atoms = crystal(composition, *placed, cell, table if times > 1 else None)
            if groups is None or has_group(atoms, template[0]):
                return Seed(atoms, _origin(prior.probability(part, template), template))
        return None

    def _cell_of(
        self, composition: Mapping[str, int], rng: np.random.Generator
    ) -> tuple[int, frozenset[int] | None]:
        """Number of primitive cells in the seed's cell, and the space groups of such cells.

        Groups are ``None`` where none are asked for.
        """
        if not self.asked:
            return 1, None
        cells = cells_that_hold(self.wanted, tuple(composition.values()))
        sizes = sorted({times for _, times in cells})
        if not sizes:
            return 1, frozenset()
        times = sizes[rng.integers(len(sizes))]
        return times, frozenset(number for number, own in cells if own == times)

    def _prior(self, model: ModelFacts, groups: frozenset[int] | None) -> SymmetryPrior:
        if not self.usable(model) or model.prototypes is None:
            raise UserError(
                "The model carries no crystals with their space groups.",
                "Choose another kind of seeds, or train the model with data.prototypes.",
            )
        return _prior_of(model.prototypes, groups)


@lru_cache(maxsize=8)
def _prior_of(library: PrototypeLibrary, groups: frozenset[int] | None) -> SymmetryPrior:
    """One prior for all seeds of a library, which is large."""
    return SymmetryPrior(library, groups=groups)


def _origin(probability: float, template: Template) -> dict[str, str | float]:
    """What a frame says of its template, and how likely it leads to the crystal that is sought."""
    positions = by_letter(space_group_table(template[0]))
    free = sum(positions[letter].freedom for letters in template[1] for letter in letters)
    return {
        "wyckoff": f"{template[0]} {' '.join(template[1])}",
        "prior": round(probability * _RIGHT_PLACE**free, 9),
    }


def _sites(table: SpaceGroupTable, template: Template) -> Sites:
    """Wyckoff positions of a template with the number of the element on each, fixed ones first."""
    positions = by_letter(table)
    sites = [
        (element, positions[letter])
        for element, letters in enumerate(template[1])
        for letter in letters
    ]
    return sorted(sites, key=lambda site: site[1].freedom)
