"""Moves that bring a molecule's pieces together and its atoms elsewhere."""

import ase
import numpy as np
import pytest
from ase.build import molecule

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.geometry import fragments
from rm_lammps.relaxation.moves import join, relocate

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
