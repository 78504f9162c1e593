"""Seeds whose atoms lie in layers."""

import ase
import numpy as np
from pydantic import Field

from rm_lammps.seeds import SEEDS, Seed, Seeder, SeedRequest


@SEEDS.register
class LayeredSeeds(Seeder):
    """Atoms at random in equally spaced layers of a square box."""

    name = "layers"

    layers: int = Field(2, ge=1, description="number of layers")

    def draw(self, request: SeedRequest) -> Seed:
        """Draw a layered crystal."""
        composition, rng = request.composition, request.rng
        symbols = [symbol for symbol, n in composition.items() for _ in range(n)]
        side = (1.2 * request.model.statistics.volume(composition)) ** (1 / 3)
        places = rng.random((len(symbols), 3))
        places[:, 2] = np.arange(len(symbols)) % self.layers / self.layers
        atoms = ase.Atoms(symbols, scaled_positions=places, cell=3 * [side], pbc=True)
        return Seed(atoms, {"layers": self.layers})
