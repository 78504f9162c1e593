"""Sites of a known structure, elements on them at random."""

from functools import cached_property
from pathlib import Path

import ase
from pydantic import Field

from rm_lammps.errors import UserError
from rm_lammps.seeds.kinds.perturbed import load_structure
from rm_lammps.seeds.seeder import SEEDS, Content, ModelFacts, Seed, Seeder, SeedRequest


@SEEDS.register
class LatticeSeeds(Seeder):
    """Sites of a known structure, the formula's elements on them at random.

    The elements of the file do not matter. The cell is scaled to the volume that is expected from
    the training data.
    """

    name = "lattice"
    known = True
    fixed_content = True

    structure: Path = Field(description="file with the sites")

    @cached_property
    def _sites(self) -> dict[int, ase.Atoms]:
        return {}

    def check(self, content: Content, model: ModelFacts) -> None:
        """Check that the formula fills the sites."""
        sites = self._of(content)
        atoms = sum(content.composition.values())
        if len(sites) != atoms:
            raise UserError(
                f"{self.structure} has {len(sites)} sites, but the formula has {atoms} atoms.",
                "Give a formula that fills all sites of a cell or of several.",
            )

    def draw(self, request: SeedRequest) -> Seed:
        """Put the elements on the sites."""
        sites = self._of(request.content)
        symbols = [symbol for symbol, n in request.composition.items() for _ in range(n)]
        order = request.rng.permutation(len(symbols))
        atoms = ase.Atoms(symbols, sites.positions[order], cell=sites.cell, pbc=True)
        ratio = request.model.statistics.volume(request.composition) / atoms.get_volume()
        atoms.set_cell(atoms.cell.array * ratio ** (1 / 3), scale_atoms=True)
        return Seed(atoms)

    def _of(self, content: Content) -> ase.Atoms:
        """Read the sites once, of as many cells as the formula fills."""
        atoms = sum(content.composition.values())
        if atoms not in self._sites:
            self._sites[atoms] = load_structure(self.structure, None, atoms)
        return self._sites[atoms]
