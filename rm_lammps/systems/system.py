"""The family of systems."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import ase
import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, PlainSerializer

from rm_lammps.errors import UserError
from rm_lammps.geometry import Array
from rm_lammps.kinds import Family, Kind
from rm_lammps.systems.invariances import Invariances
from rm_lammps.systems.placement import Placement, is_tidy, place, standard, taken_out

if TYPE_CHECKING:
    from rm_lammps.systems.identity import Identity


class System(Kind, ABC):
    """What is generated, and all that follows from that.

    A kind says by its class variables in which directions its structures are periodic and whether
    their cell relaxes; all the rest has a default that follows from these, and can be replaced.
    """

    plural: ClassVar[str]
    """In messages and in ``summary.json``; unique among systems."""
    pbc: ClassVar[tuple[bool, bool, bool]]
    """Directions in which structures are periodic."""
    cell_relaxes: ClassVar[bool] = True
    """Whether the cell changes in a relaxation, in the directions that are periodic."""
    learned_from: ClassVar[str] = "crystal"
    """Name of the system that models for this one are trained on."""
    fallback: ClassVar[str]
    """Kind of seed that every composition has, where the one asked for finds none."""
    host_kind: ClassVar[str] = "inside"
    """Kind of the seeds where a host is given."""
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Generation presets that it brings, by name."""
    room: ClassVar[float] = 15.0
    """Å; empty space for a structure that says none of where it is not periodic."""

    @property
    def boundary(self) -> str:
        """LAMMPS's ``boundary``: fixed where there is no periodicity, so that volumes are meant."""
        return " ".join("p" if periodic else "f" for periodic in self.pbc)

    @property
    def walled(self) -> str:
        """Directions in which LAMMPS's box ends, of ``xyz``."""
        kinds = zip("xyz", self.boundary.split(), strict=True)
        return "".join(axis for axis, kind in kinds if kind == "f")

    @property
    def neighbours(self) -> str:
        """How LAMMPS builds neighbour lists: ``bin``, or ``nsq`` for boxes less than a cutoff."""
        return "bin" if all(self.pbc) else "nsq"

    @property
    def has_cell(self) -> bool:
        """Whether a cell belongs to the structure, with a volume and a stress."""
        return any(self.pbc)

    @property
    def takes_pressure(self) -> bool:
        """Whether a pressure means something: the cell relaxes, and nothing of it is vacuum."""
        return all(self.pbc) and self.cell_relaxes

    @property
    def strained(self) -> NDArray[np.bool_]:
        """Components of the strain that relax, and of the stress that vanish then, shape (3, 3)."""
        return np.logical_and.outer(self.pbc, self.pbc) & self.cell_relaxes

    def box_relax(self, pressure: float) -> str:
        """Which components LAMMPS's ``fix box/relax`` relaxes, empty for none.

        Args:
            pressure: external, bar.
        """
        if self.strained.all():
            return f"tri {pressure}"
        names = {"x": (0, 0), "y": (1, 1), "z": (2, 2), "yz": (1, 2), "xz": (0, 2), "xy": (0, 1)}
        return " ".join(f"{name} 0.0" for name, place in names.items() if self.strained[place])

    @property
    def invariances(self) -> Invariances:
        """What leaves a structure as it is; by these its labels are made."""
        return Invariances.of_periodic(self.pbc)

    @property
    def has_space_group(self) -> bool:
        """Whether structures are crystals to crystallography: periodic in three directions."""
        return all(self.pbc)

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

        Those that are made for another system are turned into this one by :meth:`adopt`.

        Args:
            n_species: number of elements that the model knows.
            n_atoms: of the largest cell or molecule.
        """

    def leading_seeds(self, n_species: int, n_atoms: int) -> Mapping[str, int]:
        """Kinds whose seeds come before those of :meth:`seed_kinds`, with the number of each.

        Args:
            n_species: number of elements that the model knows.
            n_atoms: of the largest cell or molecule.
        """
        return {}

    def check_composition(self, formula: str, composition: Mapping[str, int]) -> None:
        """Check that such a structure can have this composition.

        Raises:
            UserError: it can't; says what could.
        """

    def adopt(self, seed: ase.Atoms) -> ase.Atoms:
        """Make a structure of this system of what a kind of seeds drew; Å, order of atoms kept."""
        seed.pbc = self.pbc
        return seed

    def adopt_host(self, host: ase.Atoms) -> ase.Atoms:
        """Make a structure of this system of one that is built into; places of atoms kept.

        Raises:
            UserError: it can't be one.
        """
        host.pbc = self.pbc
        return host

    def pieces(self, atoms: ase.Atoms) -> int:
        """Number of pieces that a structure fell into; 1 for a whole one."""
        return 1

    def standard(self, atoms: ase.Atoms) -> ase.Atoms:
        """A structure as models are trained on it, and only what belongs to it; unchanged itself.

        Returns:
            Its cell reduced. Where it is not periodic in all directions, the cell has no more empty
            space than atoms take up around their centres, and lies as LAMMPS's: the first vector
            along x, the second within xy, those without periodicity at right angles to all others.
            Without any periodicity there is no cell.
        """
        return standard(atoms)

    def volume(self, atoms: ase.Atoms) -> float:
        """Volume that belongs to the atoms of a structure with a cell, without vacuum, Å³."""
        return float((atoms if all(self.pbc) else self.standard(atoms)).get_volume())

    @abstractmethod
    def smallest(self, symbol: str) -> ase.Atoms:
        """Two atoms of an element, close enough to interact: to load a model with."""

    def place(self, atoms: ase.Atoms) -> Placement:
        """Lay a structure into LAMMPS's box: cell reduced and turned, atoms away from its faces."""
        return place(atoms, self.room)

    def is_tidy(self, positions: Array, cell: Array) -> bool:
        """Whether the structure may stay as it lies in LAMMPS's box.

        Args:
            positions: from the box's corner, Å.
            cell: the box, Å.
        """
        return is_tidy(positions, cell, self.pbc)

    def structure(self, numbers: Sequence[int], positions: Array, cell: Array) -> ase.Atoms:
        """What lies in LAMMPS's box, with its cell reduced and its atoms in it.

        Args:
            numbers: atomic numbers.
            positions: in LAMMPS's orientation, Å.
            cell: the box, Å.
        """
        return taken_out(numbers, positions, cell, self.pbc, self.room)

    def identity(self, atoms: ase.Atoms) -> "Identity":
        """What makes a structure the same as another, whatever its origin and orientation."""
        from rm_lammps.systems.identity import identify  # which imports pymatgen

        return identify(atoms)

    def fingerprint(self, atoms: ase.Atoms) -> NDArray[np.float32]:
        """A few numbers that equal structures share, to tell most others apart cheaply.

        Returns:
            The same number for structures of one composition, shape (n,); that of equal ones
            differs by little, see :mod:`rm_lammps.systems.fingerprint`.
        """
        from rm_lammps.systems.fingerprint import fingerprint

        return fingerprint(atoms)


SYSTEMS: Family[System] = Family(
    "system", field="system", package="rm_lammps.systems.kinds", group="rm_lammps.systems"
)

AnySystem = Annotated[System, BeforeValidator(SYSTEMS.read), PlainSerializer(SYSTEMS.plain)]
"""A field that takes any system, by name, from YAML or as an object."""


@cache
def find_system(name: str) -> System:
    """System by name, with its default settings.

    Raises:
        UserError: there is none; names those that there are.
    """
    return SYSTEMS.make(name)


def system_called(plural: str) -> System:
    """System by what its structures are called, as ``summary.json`` has it.

    Raises:
        UserError: no installed package brings it.
    """
    for kind in SYSTEMS:
        if kind.plural == plural:
            return find_system(kind.name)
    raise UserError(
        f"No system is known whose structures are called {plural}.",
        "Install the package that the run was made with.",
    )


def system_of(atoms: ase.Atoms) -> System:
    """System with the periodicity of a structure.

    Of several that have it, it is the one that models are trained on: nothing but the choice of a
    run makes a structure one of the others.

    Raises:
        UserError: none has it.
    """
    systems = [find_system(kind.name) for kind in SYSTEMS]
    suited = [system for system in systems if system.holds(atoms)]
    for system in sorted(suited, key=lambda system: system.learned_from != system.name):
        return system
    known = "; ".join(f"{kind.name} {letters(kind.pbc)}" for kind in SYSTEMS)
    raise UserError(
        f"The structure {atoms.get_chemical_formula()} is periodic in some directions only: "
        f"pbc {letters(atoms.pbc)}.",
        f"Give it one of these: {known}.",
    )


def letters(pbc: Iterable[bool]) -> str:
    """Periodicity as extxyz has it: ``T T F``."""
    return " ".join("T" if periodic else "F" for periodic in pbc)
