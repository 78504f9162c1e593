"""Whether known structures are minima: on surfaces of which that is known."""

import numpy as np
import pytest
from ase.build import bulk, molecule
from hypothesis import given, settings
from hypothesis import strategies as st

from rm_lammps.geometry import minimum_image
from rm_lammps.response.structures import Structures
from rm_lammps.systems import system_of
from rm_lammps.training.equilibrium import _Coordinates, examine, summary


class Springs:
    """Springs to the sites of one structure, and elasticity: the fictitious energy, nearly.

    Args:
        atoms: the structure.
        spring: pseudo-eV/Å²; negative where the structure is no minimum.
    """

    def __init__(self, atoms, spring, offset=0.0):
        self.atoms, self.spring = atoms, spring
        self.target = atoms.positions + offset

    def __call__(self, structures: Structures):
        n = len(self.atoms)
        energies, forces, virials = [], [], []
        for k, first in enumerate(structures.first):
            positions = structures.positions[first : first + n]
            stretch, u = np.eye(3), positions - self.target
            if structures.cells is not None:
                stretch = np.linalg.solve(self.atoms.cell.array, structures.cells[k])
                u = positions @ np.linalg.inv(stretch) - self.target
                u = minimum_image(u, self.atoms.cell.array)
            u = u - u.mean(axis=0)
            inverse = np.linalg.inv(stretch)
            strain = 0.5 * (stretch @ stretch.T - np.eye(3))
            volume = self.atoms.get_volume() if structures.cells is not None else 0.0
            energies.append(0.5 * self.spring * np.sum(u**2) + 0.5 * volume * np.sum(strain**2))
            forces.append(-self.spring * u @ inverse.T)
            # energy of a homogeneous strain of the deformed structure: elasticity alone
            virials.append(volume * stretch.T @ strain @ stretch)
        return np.array(energies), np.concatenate(forces), np.array(virials)


@pytest.mark.parametrize("atoms", [bulk("C", cubic=True), molecule("CH4")], ids=["crystal", "CH4"])
@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_gradients_are_derivatives(atoms, seed):
    coordinates = _Coordinates(Springs(atoms, 1.3), atoms, system_of(atoms))
    rng = np.random.default_rng(seed)
    x = 0.1 * rng.standard_normal(coordinates.size)
    direction = rng.standard_normal(coordinates.size)
    h = 1e-5
    numerical = (
        coordinates.energy(x + h * direction)[0] - coordinates.energy(x - h * direction)[0]
    ) / (2 * h)
    assert coordinates.energy(x)[1] @ direction == pytest.approx(numerical, rel=1e-5, abs=1e-7)


def test_a_minimum_is_found_to_be_one():
    atoms = bulk("C", cubic=True)
    (found,) = examine(Springs(atoms, 0.7), [atoms], system_of(atoms))
    assert found.moved < 1e-3
    assert found.strained < 1e-3
    assert found.curvature == pytest.approx(0.7, rel=1e-2)


def test_a_saddle_point_is_found_to_be_none():
    atoms = bulk("C", cubic=True)
    (found,) = examine(Springs(atoms, -0.2), [atoms], system_of(atoms))
    assert found.curvature == pytest.approx(-0.2, rel=1e-2)
    assert summary([found])["minima"] == 0


def test_a_minimum_elsewhere_moves_the_structure():
    atoms = bulk("C", cubic=True)
    offset = np.zeros((8, 3))
    offset[0, 0], offset[1, 0] = 0.2, -0.2
    (found,) = examine(Springs(atoms, 1.0, offset), [atoms], system_of(atoms))
    assert found.moved == pytest.approx((2 * 0.04 / 8) ** 0.5, rel=1e-2)


def test_rigid_motion_of_a_molecule_has_no_curvature():
    atoms = molecule("CH4")
    coordinates = _Coordinates(Springs(atoms, 1.0), atoms, system_of(atoms))
    assert len(coordinates._rigid()) == 6
    rotated = np.cross([0.0, 0.0, 0.02], atoms.positions)
    np.testing.assert_allclose(coordinates.without_rigid_motion(rotated), 0, atol=1e-12)
