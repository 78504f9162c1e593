"""The family of systems."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from typing import ClassVar

import ase

from rm_lammps.errors import UserError
from rm_lammps.kinds import Family, Kind


class System(Kind, ABC):
    """What is generated, and all that follows from that."""

    plural: ClassVar[str]
    """In messages and in ``summary.json``."""
    pbc: ClassVar[tuple[bool, bool, bool]]
    """Directions in which structures are periodic."""
    boundary: ClassVar[str]
    """LAMMPS's ``boundary``."""
    neighbours: ClassVar[str] = "bin"
    """How LAMMPS builds neighbour lists: ``bin``, or ``nsq`` for boxes smaller than the cutoff."""
    fallback: ClassVar[str]
    """Kind of seed that every composition has, where the one asked for finds none."""

    @property
    def has_cell(self) -> bool:
        """Whether a cell belongs to the structure, with a volume and a stress."""
        return any(self.pbc)

    def holds(self, atoms: ase.Atoms) -> bool:
        """Whether a structure is periodic in the directions of this system."""
        return tuple(bool(periodic) for periodic in atoms.pbc) == self.pbc

    @abstractmethod
    def preset(self, n_species: int) -> str:
        """Name of the generation preset that suits a model.

        Args:
            n_species: number of elements that the model knows.
        """

    @abstractmethod
    def seed_kinds(self, n_species: int, n_atoms: int) -> Mapping[str, float]:
        """Kinds of seeds unless others are asked for, with the relative frequency of each.

        Args:
            n_species: number of elements that the model knows.
            n_atoms: of the largest cell or molecule.
        """

    def check_composition(self, formula: str, composition: Mapping[str, int]) -> None:
        """Check that such a structure can have this composition.

        Raises:
            UserError: it can't; says what could.
        """

    def pieces(self, atoms: ase.Atoms) -> int:
        """Number of pieces that a structure fell into; 1 for a whole one."""
        return 1

    @abstractmethod
    def smallest(self, symbol: str) -> ase.Atoms:
        """Two atoms of an element, close enough to interact: to load a model with."""


SYSTEMS: Family[System] = Family(
    "system", field="system", package="rm_lammps.systems.kinds", group="rm_lammps.systems"
)


@cache
def find_system(name: str) -> System:
    """System by name.

    Raises:
        UserError: there is none; names those that there are.
    """
    return SYSTEMS.make(name)


def system_of(atoms: ase.Atoms) -> System:
    """System with the periodicity of a structure.

    Raises:
        UserError: none has it.
    """
    for kind in SYSTEMS:
        system = find_system(kind.name)
        if system.holds(atoms):
            return system
    known = "; ".join(f"{kind.name} {_letters(kind.pbc)}" for kind in SYSTEMS)
    raise UserError(
        f"The structure {atoms.get_chemical_formula()} is periodic in some directions only: "
        f"pbc {_letters(atoms.pbc)}.",
        f"Give it one of these: {known}.",
    )


def _letters(pbc: object) -> str:
    return " ".join("T" if periodic else "F" for periodic in pbc)  # type: ignore[attr-defined]
