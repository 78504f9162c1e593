"""Seeds from known structures whose elements are replaced by others."""

from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path

import ase
import numpy as np
from pydantic import Field

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.datasets.library import PrototypeLibrary
from rm_lammps.errors import UserError
from rm_lammps.geometry import perturb, repeated
from rm_lammps.seeds.decoration import decorated, replace
from rm_lammps.seeds.seeder import SEEDS, Content, ModelFacts, Seed, Seeder, SeedRequest
from rm_lammps.seeds.votes import Votes
from rm_lammps.systems import find_system

_DISPLACEMENT = 0.1
_STRAIN = 0.02
"""Enough to leave a symmetry that the composition may not have: not all distorted variants of a
type are known."""


@SEEDS.register
class PrototypeSeeds(Seeder):
    """Known structures whose elements are replaced, those that suit the composition best first.

    Structures of a file come first, each once, then those that the model carries.
    """

    name = "prototype"
    known = True

    prototypes: Path | None = Field(
        None, description="file of structures that come before those that the model carries"
    )

    @cached_property
    def _given(self) -> "Prototypes | None":
        return None if self.prototypes is None else Prototypes.read(self.prototypes)

    def usable(self, model: ModelFacts) -> bool:
        """Whether there are structures, given or carried by the model."""
        return self.prototypes is not None or model.prototypes is not None

    def check(self, content: Content, model: ModelFacts) -> None:
        """Read the file of structures, if one is given."""
        self._structures(model)

    def draw(self, request: SeedRequest) -> Seed | None:
        """Put the composition's elements into a known structure."""
        content, before = tuple(request.composition.items()), 0
        suitable = [s for s in self._structures(request.model) if s.votes.candidates(content)]
        for known in suitable:
            number, count = request.turn - before, len(known.votes.candidates(content))
            if number < count or known is suitable[-1]:
                atoms = known.draw(
                    request.composition, request.model.statistics, request.rng, number
                )
                if atoms is None:
                    return None
                return Seed(atoms, {**atoms.info, "prototype": before + atoms.info["prototype"]})
            before += count
        return None

    def _structures(self, model: ModelFacts) -> "list[Prototypes]":
        """Those given, and those of the model; at least one of them."""
        given = [] if self._given is None else [self._given]
        carried = [] if model.prototypes is None else [_prototypes_of(model.prototypes)]
        if not given + carried:
            raise UserError(
                "The model carries no prototypes.",
                "Give seeds: {prototypes: FILE}, or choose another kind of seeds.",
            )
        return given + carried


class Prototypes:
    """Crystals in the order in which they suit a composition.

    Args:
        library: the crystals.
    """

    def __init__(self, library: PrototypeLibrary) -> None:
        self._library = library
        self.votes = Votes(library)

    @classmethod
    def read(cls, file: Path) -> "Prototypes":
        """Take the crystals of a file.

        Raises:
            UserError: unreadable, or not crystals alone.
        """
        from rm_lammps.datasets import read_structures  # which imports all of ase.io

        return cls(PrototypeLibrary.of(read_structures(file, find_system("crystal"))))

    def draw(
        self,
        composition: Mapping[str, int],
        statistics: DatasetStatistics,
        rng: np.random.Generator,
        number: int = 0,
    ) -> ase.Atoms | None:
        """Put the composition's elements into a known structure.

        The volume is the structure's own, times the ratio of the volumes expected of the new and
        of the old elements. Relaxation keeps the symmetry; where a structure's turn comes again, it
        is strained and displaced first.

        Args:
            composition: atoms of the cell by element; their order is kept.
            statistics: of the training data.
            rng: source of randomness, of which sites elements share and of the perturbation.
            number: place in the order of :class:`Votes`, 0 for the first; it begins again after
                the last one.

        Returns:
            Periodic structure in Å; ``info`` has its place in the order, ``prototype``, its
            ``prototype_share`` of the votes, the known structure's ``prototype_formula`` and,
            where it has a name, ``prototype_id``, and ``seed_kind``: ``decorated`` if elements
            share sites. ``None`` where no structure has this stoichiometry.
        """
        candidates = self.votes.candidates(tuple(composition.items()))
        if not candidates:
            return None
        turn, place = divmod(number, len(candidates))
        chosen = candidates[place]
        known = self._library.atoms(chosen.index)
        if chosen.shares_sites:
            seed = decorated(known, composition, chosen.replaced, chosen.cells, rng)
        else:
            seed = replace(repeated(known, chosen.cells, rng), composition, chosen.replaced)
        expected = chosen.cells * _expected_volume(known, statistics)
        ratio = statistics.volume(composition) / expected
        seed.set_cell(seed.cell.array * ratio ** (1 / 3), scale_atoms=True)
        seed.info = {
            "prototype": place,
            "prototype_share": chosen.share,
            "prototype_formula": self._library.formula(chosen.index),
            **({"prototype_id": name} if (name := str(self._library.names[chosen.index])) else {}),
            "seed_kind": "decorated" if chosen.shares_sites else "prototype",
        }
        return perturb(seed, _DISPLACEMENT, _STRAIN, rng) if turn else seed


@lru_cache(maxsize=4)
def _prototypes_of(library: PrototypeLibrary) -> Prototypes:
    """One order of votes for all seeds of a library, which is large."""
    return Prototypes(library)


def _expected_volume(prototype: ase.Atoms, statistics: DatasetStatistics) -> float:
    """Volume expected of a structure's own elements, Å³; its real one if the data lacks some."""
    own = prototype.symbols.formula.count()
    known = all(statistics.volume_per_element.get(symbol, 0) > 0 for symbol in own)
    return statistics.volume(own) if known else prototype.get_volume()
