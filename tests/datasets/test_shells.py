"""Numbers of neighbours in samples of something disordered."""

import ase
import numpy as np
import pytest
from ase.build import bulk, molecule
from hypothesis import given
from hypothesis import strategies as st

from rm_lammps.datasets.shells import shells_of


def shaken(atoms, noise=0.04, seed=1):
    atoms.positions += noise * np.random.default_rng(seed).standard_normal(atoms.positions.shape)
    return atoms


@given(st.permutations(range(648)))
def test_silica(cristobalite, order):
    shells = shells_of([shaken(cristobalite * (3, 3, 3))[order]], 5.0)
    assert shells.neighbours == {"Si": [4], "O": [2]}
    assert shells.within.keys() == {"O-Si"}
    assert shells.bonds == {"O-Si": pytest.approx(1.545, abs=0.02)}
    whole, none = shells.within["O-Si"]
    assert 1.54 + 0.2 < whole < 2.3 < 2.8 < none < 3.5
    # silicon atoms are 3.09 Å apart; oxygen spans nothing
    assert shells.apart == {
        "Si-Si": pytest.approx(2.95, abs=0.12),
        "O-O": pytest.approx(0.85 * 2.4, abs=0.1),
    }


def test_an_element():
    cells = [shaken(bulk("C", cubic=True) * (4, 4, 4), seed=seed) for seed in (1, 2)]
    shells = shells_of(cells, 4.0)
    assert shells.neighbours == {"C": [4]}
    whole, none = shells.within["C-C"]
    assert 1.55 < whole < none < 2.6
    assert shells.apart == {}


def test_two_kinds_of_surroundings():
    """Layers of graphite in one cell, diamond in the other."""
    layer = ase.Atoms("C4", cell=[2.46, 4.26, 3.4], pbc=True)
    layer.set_scaled_positions([[0, 0, 0], [0, 1 / 3, 0], [0.5, 0.5, 0], [0.5, 5 / 6, 0]])
    cells = [layer * (6, 4, 6), bulk("C", cubic=True) * (4, 4, 4)]
    assert shells_of([shaken(cell, 0.02) for cell in cells], 5.0).neighbours == {"C": [3, 4]}


@pytest.mark.parametrize(
    "atoms",
    [
        bulk("Cu", cubic=True),
        molecule("C60"),
        molecule("C6H6") * 1,
        # no shells: atoms anywhere
        ase.Atoms("Ar600", 20 * np.random.default_rng(0).random((600, 3)), cell=3 * [20], pbc=True),
    ],
)
def test_none_where_there_is_nothing_to_say(atoms):
    assert shells_of([atoms], 5.0) is None


def test_none_of_few_atoms(cristobalite):
    assert shells_of([cristobalite * (2, 2, 2)], 5.0) is None
