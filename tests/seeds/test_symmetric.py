"""Seeds with symmetry, and mixtures of kinds."""

import runpy
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import spglib
from ase.build import bulk
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.errors import UserError
from rm_lammps.geometry import pairs_of
from rm_lammps.seeds import ModelFacts, SeedConfig, SeedMaker
from rm_lammps.seeds.kinds.symmetric import SymmetricSeeds, symmetric_crystal
from rm_lammps.seeds.space_groups import cells_that_hold, fill, space_group_number, symbol
from rm_lammps.seeds.wyckoff import TABLES, crystal_system, letter_of, space_group_table

SALT = DatasetStatistics.of(
    [bulk("NaCl", "rocksalt", a=5.64), bulk("Na", "bcc", a=4.29)], cutoff=4.5
)

MODEL = ModelFacts(SALT.species, SALT)


def rng(seed):
    return np.random.default_rng(np.random.SeedSequence(0, spawn_key=(seed,)))


def space_group_of(cell, fractions, numbers):
    return spglib.get_symmetry_dataset((cell, fractions, numbers), symprec=1e-4).number


@pytest.mark.parametrize("number", [2, 5, 12, 14, 40, 62, 70, 88, 122, 148, 166, 194, 206, 225])
def test_general_positions_have_the_symmetry_of_their_group(number):
    table = space_group_table(number)
    draw = rng(number)
    a, b, c = 4.1, 5.3, 7.7
    cell = {
        "triclinic": [[a, 0, 0], [1.1, b, 0], [0.7, 1.3, c]],
        "monoclinic": [[a, 0, 0], [0, b, 0], [-1.1, 0, c]],
        "orthorhombic": np.diag([a, b, c]),
        "tetragonal": np.diag([a, a, c]),
        "trigonal": [[a, 0, 0], [-a / 2, a * 3**0.5 / 2, 0], [0, 0, c]],
        "hexagonal": [[a, 0, 0], [-a / 2, a * 3**0.5 / 2, 0], [0, 0, c]],
        "cubic": np.diag([b, b, b]),
    }[crystal_system(number)]
    # two orbits: one alone may happen to be more symmetric
    orbits = table.positions[0].orbit(draw.random((2, 3)))
    numbers = np.repeat([1, 2], table.positions[0].multiplicity)
    primitive = table.primitive @ np.asarray(cell)
    assert space_group_of(primitive, np.concatenate(orbits), numbers) == number


def test_tables_are_those_of_pyxtal():
    pytest.importorskip("pyxtal")
    script = Path(__file__).parents[2] / "scripts" / "wyckoff_tables.py"
    made = runpy.run_path(str(script))["tables"]()
    with np.load(TABLES) as shipped:
        assert set(shipped) == set(made)
        for name, table in made.items():
            np.testing.assert_array_equal(shipped[name], table)
    assert len(made["positions"]) == 230


def test_positions_hold_the_atoms_of_a_primitive_cell():
    rocksalt = space_group_table(225)
    assert rocksalt.centring == 4
    fixed = [p.multiplicity for p in rocksalt.positions if p.freedom == 0]
    assert sorted(fixed) == [1, 1, 2, 6]
    assert rocksalt.positions[0].multiplicity == 48
    assert rocksalt.reachable(2)
    assert not rocksalt.reachable(5)  # 1 + 1 + 2 is all that stands still


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), n_na=st.integers(1, 6), n_cl=st.integers(1, 6))
def test_symmetric_crystals_keep_what_they_promise(seed, n_na, n_cl):
    composition = {"Na": n_na, "Cl": n_cl}
    config = SymmetricSeeds(volume=(0.9, 1.3), min_distance=0.6)
    atoms = symmetric_crystal(composition, SALT, config, rng(seed))
    # few: most compositions find a space group, as the next test says
    assume(atoms is not None)
    assert atoms.get_chemical_symbols() == ["Na"] * n_na + ["Cl"] * n_cl
    assert 0.9 - 1e-9 <= atoms.get_volume() / SALT.volume(composition) <= 1.3 + 1e-9
    assert space_group_of(atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers) > 1
    symbols = np.array(atoms.get_chemical_symbols())
    i, j, d = pairs_of("ijd", atoms, 4.0)
    least = [0.6 * SALT.min_distance(a, b) for a, b in zip(symbols[i], symbols[j], strict=True)]
    assert (d >= np.array(least) - 1e-6).all()
    again = symmetric_crystal(composition, SALT, config, rng(seed))
    np.testing.assert_array_equal(again.positions, atoms.positions)


def test_most_compositions_find_a_space_group():
    found = [
        symmetric_crystal({"Na": 2, "Cl": 2}, SALT, SymmetricSeeds(), rng(k)) for k in range(20)
    ]
    assert sum(atoms is not None for atoms in found) >= 18
    groups = {
        space_group_of(a.cell.array, a.get_scaled_positions(), a.numbers)
        for a in found
        if a is not None
    }
    assert len(groups) > 5


def test_space_groups_of_the_training_data():
    config = SymmetricSeeds(space_groups="training")
    for k in range(5):
        atoms = symmetric_crystal({"Na": 1, "Cl": 1}, SALT, config, rng(k))
        # the training data is rocksalt and bcc
        assert space_group_of(atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers) in {
            *(221, 225, 229),
        }


def test_what_cannot_be_placed_becomes_random():
    crowded = SymmetricSeeds(volume=(0.1, 0.1), min_distance=1.0)
    config = SeedConfig(kind="symmetric", **crowded.model_dump())
    maker = SeedMaker(config, "Na8Cl8", None, model=MODEL)
    assert symmetric_crystal({"Na": 8, "Cl": 8}, SALT, crowded, rng(0)) is None
    assert len(maker.make(rng(0))) == 16


def test_models_of_many_elements_get_a_mixture():
    def groups(config, species):
        maker = SeedMaker(config, "Na4", None, model=ModelFacts(species, SALT))
        seeds = [maker.make(rng(k), k) for k in range(30)]
        return [space_group_of(a.cell.array, a.get_scaled_positions(), a.numbers) for a in seeds]

    with_symmetry = sum(number > 1 for number in groups(SeedConfig(), SALT.species))
    assert 8 < with_symmetry < 22
    assert set(groups(SeedConfig(), ["Na"])) == {1}
    only = SeedConfig(kind="mixture", weights={"symmetric": 1.0})
    assert min(groups(only, SALT.species)) > 1


def test_formula_units():
    maker = SeedMaker(SeedConfig(), "NaCl2", None, model=MODEL, units=(1, 4))
    assert maker.n_atoms == 12
    seeds = [maker.make(rng(k), k) for k in range(40)]
    assert {len(seed) for seed in seeds} == {3, 6, 9, 12}
    for seed in seeds:
        n = len(seed) // 3
        assert seed.info["formula"] == f"Na{n}Cl{2 * n}"
        assert Counter(seed.get_chemical_symbols()) == {"Na": n, "Cl": 2 * n}


@pytest.mark.parametrize(
    "fields",
    [
        {"weights": {"random": 0.0}},
        {"weights": {"random": 1.0, "symmetric": -1.0}},
        {"kind": "symmetric", "prototypes": "x.cif"},
        {"weights": {"random": 1.0}, "prototypes": "x.cif"},
    ],
)
def test_impossible_mixtures_are_refused(fields):
    with pytest.raises(ValidationError):
        SeedConfig(**fields)


def test_statistics_of_earlier_versions_still_load():
    fields = SALT.model_dump()
    assert fields["space_groups"] == {"225": 1, "229": 1}
    assert fields["stoichiometries"] == {"1": 1, "1-1": 1}
    assert fields["structures_per_element"] == {"Na": 2, "Cl": 1}
    for name in ("space_groups", "stoichiometries", "structures_per_element"):
        del fields[name]
    old = DatasetStatistics(**fields)
    config = SymmetricSeeds(space_groups="training")
    assert symmetric_crystal({"Na": 1, "Cl": 1}, old, config, rng(0)) is not None


def asked(formula, model=MODEL, **settings):
    return SeedMaker(SeedConfig(**settings), formula, None, model=model)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    number=st.integers(2, 230),
    n_na=st.integers(1, 8),
    n_cl=st.integers(1, 8),
)
def test_seeds_of_a_group_that_is_asked_for(seed, number, n_na, n_cl):
    """Each cell, primitive or conventional, holds the formula and has the group's operations."""
    formula = f"Na{n_na}Cl{n_cl}"
    cells = cells_that_hold(frozenset({number}), (n_na, n_cl))
    if not cells:
        with pytest.raises(UserError, match="Of highest symmetry and possible are"):
            asked(formula, space_group=number)
        return
    atoms = asked(formula, space_group=number, min_distance=0.5).make(rng(seed))
    assert atoms.get_chemical_symbols() == ["Na"] * n_na + ["Cl"] * n_cl
    assert atoms.info["seed_kind"] == "symmetric"
    assert atoms.info["wyckoff"].split()[0] == str(number)
    # whatever else two kinds of atoms bring, there are all operations of the group
    fractions = atoms.get_scaled_positions()
    found = spglib.get_symmetry((atoms.cell.array, fractions, atoms.numbers), symprec=1e-4)
    table = space_group_table(number)
    assert len(found["rotations"]) >= table.positions[0].multiplicity


def test_positions_that_hold_all_elements_at_once():
    """Two atoms of any element fit Fm-3m's a, b and c; two of each of three elements don't."""
    table = space_group_table(225)
    assert table.reachable(2)
    assert not cells_that_hold(frozenset({225}), (2, 2, 2))
    assert cells_that_hold(frozenset({225}), (4, 4)) == ((225, 4),)
    for k in range(20):
        sites = fill(table, [2, 1, 1], rng(k))
        letters = [letter_of(table, position) for _, position in sites]
        assert sorted(letters) == ["a", "b", "c"]


def test_names_of_space_groups():
    assert [space_group_number(n) for n in ("225", "Fm-3m", "f m -3 m", "P2_1/c", "P21/n")] == [
        *(225, 225, 225, 14, 14),
    ]
    assert {space_group_number(symbol(n)) for n in range(1, 231)} == set(range(1, 231))
    for name in ("0", "231", "Fm3x", ""):
        with pytest.raises(ValueError, match="is no space group"):
            space_group_number(name)


def test_conditions_are_joined():
    systems = SymmetricSeeds(crystal_system="cubic,hexagonal", min_symmetry=24).wanted
    assert {crystal_system(n) for n in systems} == {"cubic", "hexagonal"}
    assert 225 in systems
    assert 198 not in systems  # of order 12
    for wrong in ({"crystal_system": "kubisch"}, {"min_symmetry": 49}, {"space_group": "Fm3x"}):
        with pytest.raises(ValidationError):
            SymmetricSeeds(**wrong)


def test_only_multiples_that_fit_are_drawn():
    config = SeedConfig(space_group="P3_121")
    maker = SeedMaker(config, "NaCl2", None, model=MODEL, units=(1, 3))
    assert {len(maker.make(rng(k), k)) for k in range(5)} == {9}
