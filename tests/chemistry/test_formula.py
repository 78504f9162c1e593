"""Formulas are read right or refused with what is allowed."""

import pytest
from ase.data import chemical_symbols
from ase.formula import Formula
from hypothesis import given
from hypothesis import strategies as st

from rm_lammps.chemistry.formula import (
    MAX_ATOMS,
    count_atoms,
    formula_of,
    parse_formula,
    plain_formula,
    read_label,
)
from rm_lammps.errors import UserError

SYMBOLS = st.sampled_from(chemical_symbols[1:])
TERMS = st.lists(st.tuples(SYMBOLS, st.integers(1, 99)), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("formula", "counts"),
    [
        ("C8", {"C": 8}),
        ("SrO2 ", {"Sr": 1, "O": 2}),
        ("  Sr2 O4\t", {"Sr": 2, "O": 4}),
        ("Cl2Na", {"Cl": 2, "Na": 1}),
        ("CH3CH3", {"C": 2, "H": 6}),
        ("H₂O", {"H": 2, "O": 1}),
        ("Ca(OH)2", {"Ca": 1, "O": 2, "H": 2}),
        ("K4[Fe(CN)6]", {"K": 4, "Fe": 1, "C": 6, "N": 6}),
        ("CuSO4·5H2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("CaSO4 • 2 H2O", {"Ca": 1, "S": 1, "O": 6, "H": 4}),
    ],
)
def test_formulas_are_read(formula, counts):
    assert count_atoms(formula) == counts
    assert list(count_atoms(formula)) == list(counts)
    # what is stored is what ASE and everything after it reads the same way
    assert Formula(plain_formula(formula)).count() == counts


@pytest.mark.parametrize(
    ("formula", "why"),
    [
        ("", "0 atoms"),
        ("  ", "0 atoms"),
        ("Fe3+", "charges"),
        ("SrO2+", "charges"),
        ("Ca2+CO3", "charges"),
        ("O2-", "charges"),
        ("Fe³⁺", "charges"),
        ("NaCl+H2O", "sums"),
        ("8C", "before what it counts"),
        ("2C4", "before what it counts"),
        ("13CH4", "before what it counts"),
        ("D2O", "isotope"),
        ("Na0", "no number of atoms"),
        ("C01", "oxygen"),
        ("Sr0.5TiO3", "no number of atoms"),
        ("Sr1.5TiO3", "whole atoms"),
        ("CuSO4.5H2O", "hydrate's dot is ·"),
        ("CuSO4·", "empty"),
        ("na2", "no chemical symbol begins with"),
        ("SrTio3", "no chemical symbol begins with"),
        ("Xx2", "no chemical symbol"),
        ("X2", "no chemical symbol"),
        ("Ca(OH", "brackets"),
        ("Ca(OH]2", "brackets"),
        ("Ca)2", "brackets"),
        ("Ca()2", "brackets"),
        ("C8;", "doesn't belong"),
        ("C" + 5000 * "9", "atoms"),
        (f"C{MAX_ATOMS}H", "atoms"),
    ],
)
def test_what_is_no_formula_is_refused_with_what_is_allowed(formula, why):
    with pytest.raises(UserError, match=why) as error:
        count_atoms(formula)
    assert error.value.hint


@given(TERMS)
def test_counts_are_those_written(terms):
    counts = {}
    for symbol, n in terms:
        counts[symbol] = counts.get(symbol, 0) + n
    text = "".join(f"{symbol}{n}" for symbol, n in terms)
    assert count_atoms(text) == counts
    assert plain_formula(text) == text
    assert count_atoms(formula_of(counts)) == counts
    assert count_atoms(f"({text})3") == {symbol: 3 * n for symbol, n in counts.items()}


@given(st.text("CNaOHcl0123456789+-()[]·. ₂³\n", max_size=12))
def test_any_text_is_read_as_ase_reads_it_or_refused(text):
    try:
        counts = count_atoms(text)
    except UserError:
        return
    assert min(counts.values()) >= 1
    if text.isalnum() and text.isascii():
        assert counts == Formula(text).count()


def test_elements_outside_the_model():
    assert parse_formula("Na2Cl", ["Na", "Cl"]) == {"Na": 2, "Cl": 1}
    with pytest.raises(UserError, match="knows no Fe"):
        parse_formula("FeNa", ["Na", "Cl"])


@pytest.mark.parametrize(
    ("label", "symbol", "mass"),
    [
        ("Mg", "Mg", None),
        ("CL", "Cl", None),
        ("o", "O", None),
        ("26", "Fe", None),
        ("D", "H", 2.014),
        ("T", "H", 3.016),
        ("13C", "C", 13.0),
        ("Fe3+", "Fe", None),
        ("O-2", "O", None),
        ("Na+", "Na", None),
        ("D1+", "H", 2.014),
    ],
)
def test_labels_of_atoms(label, symbol, mass):
    found, isotope = read_label(label)
    assert found == symbol
    assert isotope == (None if mass is None else pytest.approx(mass, abs=1e-3))


@pytest.mark.parametrize("label", ["X", "Xx", "Vac", "", "0", "119", "Wat", "C1'", "Fe/Co", "-"])
def test_labels_of_nothing(label):
    with pytest.raises(ValueError, match="no chemical element"):
        read_label(label)
