"""Moves that bring a molecule's pieces together and its atoms elsewhere."""

import ase
import numpy as np
import pytest
from ase.build import molecule
from scipy.sparse.csgraph import connected_components

from rm_lammps.chemistry.bonds import fragments
from rm_lammps.chemistry.valences import twist, twisted_double_bonds, valence_faults
from rm_lammps.datasets import DatasetStatistics
from rm_lammps.relaxation.moves import flatten, join, relocate

STATISTICS = DatasetStatistics.of(
    [molecule(name) for name in ("CH4", "C2H6", "CH3OH", "H2O", "C6H6")], cutoff=4.5
)


def pieces(*names):
    whole = ase.Atoms()
    for number, name in enumerate(names):
        piece = molecule(name)
        piece.translate([9.0 * number, 0, 0])
        whole += piece
    return whole


@pytest.mark.parametrize("names", [("CH4",), ("CH4", "H2O"), ("C6H6", "H2O", "C2H6", "CH4")])
def test_fragments_are_counted(names):
    whole = pieces(*names)
    order = np.random.default_rng(0).permutation(len(whole))
    assert fragments(whole[order]).max() + 1 == len(names)


def test_an_atom_is_one_fragment():
    assert fragments(ase.Atoms("H")).tolist() == [0]


@pytest.mark.parametrize("seed", range(10))
def test_joined_pieces_touch_and_keep_their_shape(seed):
    whole = pieces("C6H6", "H2O", "CH4")
    joined = join(whole, STATISTICS, np.random.default_rng(seed))
    labels = fragments(whole)
    for label in range(3):
        before, after = (x[labels == label].get_all_distances() for x in (whole, joined))
        np.testing.assert_allclose(before, after, atol=1e-8)
    distances = joined.get_all_distances()
    for label in (1, 2):
        assert distances[labels == label][:, labels != label].min() < 2.5
    assert whole.get_distance(0, len(whole) - 1) > 9, "the original is left alone"


@pytest.mark.parametrize("seed", range(10))
def test_relocated_atoms_sit_next_to_others(seed):
    methane = molecule("C2H6")
    weights = np.zeros(8)
    weights[3:5] = 1.0
    moved = relocate(methane, 2, STATISTICS, np.random.default_rng(seed), weights=weights)
    still = np.isclose(moved.positions, methane.positions).all(axis=1)
    assert still.tolist() == [True] * 3 + [False] * 2 + [True] * 3
    distances = moved.get_all_distances() + 9 * np.eye(8)
    assert 0.5 < distances[3:5].min() < 2.5


def twisted_alkene(name, degrees):
    """A molecule with its first C=C twisted, its bonds and the ends of that bond."""
    atoms = molecule(name)
    faults = valence_faults(atoms)
    ends = next(tuple(pair) for pair in faults.double if (atoms.numbers[pair] == 6).all())
    others = faults.bonds.copy()
    others[ends[0], ends[1]] = others[ends[1], ends[0]] = False
    turning = connected_components(others, directed=False)[1]
    first, last = (np.flatnonzero(others[k])[0] for k in ends)
    atoms.rotate_dihedral(first, *ends, last, degrees, mask=turning == turning[ends[1]])
    return atoms, faults.bonds, ends


@pytest.mark.parametrize("name", ["C2H4", "isobutene", "butadiene", "C3H6_Cs"])
@pytest.mark.parametrize("degrees", [-70, -20, 30, 80])
def test_twisted_double_bonds_are_found_and_flattened(name, degrees):
    atoms, bonds, ends = twisted_alkene(name, degrees)
    assert abs(twist(atoms, bonds, ends)) == pytest.approx(abs(np.radians(degrees)), abs=0.02)
    assert ends in twisted_double_bonds(atoms, valence_faults(atoms))
    flat = flatten(atoms, bonds, ends)
    assert twist(flat, bonds, ends) == pytest.approx(0, abs=1e-6)
    before, after = (a.get_all_distances()[bonds] for a in (atoms, flat))
    np.testing.assert_allclose(after, before, atol=1e-9)


def test_a_double_bond_in_a_ring_is_flattened_with_what_hangs_on_it():
    ring = molecule("cyclobutene")
    faults = valence_faults(ring)
    ends = tuple(faults.double[0])
    near = [k for k in np.flatnonzero(faults.bonds[ends[1]]) if k != ends[0]]
    ring.positions[near] += np.array([[0.3, 0, 0], [-0.3, 0, 0]])
    assert abs(twist(ring, faults.bonds, ends)) > 0.05
    flat = flatten(ring, faults.bonds, ends)
    assert twist(flat, faults.bonds, ends) == pytest.approx(0, abs=1e-6)
    assert (flat.positions[list(ends)] == ring.positions[list(ends)]).all()


@pytest.mark.parametrize("name", ["C2H4", "C6H6", "butadiene", "C5H5N", "C2H6", "CH3CONH2"])
def test_true_molecules_are_not_twisted(name):
    atoms = molecule(name)
    assert twisted_double_bonds(atoms, valence_faults(atoms)) == []
