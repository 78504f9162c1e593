"""Seeds with the symmetry that known crystals say a composition has."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
import spglib
from ase.build import bulk
from ase.spacegroup import crystal
from hypothesis import given, settings
from hypothesis import strategies as st

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.datasets.library import PrototypeLibrary
from rm_lammps.errors import UserError
from rm_lammps.seeds import ModelFacts, SeedConfig, SeedMaker
from rm_lammps.seeds.symmetry_prior import SymmetryPrior, draw_set, sums_of_weights
from rm_lammps.seeds.wyckoff import by_letter, space_group_table

SALT = bulk("NaCl", "rocksalt", a=5.64)
CESIUM = bulk("CsCl", "cesiumchloride", a=4.12)
PEROVSKITE = crystal(
    ("Sr", "Ti", "O"),
    [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)],
    spacegroup=221,
    cellpar=[3.905, 3.905, 3.905, 90, 90, 90],
)
RUTILE = crystal(
    ("Ti", "O"),
    [(0, 0, 0), (0.305, 0.305, 0)],
    spacegroup=136,
    cellpar=[4.59, 4.59, 2.96, 90, 90, 90],
)
SODIUM = bulk("Na", "bcc", a=4.2)
KNOWN = [SALT, bulk("KCl", "rocksalt", a=6.29), CESIUM, PEROVSKITE, RUTILE, SODIUM]
STATISTICS = DatasetStatistics.of(KNOWN, cutoff=5.0)
LIBRARY = PrototypeLibrary.of(KNOWN)
MODEL = ModelFacts(STATISTICS.species, STATISTICS, LIBRARY)


def group_of(atoms):
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    return spglib.get_symmetry_dataset(cell, symprec=0.01).number


def test_the_library_knows_groups_letters_and_cells(tmp_path):
    assert LIBRARY.groups.tolist() == [225, 225, 221, 221, 136, 229]
    # which of the two is at the origin is spglib's choice
    assert {"".join(sorted(letters)) for letters in LIBRARY.letters[:2]} == {" ab"}
    # elements in order of atomic number: O, Ti, Sr
    assert sorted(LIBRARY.letters[3].split()) in (["a", "b", "c"], ["a", "b", "d"])
    np.testing.assert_allclose(LIBRARY.lattices[4], [4.59, 4.59, 2.96, 90, 90, 90], atol=1e-3)
    LIBRARY.save(tmp_path / "library.npz")
    again = PrototypeLibrary.load(tmp_path / "library.npz")
    assert again.letters.tolist() == LIBRARY.letters.tolist()
    np.testing.assert_array_equal(again.groups, LIBRARY.groups)


def test_supercells_say_nothing():
    assert PrototypeLibrary.of([SALT.repeat((2, 1, 1))]).groups.tolist() == [0]


@given(st.sampled_from([2, 12, 62, 123, 194, 225]), st.integers(1, 8), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_sums_are_those_of_all_sets(group, n, seed):
    table = by_letter(space_group_table(group))
    rng = np.random.default_rng(seed)
    letters = rng.choice(list(table), size=min(4, len(table)), replace=False).tolist()
    weights = {letter: float(rng.uniform(0.1, 2)) for letter in letters}
    most = [
        1 if table[letter].freedom == 0 else n // table[letter].multiplicity for letter in letters
    ]
    total = 0.0
    for times in product(*(range(m + 1) for m in most)):
        if sum(k * table[x].multiplicity for k, x in zip(times, letters, strict=True)) == n:
            total += np.prod([weights[x] ** k for k, x in zip(times, letters, strict=True)])
    assert sums_of_weights(table, weights, n)[-1][n] == pytest.approx(total)
    drawn = draw_set(table, weights, n, rng)
    assert (drawn is None) == (total == 0)
    if drawn is not None:
        assert sum(table[letter].multiplicity for letter in drawn) == n


def test_draws_follow_the_probabilities():
    prior = SymmetryPrior(LIBRARY)
    composition = {"Na": 1, "Br": 1}
    rng = np.random.default_rng(0)
    drawn = Counter(prior.draw(composition, rng) for _ in range(4000))
    template, number = drawn.most_common(1)[0]
    assert template[0] == 225
    assert number / 4000 == pytest.approx(prior.probability(composition, template), abs=0.03)
    assert prior.probability(composition, template) > 10 * prior.probability(
        composition, (216, ("a", "c"))
    )
    # what no crystal shows is possible too
    assert prior.probability(composition, (216, ("a", "c"))) > 0


def test_similar_elements_take_similar_positions():
    prior = SymmetryPrior(LIBRARY)
    rng = np.random.default_rng(1)
    drawn = Counter(prior.draw({"O": 3, "Ba": 1, "Ti": 1}, rng) for _ in range(300))
    (group, letters), _ = drawn.most_common(1)[0]
    assert group == 221
    known = dict(zip((8, 22, 38), LIBRARY.letters[3].split(), strict=True))
    assert letters == (known[8], known[38], known[22])


@pytest.mark.parametrize("formula", ["Ba1Ti1O3", "Na1Br1", "Sn2O4", "Na2Ti1O3"])
def test_seeds_have_the_symmetry_they_say(formula):
    statistics = STATISTICS.model_copy(
        update={
            "species": [*STATISTICS.species, "Ba", "Br", "Sn"],
            "volume_per_element": {**STATISTICS.volume_per_element, "Ba": 30, "Br": 30, "Sn": 25},
        }
    )
    model = ModelFacts(statistics.species, statistics, LIBRARY)
    maker = SeedMaker(SeedConfig(kind="learned_symmetry"), formula, None, model=model)
    kinds = Counter()
    for number in range(12):
        atoms = maker.make(np.random.default_rng(number), number)
        kinds[atoms.info["seed_kind"]] += 1
        assert len(atoms) == sum(maker._contents[0].composition.values())
        if atoms.info["seed_kind"] == "learned_symmetry":
            group = int(atoms.info["wyckoff"].split()[0])
            assert group_of(atoms) >= 1
            if group > 1:
                # random places may have more symmetry than asked for, never less
                assert _is_subgroup(group, atoms)
            assert 0 < atoms.info["prior"] <= 1
    assert kinds["learned_symmetry"] > 6


def _is_subgroup(group, atoms):
    """Whether a crystal has as many operations as the space group has in a primitive cell."""
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    found = spglib.get_symmetry(cell, symprec=0.01)
    return len(found["rotations"]) >= space_group_table(group).positions[0].multiplicity


def test_models_without_symmetry_are_refused():
    bare = PrototypeLibrary.of([SALT])
    bare.groups = np.zeros(1, dtype=np.uint8)
    model = ModelFacts(STATISTICS.species, STATISTICS, bare)
    with pytest.raises(UserError, match="learned_symmetry"):
        SeedMaker(SeedConfig(kind="learned_symmetry"), "NaCl", None, model=model)


@pytest.mark.parametrize(("formula", "number"), [("Na4Cl4", 225), ("SrTiO3", 221), ("Na2", 229)])
def test_space_groups_that_are_asked_for(formula, number):
    config = SeedConfig(kind="learned_symmetry", space_group=number)
    maker = SeedMaker(config, formula, None, model=MODEL)
    seeds = [maker.make(np.random.default_rng(k), k) for k in range(10)]
    assert {group_of(seed) for seed in seeds} == {number}
    assert any(seed.info["seed_kind"] == "learned_symmetry" for seed in seeds)


def test_the_prior_of_some_groups_is_the_whole_one_restricted():
    whole = SymmetryPrior(LIBRARY)
    part = SymmetryPrior(LIBRARY, groups=frozenset({221, 225}))
    composition = {"Na": 1, "Cl": 1}
    drawn = [part.draw(composition, np.random.default_rng(k)) for k in range(200)]
    assert {template[0] for template in drawn if template} == {221, 225}
    likely = Counter(template for template in drawn if template).most_common(1)[0][0]
    assert whole.probability(composition, likely) < part.probability(composition, likely)
