"""Valences that a geometry leaves unused."""

import ase
import numpy as np
import pytest
from ase.build import molecule
from ase.collections import g2

from rm_lammps.chemistry.valences import valence_faults


@pytest.mark.parametrize(
    "name",
    ["CH4", "H2O", "C2H2", "C2H4", "C6H6", "HCN", "CO2", "H2CO", "C4H4O", "C5H5N", "CH3SCH3"],
)
def test_molecules_have_none(name):
    atoms = molecule(name)
    order = np.random.default_rng(1).permutation(len(atoms))
    assert valence_faults(atoms[order]).number == 0


def test_sulfur_takes_more_valences_with_more_neighbours():
    sulfoxide = molecule("C2H6SO")
    assert valence_faults(sulfoxide).number == 0


def test_a_missing_hydrogen_leaves_a_free_valence():
    ethane = molecule("C2H6")
    faults = valence_faults(ethane[[0, 1, 3, 4, 5, 6, 7]])
    assert faults.free.tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert faults.excess.sum() == 0


def test_two_free_valences_meet_in_a_double_bond_or_stay_apart():
    ethene = molecule("C2H4")
    assert valence_faults(ethene).number == 0
    propane = molecule("C3H8")
    carbons = [a.index for a in propane if a.symbol == "C"]
    ends = [c for c in carbons if np.sum(valence_faults(propane).bonds[c, carbons]) == 1]
    removed = [
        next(a.index for a in propane if a.symbol == "H" and propane.get_distance(a.index, c) < 1.2)
        for c in ends
    ]
    biradical = propane[[k for k in range(len(propane)) if k not in removed]]
    assert valence_faults(biradical).number == 2


def test_a_fifth_neighbour_is_one_too_many():
    methane = molecule("CH4")
    crowded = methane + ase.Atoms("H", methane.positions[:1] + np.array([0, 0, 1.1]))
    faults = valence_faults(crowded)
    assert faults.excess[0] == 1


def test_elements_without_a_known_valence_are_satisfied():
    assert valence_faults(ase.Atoms("Fe")).number == 0


def test_closed_shells_of_a_known_set_are_told_from_radicals():
    molecules = [g2[name] for name in g2.names if set(g2[name].symbols) <= set("HCNOFS")]
    closed = [m for m in molecules if len(m) > 1 and not m.get_initial_magnetic_moments().any()]
    radicals = [m for m in molecules if len(m) > 1 and m.get_initial_magnetic_moments().any()]
    assert len(closed) > 40
    assert len(radicals) > 10
    # the rest are drawn with charges: carbon monoxide, ozone, nitro groups
    assert sum(valence_faults(m).number == 0 for m in closed) > 0.85 * len(closed)
    assert sum(valence_faults(m).number > 0 for m in radicals) > 0.85 * len(radicals)


@pytest.mark.parametrize(
    ("name", "length", "free"),
    [("C2H4", 1.34, 0), ("C2H4", 1.56, 2), ("C2H2", 1.21, 0), ("C2H2", 1.45, 2)],
)
def test_a_bond_too_long_for_its_order_leaves_valences_free(name, length, free):
    atoms = molecule(name)
    carbon = atoms.symbols == "C"
    half = (length - atoms.get_distance(*np.flatnonzero(carbon))) / 2
    axis = np.diff(atoms.positions[carbon], axis=0)[0]
    atoms.positions += np.sign(atoms.positions @ axis)[:, None] * half * axis / np.linalg.norm(axis)
    assert valence_faults(atoms).free.sum() == free
