"""Twists: what turns, what stays, and that the response untwists."""

import ase
import numpy as np
import pytest
from ase.build import molecule
from hypothesis import given, settings
from hypothesis import strategies as st

from rm_lammps.geometry import bonded
from rm_lammps.response import NoiseConfig, add_noise
from rm_lammps.response.torsion import twist

SEEDS = st.integers(0, 2**32 - 1)
ANGLES = st.floats(-2.0, 2.0)


def twisted(name, angle, seed):
    atoms = molecule(name)
    other = atoms.copy()
    other.positions += twist(atoms.positions, atoms.numbers, angle, np.random.default_rng(seed))
    return atoms, other


@pytest.mark.parametrize("degrees", [20, 45, 90])
def test_ethylene_is_twisted_by_the_angle(degrees):
    _, other = twisted("C2H4", np.radians(degrees), 0)
    carbon = np.flatnonzero(other.numbers == 6)
    hydrogens = [np.flatnonzero(bonded(other)[c] & (other.numbers == 1)) for c in carbon]
    dihedral = other.get_dihedral(hydrogens[0][0], *carbon, hydrogens[1][0]) % 180
    assert min(dihedral, 180 - dihedral) == pytest.approx(degrees)


@given(SEEDS, ANGLES, st.sampled_from(["CH3CH2OH", "trans-butane", "CH3CONH2", "C3H9N"]))
@settings(max_examples=25, deadline=None)
def test_bond_lengths_and_angles_of_a_chain_stay(seed, angle, name):
    atoms, other = twisted(name, angle, seed)
    before, after = (a.get_all_distances() for a in (atoms, other))
    bonds = bonded(atoms).astype(int)
    # atoms with a common neighbour, or bonded
    near = (bonds @ bonds + bonds) > 0
    np.testing.assert_allclose(after[near], before[near], atol=1e-10)


@given(SEEDS)
@settings(max_examples=10, deadline=None)
def test_of_a_ring_far_atoms_turn_less(seed):
    atoms, other = twisted("C6H6", 0.5, seed)
    moved = np.linalg.norm(other.positions - atoms.positions, axis=1)
    assert (moved == 0).sum() >= 4
    ring = np.sort(moved[atoms.numbers == 6])
    assert 0 < ring[-2] < ring[-1] < 0.65


@pytest.mark.parametrize("name", ["CH4", "H2O", "H2", "HCN"])
def test_nothing_to_twist(name):
    atoms, other = twisted(name, 1.0, 0)
    np.testing.assert_allclose(other.positions, atoms.positions, atol=1e-10)


def test_noise_twists_molecules_and_the_labels_lead_back():
    atoms = molecule("C2H4")
    config = NoiseConfig(displacement=0.0, torsion=30.0)
    rng = np.random.default_rng(4)
    noisy = add_noise(atoms.positions, atoms.numbers, None, config, rng, level=1.0)
    assert np.abs(noisy.displacements).max() > 0.05
    np.testing.assert_allclose(noisy.displacements.sum(axis=0), 0, atol=1e-12)
    # half of the twist on either side, as rotation is removed: hydrogens move alike
    moved = np.linalg.norm(noisy.displacements[atoms.numbers == 1], axis=1)
    np.testing.assert_allclose(moved, moved[0], rtol=1e-3)
    back = atoms.copy()
    back.positions = noisy.positions - noisy.displacements
    np.testing.assert_allclose(back.get_all_distances(), atoms.get_all_distances(), atol=1e-6)


def test_double_bonds_are_twisted_most():
    atoms = molecule("C3H6_Cs")
    heavy = np.flatnonzero(atoms.numbers == 6)
    methyl = next(c for c in heavy if bonded(atoms)[c].sum() == 4)
    hydrogens = np.flatnonzero(bonded(atoms)[methyl] & (atoms.numbers == 1))
    others = [k for k in range(len(atoms)) if k not in hydrogens]
    draws, methyl_turns = 100, 0
    for seed in range(draws):
        moved = twist(atoms.positions, atoms.numbers, 0.5, np.random.default_rng(seed))
        # seen from either end: the methyl group turns against a rest that keeps its shape
        rest = ase.Atoms(atoms.numbers[others], (atoms.positions + moved)[others])
        kept = atoms[others].get_all_distances()
        methyl_turns += np.allclose(rest.get_all_distances(), kept, atol=1e-6)
    assert 0 < methyl_turns < 0.2 * draws
