"""A LAMMPS session that relaxes one structure after another.

The model is loaded once per process. A seed costs a ``clear`` and a new box, so that nothing of the
seed before it is left; further structures of the seed take over the box.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import ase
import numpy as np
from ase.units import GPa

from rm_lammps.deployment.bundle import Bundle
from rm_lammps.geometry import Array, is_reduced
from rm_lammps.relaxation.held import (
    MOVING,
    held_atoms,
    hold_commands,
    in_frame,
    place_in_frame,
    stiff_atoms,
    without_motion,
)
from rm_lammps.relaxation.instance import LammpsInstance
from rm_lammps.relaxation.outcome import Evaluation, Reason, StopError
from rm_lammps.relaxation.pair_styles import PairStyles
from rm_lammps.relaxation.term import Term
from rm_lammps.systems import System, system_of

if TYPE_CHECKING:
    from mpi4py import MPI

BAR_PER_GPA = 1.0e4
_FRAMES_EVERY = 10
_TENSOR = np.array([[0, 3, 4], [3, 1, 5], [4, 5, 2]])
"""Places of a tensor's components in LAMMPS's order of six."""


class LammpsSession(LammpsInstance):
    """A LAMMPS instance that knows what the structure in it is, and what may change of it.

    Args:
        bundle: the deployed model.
        comm: communicator of the ranks that share each structure; ``None`` for this rank alone.
        log: LAMMPS log file; ``None`` for none.

    Raises:
        UserError: LAMMPS does not know the pair style.
    """

    def __init__(self, bundle: Bundle, comm: "MPI.Comm | None" = None, log: str | None = None):
        super().__init__(bundle, comm, log)
        self._pairs = PairStyles(bundle)
        self._axes = "xyz"
        self._spring: float | None = None
        self._evaluations_before = 0
        self._loaded: ase.Atoms | None = None
        self._held = self._stiff = held_atoms(ase.Atoms())
        self._system: System | None = None
        self._clear = True
        self._trajectory: Path | None = None
        self.rotation: Array = np.eye(3)
        """How LAMMPS's orientation of the loaded cell turns vectors: v_lammps = v @ rotation.T."""

    def restart(self) -> None:
        """Begin anew with an empty LAMMPS, after an error of the old one.

        Raises:
            UserError: the bundle is not the one that the session began with.
        """
        self._evaluations_before = self.evaluations()
        self._loaded = None
        super().restart()

    def __enter__(self) -> "LammpsSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def recording(self, trajectory: Path | None) -> Iterator[None]:
        """Write every tenth iteration of what is done meanwhile to an extxyz file, if given."""
        self._trajectory = trajectory
        try:
            yield
        finally:
            self._trajectory = None

    def compose(self, terms: Sequence[Term], model_weight: float = 1.0) -> None:
        """Choose the energy terms beside E~, and E~'s own weight, from the next structure on."""
        if self._pairs.compose(terms, model_weight):
            self.discard()

    def weigh(self, weights: Mapping[str, float]) -> None:
        """Give energies other weights, by label, until the terms are chosen anew."""
        self._pairs.weigh(self._lmp, weights)

    def restrict(self, axes: str, spring: float | None) -> None:
        """Choose what may change, from the next structure on.

        Args:
            axes: of the cell that may change, ``xyz``, some of them or ``none``. The cell of a
                structure is neither reduced nor turned where not all may, or atoms are held.
            spring: constant of springs that tie held atoms, pseudo-eV/Å²; ``None`` fixes them.
        """
        self._axes, self._spring = axes, spring

    def evaluate(self) -> Evaluation:
        """Evaluate the structure as it is.

        Raises:
            StopError: the result is not a number.
        """
        self.include("evaluate.in")
        return self.read()

    def read(self) -> Evaluation:
        """Read what LAMMPS last evaluated, where that was the structure as it is.

        Raises:
            StopError: the result is not a number.
        """
        lmp = self._lmp
        energy = lmp.get_thermo("pe")
        if self._spring is not None and lmp.has_id("fix", "hold"):
            energy -= lmp.extract_fix("hold", 0, 0)
        forces = self._gather("f")
        p = {c: lmp.get_thermo(f"p{c}") for c in ("xx", "yy", "zz", "xy", "xz", "yz")}
        pressure = np.array(
            [[p["xx"], p["xy"], p["xz"]], [p["xy"], p["yy"], p["yz"]], [p["xz"], p["yz"], p["zz"]]]
        )
        if not self.system.has_cell:
            pressure = np.zeros((3, 3))
        if not (np.isfinite(energy) and np.isfinite(forces).all() and np.isfinite(pressure).all()):
            raise StopError(Reason.NOT_FINITE, f"E~ = {energy}")
        return Evaluation(float(energy), forces, -pressure / BAR_PER_GPA, self._pairs.energies(lmp))

    def evaluate_each(self) -> tuple[Evaluation, Array, Array]:
        """Evaluate the structure as it is, and what each atom has of it.

        Returns:
            The evaluation; energies of the atoms, shape (n,), pseudo-eV; their virials in LAMMPS's
            orientation, shape (n, 3, 3), pseudo-eV, which sum to minus volume times stress.

        Raises:
            StopError: the result is not a number.
        """
        if not self._lmp.has_id("compute", "rm_virials"):
            self.include("per_atom.in")
        result = self.evaluate()
        energies = np.array(self._lmp.gather("c_rm_energies", 1, 1))
        # bar Å³, with the sign of a stress: xx, yy, zz, xy, xz, yz
        flat = np.array(self._lmp.gather("c_rm_virials", 1, 6)).reshape(-1, 6)
        virials = -flat[:, _TENSOR] / BAR_PER_GPA * GPa
        return result, energies, virials

    def tidy_cell(self) -> None:
        """Go on in a Minkowski-reduced cell with its faces away from atoms, if this one isn't."""
        if self.keeps_frame:
            return
        corner, cell = self._box()
        # where ranks share a box, it is large and has atoms at its faces wherever they are
        tidy = (
            is_reduced(cell)
            if self.shared
            else self.system.is_tidy(self._gather("x") - corner, cell)
        )
        if not tidy:
            self.load(self.structure())

    def load(self, atoms: ase.Atoms, system: System | None = None) -> None:
        """Put a structure into LAMMPS, its cell reduced.

        Args:
            atoms: Å.
            system: what it is; unless given, what was loaded before, if it can be that.

        Raises:
            StopError: it can't be loaded.
        """
        if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
            raise StopError(Reason.NOT_FINITE, "the structure's positions or cell")
        if system is None:
            before = self._system
            system = before if before is not None and before.holds(atoms) else system_of(atoms)
        self._held, self._stiff = held_atoms(atoms), stiff_atoms(atoms)
        framed = self.keeps_frame and system.has_cell
        placed = place_in_frame(atoms) if framed else system.place(atoms)
        self.rotation = placed.rotation
        if self._takes_over(atoms, system):
            self._move(placed.cell, placed.positions)
            self._put_walls()
        else:
            self._begin(system)
            self._create(atoms.get_chemical_symbols(), placed.cell, placed.positions)
            self._define(atoms)
        self._loaded = atoms
        self._clear = False

    def resume(self, atoms: ase.Atoms, system: System, restart: Path, rotation: Array) -> None:
        """Go on with a structure where a restart file has it.

        Args:
            atoms: what was loaded, wherever its atoms were.
            system: what it is.
            restart: LAMMPS's file.
            rotation: how vectors were turned when it was written.
        """
        self._held, self._stiff = held_atoms(atoms), stiff_atoms(atoms)
        self.rotation = rotation
        self._begin(system)
        self._read_restart(restart)
        self._define(atoms)
        self._loaded = atoms
        self._clear = False

    def exchange(self, first: int, second: int) -> None:
        """Exchange the places of two atoms, by their numbers from 0."""
        if self.shared:
            structure = self.structure()
            structure.positions[[first, second]] = structure.positions[[second, first]]
            self.load(structure)
            return
        places = self._gather("x")
        places[[first, second]] = places[[second, first]]
        self._move(None, places)

    def discard(self) -> None:
        """Begin with a ``clear`` when the next structure is loaded."""
        self._clear = True

    @property
    def moving(self) -> str:
        """LAMMPS group of the atoms that stages may move."""
        fixed = len(self._held) and self._spring is None
        return MOVING if fixed or len(self._stiff) else "all"

    @property
    def keeps_frame(self) -> bool:
        """Whether the cell stays as it was loaded, but for strains along axes that may change."""
        return self._axes != "xyz" or len(self._held) + len(self._stiff) > 0

    def _takes_over(self, atoms: ase.Atoms, system: System) -> bool:
        """Whether the box in LAMMPS serves; ranks that share one would have to exchange atoms."""
        if self._clear or self._loaded is None or self.shared:
            return False
        if not np.array_equal(held_atoms(self._loaded), self._held) or self._spring is not None:
            return False
        if not np.array_equal(stiff_atoms(self._loaded), self._stiff):
            return False
        return self._system == system and np.array_equal(self._loaded.numbers, atoms.numbers)

    def _begin(self, system: System) -> None:
        """Clear what was there."""
        self._evaluations_before = self.evaluations()
        self._loaded = None
        self._system = system
        self.set(boundary=system.boundary, neighbours=system.neighbours)
        self._lmp.command("clear")
        self.include("settings.in")

    def _define(self, atoms: ase.Atoms) -> None:
        """Define what acts on the atoms that are there."""
        elements, lmp = list(dict.fromkeys(atoms.get_chemical_symbols())), self._lmp
        self.set(rm_elements=" ".join(elements))
        self._pairs.define(lmp, atoms.get_chemical_symbols())
        self.include("neighbours.in")
        self._pairs.add_terms(lmp)
        if self._trajectory is not None:
            self._write_frames(self._trajectory, _FRAMES_EVERY, elements)
        for command in hold_commands(self._held, self._stiff, self._spring):
            self.command(command)
        self._put_walls()

    def _put_walls(self) -> None:
        """Throw back what noise takes off a surface: LAMMPS would lose it."""
        walls = [f"{x}lo EDGE {x}hi EDGE" for x in self.system.walled]
        if walls:
            self.command(f"fix rm_walls all wall/reflect {' '.join(walls)}")

    @property
    def system(self) -> System:
        """What is loaded.

        Raises:
            RuntimeError: nothing is.
        """
        if self._system is None:
            raise RuntimeError("nothing was loaded")
        return self._system

    def structure(self) -> ase.Atoms:
        """What is in LAMMPS now: the loaded atoms in their order, the cell reduced."""
        if self._loaded is None:
            raise RuntimeError("nothing was loaded")
        corner, cell = self._box()
        if self.keeps_frame and self.system.has_cell:
            sites = ase.cell.Cell(cell).scaled_positions(self._gather("x") - corner)
            now = in_frame(self._loaded, cell, sites, self.rotation)
            still = self._axes == "none" and self._spring is None
            return without_motion(self._loaded, now) if still else now
        structure = self.system.structure(self._loaded.numbers, self._gather("x"), cell)
        structure.set_constraint(self._loaded.constraints)
        return structure

    def evaluations(self) -> int:
        """Evaluations of this session; the pair style counts those since the last ``clear``."""
        if self._loaded is None:
            return self._evaluations_before
        return self._evaluations_before + int(self._lmp.extract_pair("evaluations"))

    def use_level(self, name: str | None) -> None:
        """Evaluate another level of the model from now on, until the next ``clear``.

        Args:
            name: of the level; ``None`` for the lowest.

        Raises:
            UserError: the model has no such level.
        """
        self._pairs.use_level(self._lmp, name)
