"""Atoms at random at a given density: what a glass is made from."""

from math import ceil, gcd
from typing import ClassVar

import ase
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from rm_lammps.chemistry.density import volume_of
from rm_lammps.chemistry.formula import reduced_formula
from rm_lammps.errors import UserError
from rm_lammps.geometry import Array
from rm_lammps.geometry.shapes import Shape, cell_around, depths, filled_volume
from rm_lammps.seeds.kinds.random import place_apart
from rm_lammps.seeds.seeder import SEEDS, Content, ModelFacts, Seed, Seeder, SeedRequest
from rm_lammps.settings import Interval

_FEWEST_CUTOFFS = 2.0
"""Edge of the cube."""


@SEEDS.register
class DisorderedSeeds(Seeder):
    """Atoms at random places in a cube, apart from each other; for cells of any size.

    Instead of the cube they may fill a sphere, a film or the room around a pore, with vacuum.
    """

    name = "disordered"
    any_size: ClassVar[bool] = True

    density: Interval | None = Field(
        None,
        description="g/cm³, e.g. 2.2, or a range of which each seed draws its own, e.g. 2.1-2.3; "
        "instead of volume",
    )
    volume: tuple[float, float] = Field(
        (0.98, 1.04), description="range, in units of the volume expected from the training data"
    )
    min_distance: float = Field(
        0.8, ge=0, le=1, description="in units of the pair's shortest distance in the data"
    )

    shape: Shape | None = Field(
        None,
        description="what they fill instead of a cube, in the middle of a cell: sphere, film "
        "(across z) or pore (along z)",
    )
    size: float | None = Field(
        None, gt=0, description="thickness of a film, or radius of a pore, Å"
    )
    vacuum: float = Field(15.0, gt=0, description="from a sphere or film to its image, Å")

    @model_validator(mode="after")
    def _whole_shape(self) -> "DisorderedSeeds":
        if self.shape in {"film", "pore"} and self.size is None:
            what = "thickness" if self.shape == "film" else "radius"
            raise ValueError(f"a {self.shape} needs a size: its {what}, Å")
        if self.shape not in {"film", "pore"} and self.size is not None:
            raise ValueError("only a film or a pore has a size")
        return self

    @field_validator("density", "volume")
    @classmethod
    def _possible(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not 0 < value[0] <= value[1] < np.inf:
            raise ValueError(f"{value} must be a range 0 < low <= high")
        return value

    def check(self, content: Content, model: ModelFacts) -> None:
        """Check that a cube holds the surroundings of an atom.

        Raises:
            UserError: it would be too small for that.
        """
        smallest = self._volumes(content, model)[0]
        width = float(self._cell(smallest)[0, 0])
        size, pore = self.size or 0.0, self.shape == "pore"
        if self.shape == "sphere":
            width -= self.vacuum
        needed = _FEWEST_CUTOFFS * model.statistics.cutoff + (2 * size if pore else 0.0)
        if width >= needed:
            return
        n_atoms = sum(content.composition.values())
        unit = n_atoms // gcd(*content.composition.values())
        volume = needed**3 if self.shape is None else filled_volume(self.shape, needed, size)
        raise UserError(
            f"{n_atoms} atoms fill a {self.shape or 'cube'} of {width:.1f} Å, which must be at "
            f"least {_FEWEST_CUTOFFS:g} cutoffs{' and the pore' if pore else ''} ({needed:g} Å) "
            "wide for a glass.",
            f"Give at least {unit * ceil(n_atoms * volume / smallest / unit)} atoms (--atoms), or "
            "a lower density.",
        )

    def remarks(self, content: Content, model: ModelFacts) -> list[str]:
        """Say where charges don't balance."""
        from rm_lammps.seeds.de_novo import charge_balanced

        if len(content.composition) < 2:
            return []
        formula = reduced_formula(content.composition)
        try:
            balanced = charge_balanced(formula)
        except UserError:
            # without the package that knows oxidation states there is nothing to say
            return []
        if balanced:
            return []
        return [
            f"{formula}: no common oxidation states balance. A network of it will have "
            "atoms with bonds too many or too few."
        ]

    def draw(self, request: SeedRequest) -> Seed:
        """Draw a cube of atoms."""
        content, model, rng = request.content, request.model, request.rng
        low, high = self._volumes(content, model)
        volume = rng.uniform(low, high)
        cell, composition = self._cell(volume), content.composition
        counts = np.array(list(composition.values()))
        least = model.statistics.min_distance_matrix(composition, composition)
        # the whole cell is filled, and of each element the deepest atoms are kept
        filled = np.ceil(counts * np.linalg.det(cell) / volume) if self.shape else counts
        species = np.repeat(np.arange(len(counts)), filled.astype(int))
        positions = place_apart(cell, species, self.min_distance * least, rng)
        if self.shape is not None:
            deep = depths(self.shape, positions, cell)
            kept = [_deepest(deep, species == kind, n) for kind, n in enumerate(counts)]
            positions = positions[np.concatenate(kept)]
        symbols = [symbol for symbol, n in composition.items() for _ in range(n)]
        return Seed(ase.Atoms(symbols, positions, cell=cell, pbc=True))

    def _cell(self, volume: float) -> Array:
        """Around atoms that fill a volume, Å³."""
        if self.shape is None:
            return np.asarray(volume ** (1 / 3) * np.eye(3))
        return cell_around(self.shape, volume, self.size or 0.0, self.vacuum)

    def _volumes(self, content: Content, model: ModelFacts) -> tuple[float, float]:
        """Smallest and largest volume of the cube, Å³."""
        if self.density is not None:
            low, high = (volume_of(content.composition, density) for density in self.density)
            return high, low
        expected = model.statistics.volume(content.composition)
        if not expected > 0:
            raise UserError(
                f"The training data say nothing of the volume of {content.formula}.",
                "Give a density (--density).",
            )
        return self.volume[0] * expected, self.volume[1] * expected


def _deepest(depth: Array, chosen: NDArray[np.bool_], n: int) -> NDArray[np.int_]:
    """The n of the chosen that lie deepest, in their order."""
    (places,) = np.nonzero(chosen)
    return np.sort(places[np.argsort(-depth[places], kind="stable")[:n]])
