import ase.io
import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.errors import UserError
from rm_lammps.geometry import pairs_within
from rm_lammps.seeds import ModelFacts, SeedConfig, SeedMaker
from rm_lammps.seeds.kinds.prototype import Prototypes
from rm_lammps.seeds.kinds.random import RandomSeeds, random_crystal

SALT = DatasetStatistics.of(
    [bulk("NaCl", "rocksalt", a=5.64), bulk("Na", "bcc", a=4.29)], cutoff=4.5
)
MODEL = ModelFacts(SALT.species, SALT)


def rng(seed):
    return np.random.default_rng(np.random.SeedSequence(0, spawn_key=(seed,)))


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_random_crystals_keep_what_they_promise(seed, n_na, n_cl):
    config = RandomSeeds(volume=(0.8, 1.5), min_distance=0.5)
    composition = {"Na": n_na, "Cl": n_cl}
    atoms = random_crystal(composition, SALT, config, rng(seed))
    assert atoms.get_chemical_symbols() == ["Na"] * n_na + ["Cl"] * n_cl
    assert 0.8 - 1e-9 <= atoms.get_volume() / SALT.volume(composition) <= 1.5 + 1e-9
    lengths, angles = atoms.cell.lengths(), atoms.cell.angles()
    assert lengths.max() / lengths.min() <= config.aspect + 1e-9
    assert angles.min() >= 60 - 1e-9
    assert angles.max() <= 120 + 1e-9
    assert np.linalg.det(atoms.cell.array) > 0
    np.testing.assert_allclose(atoms.cell.array, atoms.cell.standard_form()[0].array, atol=1e-9)
    assert (atoms.get_scaled_positions(wrap=False) >= 0).all()


def test_atoms_keep_their_distance():
    for seed in range(20):
        atoms = random_crystal({"Na": 4, "Cl": 4}, SALT, RandomSeeds(min_distance=0.6), rng(seed))
        symbols = np.array(atoms.get_chemical_symbols())
        i, j, d = pairs_within("ijd", atoms.positions, atoms.cell.array, pbc=atoms.pbc, cutoff=4.0)
        different = i != j
        for a, b, distance in zip(symbols[i], symbols[j], d, strict=True):
            if a != b:
                assert distance >= 0.6 * SALT.min_distance("Na", "Cl") - 1e-9
        assert different.any()


def test_same_seed_same_crystal():
    first, second = (random_crystal({"Na": 2}, SALT, RandomSeeds(), rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first.positions, second.positions)
    other = random_crystal({"Na": 2}, SALT, RandomSeeds(), rng(8))
    assert not np.allclose(first.positions, other.positions)


def test_crowded_cells_still_get_all_atoms():
    crowded = RandomSeeds(volume=(0.2, 0.2), min_distance=1.0)
    assert len(random_crystal({"Na": 16}, SALT, crowded, rng(0))) == 16


def test_no_volume_is_refused():
    squeezed = SALT.model_copy(update={"volume_per_element": {"Na": 0.0, "Cl": 0.0}})
    with pytest.raises(UserError, match="volume"):
        random_crystal({"Na": 1}, squeezed, RandomSeeds(), rng(0))


@pytest.mark.parametrize(
    "fields", [{"volume": (1.2, 0.8)}, {"volume": (0, 1)}, {"angle": (10, 90)}, {"aspect": 0.5}]
)
def test_impossible_settings_are_refused(fields):
    with pytest.raises(ValidationError):
        SeedConfig(**fields)


def maker(config=None, formula="NaCl", n_atoms=None):
    return SeedMaker(config or SeedConfig(), formula, n_atoms, model=MODEL)


def test_formulas_are_repeated_to_a_number_of_atoms():
    large = maker(formula="Na2Cl", n_atoms=300)
    assert large.formula == "Na200Cl100"
    assert large.make(rng(0)).symbols.formula.count() == {"Na": 200, "Cl": 100}
    with pytest.raises(UserError, match="--atoms 999"):
        maker(formula="Na2Cl", n_atoms=1000)


def test_too_many_formula_units_are_refused():
    with pytest.raises(UserError, match="formula units of 'NaCl' have"):
        SeedMaker(
            SeedConfig(), "NaCl", None, model=ModelFacts(SALT.species, SALT), units=(1, 10**9)
        )


def test_large_cells_keep_their_distances():
    config = RandomSeeds(volume=(1.0, 1.0), min_distance=0.6)
    atoms = random_crystal({"Na": 700, "Cl": 700}, SALT, config, rng(1))
    i, j, d = pairs_within("ijd", atoms.positions, atoms.cell.array, pbc=atoms.pbc, cutoff=3.0)
    symbols = np.array(atoms.get_chemical_symbols())
    assert d[symbols[i] != symbols[j]].min() > 0.6 * 0.95 * SALT.min_distance("Na", "Cl") - 1e-9


def test_perturbed_seeds(tmp_path):
    salt = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    salt.write(tmp_path / "salt.cif")
    fields = {"kind": "perturbed", "structure": tmp_path / "salt.cif", "displacement": 0.1}
    config = SeedConfig(**fields, strain=0.0)
    seed = maker(config, n_atoms=64).make(rng(0))
    assert len(seed) == 64
    np.testing.assert_allclose(seed.cell.lengths(), [11.28, 11.28, 11.28])
    moved = np.linalg.norm(seed.positions - salt.repeat(2).positions, axis=1)
    assert 0.05 < moved.mean() < 0.4
    with pytest.raises(UserError, match="no multiple of the 8"):
        maker(config, n_atoms=60)
    with pytest.raises(UserError, match="the formula is Na2Cl"):
        maker(config, formula="Na2Cl")
    with pytest.raises(ValidationError):
        SeedConfig(kind="perturbed")


@pytest.mark.parametrize("kind", ["structure", "prototypes"])
def test_left_handed_cells_give_right_handed_seeds(tmp_path, kind):
    salt = bulk("NaCl", "rocksalt", a=5.64)
    salt.set_cell(salt.cell.array[[1, 0, 2]])
    assert np.linalg.det(salt.cell.array) < 0
    salt.write(tmp_path / "left.extxyz")
    if kind == "structure":
        config = SeedConfig(kind="perturbed", structure=tmp_path / "left.extxyz", strain=0.01)
        seed = maker(config).make(rng(0))
    else:
        prototypes = Prototypes.read(tmp_path / "left.extxyz")
        seed = prototypes.draw({"Na": 1, "Cl": 1}, SALT, rng(0))
    assert np.linalg.det(seed.cell.array) > 0
    assert seed.get_distance(0, 1, mic=True) == pytest.approx(2.82, abs=0.5)


def test_one_structure_is_perturbed_and_no_other_is_dropped(tmp_path):
    ase.io.write(tmp_path / "two.extxyz", [bulk("NaCl", "rocksalt", a=5.64)] * 2)
    with pytest.raises(UserError, match="holds 2 structures"):
        maker(SeedConfig(kind="perturbed", structure=tmp_path / "two.extxyz"))


def test_files_of_seeds_are_checked_as_all_files_are(tmp_path):
    lost = bulk("NaCl", "rocksalt", a=5.64)
    lost.positions[0, 0] = np.nan
    lost.write(tmp_path / "nan.extxyz")
    with pytest.raises(UserError, match="finite"):
        maker(SeedConfig(kind="perturbed", structure=tmp_path / "nan.extxyz"))
    with pytest.raises(UserError, match="finite"):
        Prototypes.read(tmp_path / "nan.extxyz")
