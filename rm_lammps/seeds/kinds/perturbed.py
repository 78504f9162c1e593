"""Perturbed seeds: a known structure, strained and displaced at random."""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import product
from pathlib import Path

import ase
import numpy as np
from pydantic import Field

from rm_lammps.chemistry.formula import check_known, formula_of
from rm_lammps.errors import UserError
from rm_lammps.geometry import perturb
from rm_lammps.seeds.seeder import SEEDS, Content, ModelFacts, Seed, Seeder, SeedRequest
from rm_lammps.systems import find_system


@SEEDS.register
class PerturbedSeeds(Seeder):
    """A known structure, strained and displaced at random."""

    name = "perturbed"
    known = True
    fixed_content = True

    structure: Path = Field(description="file with the structure")
    displacement: float = Field(0.3, ge=0, description="standard deviation of each coordinate, Å")
    strain: float = Field(0.05, ge=0, lt=0.5, description="standard deviation of each component")

    @cached_property
    def _cells(self) -> dict[int | None, ase.Atoms]:
        return {}

    def check(self, content: Content, model: ModelFacts) -> None:
        """Check that the structure has the composition asked for."""
        found = Counter(self._cell(content, model).get_chemical_symbols())
        if found != Counter(content.composition):
            raise UserError(
                f"{self.structure} holds {formula_of(found)}, but the formula is "
                f"{content.formula}.",
                "Give the formula of the structure, or --atoms for a supercell of it.",
            )

    def draw(self, request: SeedRequest) -> Seed:
        """Perturb the structure."""
        cell = self._cell(request.content, request.model)
        return Seed(perturb(cell, self.displacement, self.strain, request.rng))

    def _cell(self, content: Content, model: ModelFacts) -> ase.Atoms:
        """Read the structure once, repeated as asked for."""
        if content.repeat_to not in self._cells:
            self._cells[content.repeat_to] = load_structure(
                self.structure, model.species, content.repeat_to
            )
        return self._cells[content.repeat_to]


def load_structure(file: Path, species: Sequence[str] | None, n_atoms: int | None) -> ase.Atoms:
    """Read a structure to begin from, repeated to a cell of ``n_atoms``, near-cubic.

    Args:
        file: with one structure.
        species: elements that the model knows; ``None`` where those of the file mean nothing.
        n_atoms: ``None`` for the cell as it is.

    Raises:
        UserError: unreadable, not periodic, elements outside the model, or no such supercell.
    """
    from rm_lammps.datasets import read_structures  # which imports all of ase.io

    frames = read_structures(file, find_system("crystal"))
    if len(frames) > 1:
        raise UserError(
            f"{file} holds {len(frames)} structures; seeds begin from one.",
            "Give a file with one structure.",
        )
    (atoms,) = frames
    if species is not None:
        check_known(sorted(set(atoms.get_chemical_symbols())), species, f"in {file}")
    atoms = ase.Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    if n_atoms is None:
        return atoms
    return atoms.repeat(_repetitions(atoms, n_atoms, file))


def _repetitions(atoms: ase.Atoms, n_atoms: int, file: Path) -> tuple[int, int, int]:
    cells, rest = divmod(n_atoms, len(atoms))
    if rest or not cells:
        raise UserError(
            f"{n_atoms} atoms are no multiple of the {len(atoms)} in {file}.",
            f"Give --atoms {max(1, round(n_atoms / len(atoms))) * len(atoms)}, for example.",
        )
    divisors = [n for n in range(1, cells + 1) if cells % n == 0]
    triples = [
        (a, b, cells // (a * b)) for a, b in product(divisors, repeat=2) if cells % (a * b) == 0
    ]
    lengths = atoms.cell.lengths()
    return min(triples, key=lambda triple: float(np.ptp(np.log(lengths * triple))))
