"""Hydrogens by valence."""

import numpy as np
import pytest
from ase.build import molecule
from ase.formula import Formula
from hypothesis import given, settings
from hypothesis import strategies as st

from rm_lammps.chemistry.composition import check_hydrogens, unsaturation
from rm_lammps.datasets import DatasetStatistics
from rm_lammps.errors import UserError
from rm_lammps.seeds.hydrogens import draw_hydrogens

STATISTICS = DatasetStatistics.of(
    [molecule(n) for n in ("CH4", "C2H6", "C2H4", "CH3OH", "C6H6", "C5H5N", "C4H4S")], cutoff=4.5
)


@pytest.mark.parametrize(
    ("formula", "degree"),
    [("CH4", 0), ("C2H4", 1), ("C2H2", 2), ("C6H6", 4), ("C5H5N", 4), ("C2H6O", 0), ("CF4", 0)],
)
def test_unsaturation(formula, degree):
    assert unsaturation(Formula(formula).count()) == degree


def test_unknown_valences_are_not_judged():
    assert unsaturation({"Fe": 1, "H": 9}) is None
    check_hydrogens("FeH9", {"Fe": 1, "H": 9})


@pytest.mark.parametrize("formula", ["CH5", "C2H5", "C5H8NO", "CH6", "H3", "F3"])
def test_impossible_formulas_are_refused(formula):
    with pytest.raises(UserError):
        check_hydrogens(formula, Formula(formula).count())


@given(st.integers(1, 9), st.integers(0, 3), st.integers(0, 3), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_drawn_hydrogens_are_possible(carbons, nitrogens, oxygens, seed):
    parts = {"C": carbons, "N": nitrogens, "O": oxygens}
    heavy = "".join(f"{symbol}{n}" for symbol, n in parts.items() if n)
    for formula in draw_hydrogens(heavy, 5, STATISTICS, np.random.default_rng(seed)):
        atoms = Formula(formula).count()
        check_hydrogens(formula, atoms)
        assert {s: n for s, n in atoms.items() if s != "H"} == {s: n for s, n in parts.items() if n}


@pytest.mark.parametrize("heavy", ["C5H2", "Xx", "C2Cl", ""])
def test_bad_heavy_atoms_are_refused(heavy):
    with pytest.raises(UserError):
        draw_hydrogens(heavy, 1, STATISTICS, np.random.default_rng(0))
