"""Seeds from known structures: which, in which order, and how they travel with a model."""

import ase
import numpy as np
import pytest
import spglib
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Element

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.datasets.library import PrototypeLibrary
from rm_lammps.errors import UserError
from rm_lammps.geometry import repeated, supercell_matrix
from rm_lammps.seeds import ModelFacts, SeedConfig, SeedMaker
from rm_lammps.seeds.decoration import decorated
from rm_lammps.seeds.kinds.prototype import Prototypes
from rm_lammps.seeds.maker import KindOrder
from rm_lammps.seeds.votes import DECORATED_WEIGHT, REPEATED_WEIGHT

SALT, CESIUM = bulk("NaCl", "rocksalt", a=5.64), bulk("CsCl", "cesiumchloride", a=4.12)
PEROVSKITE = ase.Atoms(
    "BaTiO3",
    scaled_positions=[(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)],
    cell=3 * [4.0],
    pbc=True,
)
SALTS = [SALT, CESIUM, bulk("MgO", "rocksalt", a=4.2)]
KNOWN = [*SALTS, PEROVSKITE, bulk("Na", "bcc", a=4.29)]
STATISTICS = DatasetStatistics.of(KNOWN, cutoff=4.5)
KNOWING = DatasetStatistics.of([*KNOWN, bulk("NaBr", "rocksalt", a=5.97)], cutoff=4.5)


def rng(seed):
    return np.random.default_rng(seed)


def cell_of(atoms):
    return atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers


def space_group_of(atoms):
    return spglib.get_symmetry_dataset(cell_of(atoms), symprec=0.5).number


def vote(a, b):
    """Of one element for another, at Pettifor's places."""
    places = [Element(symbol).mendeleev_no for symbol in (a, b)]
    return 1 / (1 + abs(places[0] - places[1]))


@pytest.fixture
def prototypes():
    return Prototypes(PrototypeLibrary.of(KNOWN))


def test_a_library_comes_back_from_its_file(tmp_path):
    PrototypeLibrary.of(KNOWN).save(tmp_path / "prototypes.npz")
    library = PrototypeLibrary.load(tmp_path / "prototypes.npz")
    assert len(library) == len(KNOWN)
    for index, atoms in enumerate(KNOWN):
        other = library.atoms(index)
        assert other.get_chemical_symbols() == atoms.get_chemical_symbols()
        np.testing.assert_allclose(other.cell.array, atoms.cell.array, atol=1e-5)
        difference = other.get_scaled_positions() - atoms.get_scaled_positions()
        np.testing.assert_allclose(difference - np.rint(difference), 0, atol=1e-4)
    # both rock salts are of one type
    assert library.types[0] == library.types[2]
    assert len(set(library.types.tolist())) == 4


def test_a_damaged_library_is_refused(tmp_path):
    (tmp_path / "prototypes.npz").write_bytes(b"PK no archive")
    with pytest.raises(UserError, match="no library of prototypes"):
        PrototypeLibrary.load(tmp_path / "prototypes.npz")


def test_similar_elements_come_first_and_each_type_once(prototypes):
    salts = Prototypes(PrototypeLibrary.of(SALTS))
    first = salts.draw({"Na": 1, "Cl": 1}, STATISTICS, rng(0), 0)
    second = salts.draw({"Na": 1, "Cl": 1}, STATISTICS, rng(0), 1)
    assert [space_group_of(atoms) for atoms in (first, second)] == [225, 221]
    again = salts.draw({"Na": 1, "Cl": 1}, STATISTICS, rng(0), 2)
    assert space_group_of(again) == 225
    assert salts.draw({"Na": 1, "Cl": 2}, STATISTICS, rng(0)) is None


def test_a_known_structure_keeps_its_symmetry_until_its_turn_comes_again(prototypes):
    count = len(prototypes.votes.candidates((("Na", 1), ("Cl", 1))))
    first, again = (
        prototypes.draw({"Na": 1, "Cl": 1}, STATISTICS, rng(0), number) for number in (0, count)
    )
    exact = [spglib.get_symmetry_dataset(cell_of(a), symprec=1e-3).number for a in (first, again)]
    assert exact == [225, 1]


def test_the_type_with_most_votes_comes_first():
    def first(*others):
        known = [SALT, *(bulk(f"{metal}Br", "cesiumchloride", a=4.3) for metal in others)]
        return Prototypes(PrototypeLibrary.of(known)).draw({"Na": 1, "Br": 1}, KNOWING, rng(0))

    # NaCl is the most similar, but several others are nearly as much so
    assert space_group_of(first("Rb")) == 225
    assert space_group_of(first("Rb", "Li", "K")) == 221


def test_shares_of_all_types_are_one():
    salts = Prototypes(PrototypeLibrary.of(SALTS))
    types = [salts.draw({"Na": 1, "Cl": 1}, STATISTICS, rng(0), n) for n in range(2)]
    shares = [atoms.info["prototype_share"] for atoms in types]
    assert sum(shares) == pytest.approx(1)
    # NaCl's own vote is 1, and MgO has its type
    oxide, cesium = vote("Mg", "Na") * vote("O", "Cl"), vote("Cs", "Na")
    assert shares[0] == pytest.approx((1 + oxide) / (1 + oxide + cesium))


def test_elements_take_the_places_of_similar_ones(prototypes):
    # K is like Ba, Mg like Ti, whatever their order in the formula
    for composition in ({"K": 1, "Mg": 1, "O": 3}, {"Mg": 1, "K": 1, "O": 3}):
        known = DatasetStatistics.of([*KNOWN, bulk("K", "bcc", a=5.3)], cutoff=4.5)
        seed = prototypes.draw(composition, known, rng(0))
        assert seed.get_chemical_symbols() == [s for s, n in composition.items() for _ in range(n)]
        distances = seed.get_all_distances(mic=True)
        oxygen = seed.numbers == 8
        to_oxygen = {s: distances[seed.symbols == s][0][oxygen].mean() for s in ("K", "Mg")}
        assert to_oxygen["K"] > 1.2 * to_oxygen["Mg"]


@given(st.integers(0, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_volumes_follow_the_elements(number, seed):
    """At every turn, perturbed or not, whichever structure it is."""
    drawn = Prototypes(PrototypeLibrary.of(KNOWN)).draw(
        {"Na": 1, "Cl": 1}, STATISTICS, rng(seed), number
    )
    assert drawn.get_volume() == pytest.approx(SALT.get_volume(), rel=0.3)


def test_kinds_take_turns():
    order = KindOrder({"prototype": 2.0, "symmetric": 1.0, "random": 1.0}, {})
    turns = [order[number] for number in range(40)]
    for length in (4, 8, 20, 40):
        kinds = [kind for kind, _ in turns[:length]]
        assert kinds.count("prototype") == length / 2
        assert kinds.count("random") == length / 4
    assert [turn for kind, turn in turns if kind == "prototype"] == list(range(20))
    assert order[3] == turns[3]


@given(st.integers(0, 12), st.integers(0, 100))
def test_some_kinds_come_first(number, seed):
    order = KindOrder({"prototype": 1.0, "random": 1.0}, {"prototype": number})
    kinds = [order[k][0] for k in range(seed + 1)]
    assert kinds[:number] == ["prototype"] * min(number, seed + 1)
    kind, turn = order[seed]
    # no seed of a kind is drawn twice, and none is left out
    assert turn == kinds[:-1].count(kind)


def test_seeds_say_of_which_kind_they_are():
    library = PrototypeLibrary.of(KNOWN)

    def kinds(config, library, formula="BaTiO3"):
        model = ModelFacts(STATISTICS.species, STATISTICS, library)
        maker = SeedMaker(config, formula, None, model=model)
        return {maker.make(rng(number), number).info["seed_kind"] for number in range(24)}

    assert kinds(SeedConfig(), library) == {"prototype", "learned_symmetry", "symmetric", "random"}
    assert kinds(SeedConfig(), None) == {"symmetric", "random"}
    first = SeedConfig(first={"learned_symmetry": 24})
    assert kinds(first, library) == {"learned_symmetry"}
    with pytest.raises(UserError, match="are to come first, and are not in the mixture"):
        kinds(SeedConfig(first={"prototype": 1}, weights={"random": 1.0}), library)
    only = SeedConfig(kind="prototype")
    # CsCl's places shared by two elements; no structure of that stoichiometry
    assert kinds(only, library, "Cs2BaCl3") == {"decorated"}
    assert kinds(only, library, "Cs2Cl5") == {"random"}
    for nothing_else in (only, SeedConfig(kind="mixture", weights={"prototype": 1.0})):
        with pytest.raises(UserError, match="carries no prototypes"):
            kinds(nothing_else, None)


def test_a_file_of_prototypes(tmp_path):
    CESIUM.write(tmp_path / "prototypes.cif")
    seed = Prototypes.read(tmp_path / "prototypes.cif").draw({"Na": 1, "Cl": 1}, STATISTICS, rng(0))
    assert space_group_of(seed) == 221
    ase.Atoms("CO", positions=[(0, 0, 0), (0, 0, 1.1)]).write(tmp_path / "molecule.extxyz")
    with pytest.raises(UserError, match="has no cell: a molecule"):
        Prototypes.read(tmp_path / "molecule.extxyz")


def test_structures_of_a_file_come_before_those_of_the_model(tmp_path):
    CESIUM.write(tmp_path / "prototypes.cif")
    config = SeedConfig(kind="prototype", prototypes=tmp_path / "prototypes.cif")
    library = PrototypeLibrary.of([SALT])

    def groups(library, number):
        model = ModelFacts(STATISTICS.species, STATISTICS, library)
        maker = SeedMaker(config, "MgO", None, model=model)
        seeds = [maker.make(rng(k), k) for k in range(number)]
        assert [seed.info["prototype"] for seed in seeds] == list(range(number))
        return [space_group_of(seed) for seed in seeds]

    assert groups(library, 2) == [221, 225]
    assert groups(None, 1) == [221]


def test_ordered_variants_of_simpler_crystals():
    for number in range(8):
        layered = decorated(SALT, {"Na": 1, "Cs": 1, "Cl": 2}, [11, 11, 17], 2, rng(number))
        assert layered.get_chemical_symbols() == ["Na", "Cs", "Cl", "Cl"]
        assert len(spglib.find_primitive(cell_of(layered))[2]) == 4
        layered.symbols = ["Na", "Na", "Cl", "Cl"]
        assert space_group_of(layered) == 225


def test_crystals_of_the_same_stoichiometry_come_before_those_whose_sites_are_shared(prototypes):
    drawn = [prototypes.draw({"Na": 1, "Cl": 1}, STATISTICS, rng(n), n) for n in range(10)]
    kinds = [atoms.info["seed_kind"] for atoms in drawn]
    assert kinds == 2 * ["prototype"] + 8 * ["decorated"]
    shares = [atoms.info["prototype_share"] for atoms in drawn]
    assert sum(shares[:3]) == pytest.approx(1)
    assert set(shares[2:]) == {min(shares)}
    # sodium's places for both
    shared = DECORATED_WEIGHT * vote("Na", "Cl")
    assert shares[2] / shares[0] == pytest.approx(shared, rel=0.1)


def test_a_known_structure_fills_a_larger_cell():
    salts = Prototypes(PrototypeLibrary.of(SALTS))
    first, second = (salts.draw({"Na": 4, "Cl": 4}, STATISTICS, rng(0), n) for n in range(2))
    assert [space_group_of(atoms) for atoms in (first, second)] == [225, 221]
    assert first.get_chemical_symbols() == 4 * ["Na"] + 4 * ["Cl"]
    assert first.info["seed_kind"] == "prototype"
    # the conventional cell is the most compact one
    assert first.cell.cellpar() == pytest.approx(3 * [5.64] + 3 * [90], rel=0.01)
    # a structure with the cell's own numbers of atoms counts more
    layered = ase.Atoms("Cs2Cl2", cell=[4.1, 4.1, 9.0], pbc=True)
    layered.set_scaled_positions([(0, 0, 0.1), (0, 0, 0.6), (0.5, 0.5, 0.3), (0.5, 0.5, 0.9)])
    both = Prototypes(PrototypeLibrary.of([*SALTS, layered]))
    drawn = [both.draw({"Na": 2, "Cl": 2}, STATISTICS, rng(0), n) for n in range(3)]
    share = {space_group_of(atoms): atoms.info["prototype_share"] for atoms in drawn}
    (own,) = set(share) - {225, 221}
    assert share[221] / share[own] == pytest.approx(REPEATED_WEIGHT)


@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
@settings(max_examples=30, deadline=None)
def test_repeated_structures_are_the_same_crystal(seed, cells):
    atoms = repeated(PEROVSKITE, cells, rng(seed))
    assert len(atoms) == 5 * cells
    assert len(spglib.find_primitive(cell_of(atoms))[2]) == 5
    assert space_group_of(atoms) == 221


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_decorations_hold_what_was_asked_for(seed, cells):
    composition = {"K": cells, "Mg": cells, "O": 3 * cells - 1, "F": 1}
    atoms = decorated(PEROVSKITE, composition, [56, 22, 8, 8], cells, rng(seed))
    assert atoms.symbols.formula.count() == composition
    assert atoms.get_volume() == pytest.approx(cells * PEROVSKITE.get_volume())
    # atoms stay on sites of the known structure
    fractional = atoms.positions @ np.linalg.inv(PEROVSKITE.cell.array)
    np.testing.assert_allclose(2 * fractional, np.rint(2 * fractional), atol=1e-6)
    assert np.min(atoms.get_all_distances(mic=True) + 9 * np.eye(len(atoms))) > 1.9


def test_supercells_are_all_different_and_as_many_as_there_are():
    for cells, number in ((1, 1), (2, 7), (3, 13), (4, 35)):
        found = {supercell_matrix(cells, rng(k)).tobytes() for k in range(60 * number)}
        assert len(found) == number
