"""Seeds inside a host."""

import ase
import numpy as np
import pytest
from ase.build import bulk
from ase.constraints import FixAtoms
from ase.io import write
from hypothesis import given, settings
from hypothesis import strategies as st

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.errors import UserError
from rm_lammps.geometry import pairs_of
from rm_lammps.seeds import ModelFacts, SeedConfig, SeedMaker
from rm_lammps.seeds.selection import select, within

SALT = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
STATISTICS = DatasetStatistics.of([SALT, bulk("Li", "bcc", a=3.5)], cutoff=4.5)
MODEL = ModelFacts(STATISTICS.species, STATISTICS)


@pytest.fixture(scope="module")
def salt(tmp_path_factory):
    tagged = SALT.copy()
    tagged.set_tags([1] * 4 + [2] * 4)
    path = tmp_path_factory.mktemp("hosts") / "salt.extxyz"
    write(path, tagged)
    return path


def maker(host, formula="Li2", **fields):
    return SeedMaker(SeedConfig(host=str(host), **fields), formula, None, model=MODEL)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_host_is_there_as_it_is_and_the_rest_apart(seed, salt):
    atoms = maker(salt, min_distance=0.5).make(np.random.default_rng(seed))
    np.testing.assert_array_equal(atoms.numbers[:8], SALT.numbers)
    np.testing.assert_allclose(atoms.positions[:8], SALT.positions, atol=1e-7)
    np.testing.assert_allclose(atoms.cell.array, SALT.cell.array, atol=1e-7)
    assert atoms.get_chemical_symbols()[8:] == ["Li", "Li"]
    assert atoms.info == {"formula": "Li2", "seed_kind": "inside", "host_atoms": 8}
    (held,) = atoms.constraints
    assert isinstance(held, FixAtoms)
    assert held.index.tolist() == list(range(8))
    symbols = np.array(atoms.get_chemical_symbols())
    i, j, d = pairs_of("ijd", atoms, 4.0)
    new = (i >= 8) | (j >= 8)
    least = [
        0.4 * STATISTICS.min_distance(a, b) for a, b in zip(symbols[i], symbols[j], strict=True)
    ]
    assert (d >= np.array(least))[new].all()
    again = maker(salt, min_distance=0.5).make(np.random.default_rng(seed))
    np.testing.assert_array_equal(again.positions, atoms.positions)


def test_regions_and_vacancies(salt):
    for k in range(5):
        atoms = maker(salt, where="z=1:2,x<3", remove="0,Cl", fix="tag=1").make(
            np.random.default_rng(k)
        )
        assert atoms.get_chemical_symbols() == ["Na"] * 3 + ["Li"] * 2
        assert (np.abs(atoms.positions[3:, 2] - 1.5) <= 0.5).all()
        assert (atoms.positions[3:, 0] < 3).all()
    assert not maker(salt, fix="none").make(np.random.default_rng(0)).constraints


def test_selections():
    atoms = ase.Atoms("NaClNaCl", [[0, 0, z] for z in range(4)])
    atoms.set_tags([0, 0, 7, 7])
    chosen = {
        "all": [0, 1, 2, 3],
        "none": [],
        "Cl": [1, 3],
        "1": [1],
        "1-2": [1, 2],
        "tag=7": [2, 3],
        "z<2": [0, 1],
        "z>2": [3],
        "z=1:2": [1, 2],
        "Na,3": [0, 2, 3],
    }
    for words, numbers in chosen.items():
        assert np.flatnonzero(select(words.split(","), atoms)).tolist() == numbers
    assert within(["z>0", "z<3"], atoms.positions).tolist() == [False, True, True, False]
    for wrong in ("K", "9", "tag=3", "z<<2", "z>9", "w=1:2"):
        with pytest.raises(UserError, match="Allowed are all, none"):
            select([wrong], atoms)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"where": "z>80"}, "There is no room for atoms where z>80"),
        ({"fix": "K"}, "'K' names no atom of the host"),
        ({"host": "no.cif"}, "No such data file"),
    ],
)
def test_refusals(fields, message, salt):
    with pytest.raises(UserError, match=message):
        maker(**{"host": salt, **fields})


def test_hosts_that_can_not_be(salt, tmp_path):
    close = SALT.copy()
    close.positions[1] = close.positions[0] + [1.1, 0, 0]
    write(tmp_path / "close.extxyz", close)
    with pytest.raises(UserError, match=r"Atoms 0 \(Na\) and 1 .* 1.10 Å apart"):
        maker(tmp_path / "close.extxyz")
    unknown = SALT.copy()
    unknown.symbols[0] = "Og"
    write(tmp_path / "unknown.extxyz", unknown)
    with pytest.raises(UserError, match="The model knows no Og"):
        maker(tmp_path / "unknown.extxyz")
    write(tmp_path / "two.extxyz", [SALT, SALT])
    with pytest.raises(UserError, match="holds 2 structures; a host is one"):
        maker(tmp_path / "two.extxyz")
    with pytest.raises(ValueError, match="seeds of kind random have no setting 'host'"):
        SeedConfig(kind="random", host=str(salt))
