"""Properties of the labels: derivatives of one energy, and its invariances."""

import numpy as np
import pytest
from ase.build import bulk, make_supercell, molecule
from ase.geometry import minkowski_reduce
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm
from scipy.spatial.transform import Rotation

from rm_lammps.response import FictitiousEnergy, NoiseConfig, add_noise, matched_displacements
from rm_lammps.response.energy import distance_table
from rm_lammps.systems import find_system

CRYSTAL, MOLECULE = find_system("crystal"), find_system("molecule")
SEEDS = st.integers(0, 2**32 - 1)
NOISE = NoiseConfig(displacement=0.4, shear=0.1, dilation=(-0.2, 0.3))
ENERGY = FictitiousEnergy(repulsion=2.0, repulsion_range=1.0)
DISTANCES = distance_table(
    {"C-C": 1.54, "Na-Na": 3.9, "Cl-Na": 2.8, "Cl-Cl": 3.9, "C-H": 1.1, "H-H": 1.7}
)


def crystal(name="C"):
    atoms = bulk("C", cubic=True) if name == "C" else bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    atoms.set_cell(minkowski_reduce(atoms.cell.array)[0])
    return atoms


def labels_of(positions, cell, sites, cell0, numbers):
    """Labels from geometry alone, as the definition of the energy has them."""
    deformation = np.linalg.inv(cell0) @ cell
    drawn = positions @ np.linalg.inv(deformation) - sites
    u = matched_displacements(sites, drawn, numbers, cell0, CRYSTAL)
    return ENERGY.labels(
        positions, u, numbers, CRYSTAL, min_distances=DISTANCES, cell=cell, deformation=deformation
    )


def noisy_crystal(name, seed):
    atoms = crystal(name)
    noisy = add_noise(
        atoms.positions,
        atoms.numbers,
        atoms.cell.array,
        CRYSTAL,
        NOISE,
        np.random.default_rng(seed),
    )
    return atoms, noisy


@given(SEEDS, st.sampled_from(["C", "NaCl"]))
@settings(max_examples=25, deadline=None)
def test_forces_are_minus_the_gradient(seed, name):
    atoms, noisy = noisy_crystal(name, seed)
    args = (atoms.positions, atoms.cell.array, atoms.numbers)
    labels = labels_of(noisy.positions, noisy.cell, *args)
    rng = np.random.default_rng(seed)
    direction = rng.standard_normal(noisy.positions.shape)
    direction /= np.linalg.norm(direction)
    h = 1e-5
    plus, minus = (
        labels_of(noisy.positions + s * h * direction, noisy.cell, *args).energy for s in (1, -1)
    )
    numerical = -(plus - minus) / (2 * h)
    assert np.sum(labels.forces * direction) == pytest.approx(numerical, rel=1e-4, abs=1e-6)


@given(SEEDS, st.sampled_from(["C", "NaCl"]))
@settings(max_examples=25, deadline=None)
def test_stress_is_the_strain_derivative(seed, name):
    atoms, noisy = noisy_crystal(name, seed)
    args = (atoms.positions, atoms.cell.array, atoms.numbers)
    labels = labels_of(noisy.positions, noisy.cell, *args)
    volume = abs(np.linalg.det(noisy.cell))
    strain = np.random.default_rng(seed).standard_normal((3, 3))
    strain = (strain + strain.T) / 2
    h = 1e-6

    def energy(sign):
        stretch = expm(sign * h * strain)
        return labels_of(noisy.positions @ stretch, noisy.cell @ stretch, *args).energy

    numerical = (energy(1) - energy(-1)) / (2 * h * volume)
    assert np.sum(labels.stress * strain) == pytest.approx(numerical, rel=1e-4, abs=1e-7)


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_rotations_rotate_the_labels(seed):
    atoms, noisy = noisy_crystal("NaCl", seed)
    before = labels_of(
        noisy.positions, noisy.cell, atoms.positions, atoms.cell.array, atoms.numbers
    )
    q = Rotation.random(random_state=seed).as_matrix().T
    after = labels_of(
        noisy.positions @ q, noisy.cell @ q, atoms.positions, atoms.cell.array, atoms.numbers
    )
    # the reference is not rotated: the deformation now contains the rotation
    assert after.energy == pytest.approx(before.energy)
    np.testing.assert_allclose(after.forces, before.forces @ q, atol=1e-9)
    np.testing.assert_allclose(after.stress, q.T @ before.stress @ q, atol=1e-9)


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_translations_and_lattice_vectors_change_nothing(seed):
    atoms = crystal("C")
    # small against the bond length, where the nearest assignment is unique
    noise = NOISE.model_copy(update={"displacement": 0.15})
    rng = np.random.default_rng(seed)
    noisy = add_noise(atoms.positions, atoms.numbers, atoms.cell.array, CRYSTAL, noise, rng)
    args = (atoms.positions, atoms.cell.array, atoms.numbers)
    before = labels_of(noisy.positions, noisy.cell, *args)
    moved = noisy.positions + 0.1 * rng.standard_normal(3)
    moved += rng.integers(-2, 3, size=(len(atoms), 3)) @ noisy.cell
    after = labels_of(moved, noisy.cell, *args)
    assert after.energy == pytest.approx(before.energy, rel=1e-6)
    np.testing.assert_allclose(after.forces, before.forces, atol=1e-7)
    np.testing.assert_allclose(after.stress, before.stress, atol=1e-7)


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_exchanging_identical_atoms_changes_nothing(seed):
    atoms = crystal("NaCl")
    rng = np.random.default_rng(seed)
    drawn = 0.2 * rng.standard_normal(atoms.positions.shape)
    order = np.arange(len(atoms))
    for number in (11, 17):
        same = np.flatnonzero(atoms.numbers == number)
        order[same] = rng.permutation(same)
    positions = (atoms.positions + drawn)[order]
    expected = matched_displacements(
        atoms.positions, drawn, atoms.numbers, atoms.cell.array, CRYSTAL
    )
    exchanged = matched_displacements(
        atoms.positions, positions - atoms.positions, atoms.numbers, atoms.cell.array, CRYSTAL
    )
    np.testing.assert_allclose(exchanged, expected[order], atol=1e-9)


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_supercells_have_the_same_labels(seed):
    atoms, noisy = noisy_crystal("C", seed)
    one = ENERGY.labels(
        noisy.positions,
        noisy.displacements,
        atoms.numbers,
        CRYSTAL,
        min_distances=DISTANCES,
        cell=noisy.cell,
        deformation=noisy.deformation,
    )
    big = make_supercell(atoms, np.diag([2, 1, 1]))
    noisy_atoms = atoms.copy()
    noisy_atoms.set_cell(noisy.cell)
    noisy_atoms.positions = noisy.positions
    noisy_big = make_supercell(noisy_atoms, np.diag([2, 1, 1]))
    two = ENERGY.labels(
        noisy_big.positions,
        np.tile(noisy.displacements, (2, 1)),
        big.numbers,
        CRYSTAL,
        min_distances=DISTANCES,
        cell=noisy_big.cell.array,
        deformation=noisy.deformation,
    )
    assert two.energy == pytest.approx(2 * one.energy)
    np.testing.assert_allclose(two.forces, np.tile(one.forces, (2, 1)), atol=1e-9)
    np.testing.assert_allclose(two.stress, one.stress, atol=1e-9)


@given(SEEDS, st.sampled_from(["C", "NaCl"]))
@settings(max_examples=25, deadline=None)
def test_total_force_is_zero(seed, name):
    atoms, noisy = noisy_crystal(name, seed)
    labels = labels_of(
        noisy.positions, noisy.cell, atoms.positions, atoms.cell.array, atoms.numbers
    )
    np.testing.assert_allclose(labels.forces.sum(axis=0), 0, atol=1e-9)


@pytest.mark.parametrize("name", ["C", "NaCl"])
def test_no_noise_no_response(name):
    atoms = crystal(name)
    energy = FictitiousEnergy()
    noisy = add_noise(
        atoms.positions,
        atoms.numbers,
        atoms.cell.array,
        CRYSTAL,
        NOISE,
        np.random.default_rng(0),
        level=0.0,
    )
    labels = energy.labels(
        noisy.positions,
        noisy.displacements,
        atoms.numbers,
        CRYSTAL,
        min_distances=DISTANCES,
        cell=noisy.cell,
        deformation=noisy.deformation,
    )
    assert labels.energy == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(labels.forces, 0, atol=1e-12)
    np.testing.assert_allclose(labels.stress, 0, atol=1e-12)


def test_stretched_cells_have_positive_stress():
    atoms = crystal("C")
    stretch = 1.05 * np.eye(3)
    labels = labels_of(
        atoms.positions @ stretch,
        atoms.cell.array @ stretch,
        atoms.positions,
        atoms.cell.array,
        atoms.numbers,
    )
    bulk_modulus = 1 / (3 * (1 - 2 * 0.3))
    np.testing.assert_allclose(
        labels.stress, 3 * bulk_modulus * np.log(1.05) / 1.05**3 * np.eye(3), rtol=1e-9
    )


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_molecules_feel_neither_rotation_nor_translation(seed):
    methane = molecule("CH4")
    rng = np.random.default_rng(seed)
    drawn = 0.1 * rng.standard_normal(methane.positions.shape)
    expected = matched_displacements(methane.positions, drawn, methane.numbers, None, MOLECULE)
    q = Rotation.random(random_state=seed)
    moved = q.apply(methane.positions + drawn) + rng.standard_normal(3)
    u = matched_displacements(
        methane.positions, moved - methane.positions, methane.numbers, None, MOLECULE, permute=False
    )
    np.testing.assert_allclose(u, q.apply(expected), atol=1e-7)
    np.testing.assert_allclose(u.sum(axis=0), 0, atol=1e-9)
    torque = np.cross(moved - moved.mean(axis=0), u).sum(axis=0)
    np.testing.assert_allclose(torque, 0, atol=1e-7)


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_forces_on_molecules_are_minus_the_gradient(seed):
    methane = molecule("CH4")
    rng = np.random.default_rng(seed)
    positions = methane.positions + 0.3 * rng.standard_normal(methane.positions.shape)

    def labels(x):
        u = matched_displacements(
            methane.positions, x - methane.positions, methane.numbers, None, MOLECULE
        )
        return ENERGY.labels(x, u, methane.numbers, MOLECULE, min_distances=DISTANCES)

    direction = rng.standard_normal(positions.shape)
    direction /= np.linalg.norm(direction)
    h = 1e-5
    numerical = (
        labels(positions - h * direction).energy - labels(positions + h * direction).energy
    ) / (2 * h)
    found = labels(positions)
    assert np.sum(found.forces * direction) == pytest.approx(numerical, rel=1e-4, abs=1e-6)
    assert found.stress is None


def test_repulsion_pushes_apart():
    atoms = bulk("C", cubic=True)
    positions = atoms.positions.copy()
    positions[1] = positions[0] + [0.7, 0, 0]
    labels = ENERGY.labels(
        positions,
        np.zeros_like(positions),
        atoms.numbers,
        CRYSTAL,
        min_distances=DISTANCES,
        cell=atoms.cell.array,
        deformation=np.eye(3),
    )
    assert labels.forces[1, 0] > 1.0
    assert labels.forces[0, 0] < -1.0
