"""Energy, forces and stress belong to one function of positions and cell."""

import numpy as np
import pytest
from scipy.linalg import expm, logm

from .systems import LENNARD_JONES, STILLINGER_WEBER, argon, box, carbon, positions, script, silicon

BAR = 1 / 1.6021765e6
"""eV/Å³, as LAMMPS's metal units have it."""

ROOT = np.sqrt(2)
X, Y, Z, YZ, XZ, XY = np.zeros((6, 3, 3))
X[0, 0] = Y[1, 1] = Z[2, 2] = 1
YZ[1, 2] = XZ[0, 2] = XY[0, 1] = ROOT
CELLS = {
    "iso 3000": ([(X + Y + Z) / np.sqrt(3)], 3000, {}),
    "aniso -2000": ([X, Y, Z], -2000, {}),
    "tri 3000": ([X, Y, Z, YZ, XZ, XY], 3000, {}),
    "aniso 3000 couple xz": ([(X + Z) / ROOT, Y], 3000, {}),
    "x 1000 y 2000 z 6000 xy 500": (
        [X, Y, Z, XY],
        3000,
        {(0, 0): -2000, (1, 1): -1000, (2, 2): 3000, (0, 1): 500},
    ),
    "y 3000 yz 0": ([Y, YZ], 3000, {}),
}


class Function:
    """Enthalpy of q and U, by a LAMMPS that knows nothing of the minimiser."""

    def __init__(self, lmp, atoms, hydrostatic, deviation):
        self.lmp = lmp
        self.start = atoms.cell.array.T
        self.hydrostatic, self.deviation = hydrostatic, deviation

    def __call__(self, q, U):
        cell = expm(U) @ self.start
        lx, ly, lz = np.diag(cell)
        self.lmp.command(
            f"change_box all x final 0 {lx} y final 0 {ly} z final 0 {lz} "
            f"xy final {cell[0, 1]} xz final {cell[0, 2]} yz final {cell[1, 2]} units box"
        )
        flat = np.ascontiguousarray(q @ expm(U).T).ravel()
        self.lmp.scatter_atoms("x", 1, 3, np.ctypeslib.as_ctypes(flat))
        self.lmp.command("run 0 post no")
        work = self.hydrostatic * np.linalg.det(cell)
        work += np.linalg.det(self.start) * sum(p * U[ij] for ij, p in self.deviation.items())
        return self.lmp.get_thermo("pe") + work * BAR


def check(new_lammps, atoms, potential, cell, step, tolerance):
    basis, hydrostatic, deviation = CELLS[cell]
    lmp = new_lammps(script(atoms, potential))
    lmp.commands_string(f"fix box all box/relax/lbfgs {cell}\nminimize 0 0 4 100")
    corner, now = box(lmp)
    start = atoms.cell.array.T
    U = np.real(logm(now.T @ np.linalg.inv(start)))
    assert np.abs(U).max() > 1e-3
    q = (positions(lmp) - corner) @ np.linalg.inv(expm(U)).T

    function = Function(new_lammps(script(atoms, potential)), atoms, hydrostatic, deviation)
    pe = lmp.get_thermo("pe")
    assert pe + lmp.extract_fix("box", 0, 0) == pytest.approx(function(q, U), abs=1e-6)
    length = np.linalg.det(start) ** (1 / 3) * len(atoms) ** (1 / 6)
    for k, strain in enumerate(basis):
        change = step * strain / length
        slope = (function(q, U + change) - function(q, U - change)) / (2 * step)
        assert -lmp.extract_fix("box", 0, 1, k) == pytest.approx(slope, abs=tolerance), k
    assert lmp.extract_fix("box", 0, 1, 5) == (
        0 if len(basis) < 6 else pytest.approx(-slope, abs=tolerance)
    )

    forces = np.array(lmp.gather_atoms("f", 1, 3)).reshape(-1, 3) @ expm(U)
    direction = np.random.default_rng(0).standard_normal(q.shape)
    slope = (function(q + step * direction, U) - function(q - step * direction, U)) / (2 * step)
    assert -np.sum(forces * direction) == pytest.approx(slope, abs=5 * tolerance)


@pytest.mark.parametrize("cell", CELLS)
def test_lennard_jones(cell, new_lammps):
    check(new_lammps, argon(), LENNARD_JONES, cell, 1e-4, 1e-7)


@pytest.mark.parametrize("cell", CELLS)
def test_stillinger_weber(cell, new_lammps):
    check(new_lammps, silicon(), STILLINGER_WEBER, cell, 1e-4, 1e-5)


@pytest.mark.parametrize("cell", ["tri 3000", "iso 3000"])
def test_allegro(cell, new_lammps, diamond_bundle):
    from rm_lammps.deployment.bundle import Bundle

    bundle = Bundle.load(diamond_bundle)
    coefficients = bundle.pair_coefficients(["C"])
    potential = f"mass * 12\npair_style {bundle.pair_style}\npair_coeff {coefficients}"
    # a kernel in float32
    check(new_lammps, carbon(), potential, cell, 3e-3, 2e-3)
