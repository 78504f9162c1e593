"""Many compositions in one run, formula units, and compositions drawn from the training data."""

import json
import shutil

import numpy as np
import pytest
import yaml
from ase.build import bulk, molecule
from ase.formula import Formula

from rm_lammps.analysis.unique import read_unique
from rm_lammps.datasets import DatasetStatistics
from rm_lammps.errors import UserError
from rm_lammps.files import pretrained_folder
from rm_lammps.generation.formulas import read_formulas
from rm_lammps.generation.generation_config import GenerationConfig
from rm_lammps.seeds import charge_balanced, sample_compositions

STATISTICS = DatasetStatistics.of(
    [
        bulk("NaCl", "rocksalt", a=5.64),
        bulk("MgO", "rocksalt", a=4.21),
        bulk("CaF2", "fluorite", a=5.46),
    ],
    cutoff=4.0,
)


def test_every_seed_has_its_composition_on_any_number_of_ranks(tools, run, tmp_path):
    (tmp_path / "formulas.txt").write_text("C2  # two atoms\n\nC3\n")
    command = ("rm-generate", "--model", "diamond", "--formulas", tmp_path / "formulas.txt")
    # of this seed all four contents come
    command += ("--z", "1-2", "--num", 2, "--seed", 8, "--preset", "quick")
    run(*command, "--out", tmp_path / "one")
    run(*command, "--time-limit", 0, "--out", tmp_path / "two", ranks=2, check=False)
    run("rm-generate", "--resume", tmp_path / "two", ranks=2)
    frames = tools.frames_of(tmp_path / "one")
    tools.same_structures(frames, tools.frames_of(tmp_path / "two"))
    for atoms in frames:
        unit = (2, 3)[atoms.info["seed"] // 2]
        assert len(atoms) in {unit, 2 * unit}
        assert atoms.info["formula"] == f"C{len(atoms)}"
    assert len({len(atoms) for atoms in frames}) > 2
    summary = json.loads((tmp_path / "one" / "summary.json").read_text())
    assert summary["attempted"] == 4
    assert (tmp_path / "one" / "formulas.txt").read_text() == "C2\nC3\n"
    stored = yaml.safe_load((tmp_path / "one" / "run.yaml").read_text())["config"]
    assert stored["formulas"] == ["C2", "C3"]
    unique = list(read_unique(tmp_path / "one"))
    top = (tmp_path / "one" / "top.extxyz").read_text()
    assert top == (tmp_path / "one" / "unique.extxyz").read_text()
    assert len(unique) < 20


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"formula": "C8", "formulas": ["C2"]}, "give one of"),
        ({}, "give one of"),
        ({"formula": "C8", "z": [3, 1]}, "range"),
        ({"formula": "C8", "z": [1, 2], "atoms": 16}, "neither"),
        ({"formulas": []}, "at least 1"),
        ({"formulas": ["C8"] * 1001, "num": 10**6}, "more than"),
    ],
)
def test_impossible_requests_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        GenerationConfig(model="diamond", **fields)


def test_files_without_formulas_are_refused(tmp_path):
    (tmp_path / "empty").write_text("# nothing\n")
    with pytest.raises(UserError, match="no formulas"):
        read_formulas(tmp_path / "empty")
    with pytest.raises(UserError, match="Can't read"):
        read_formulas(tmp_path / "missing")


def test_formulas_are_read_as_people_write_them(tmp_path):
    text = "\ufeffSrO2\nMgO \n\n# comment\n  NaCl  # rock salt\nCuSO4·5H2O\nH₂O\n"
    (tmp_path / "list.txt").write_text(text, encoding="utf-8")
    assert read_formulas(tmp_path / "list.txt") == ("SrO2", "MgO", "NaCl", "Cu1S1O9H10", "H2O")
    assert GenerationConfig(model="diamond", formula=" C8 ").formula == "C8"


@pytest.mark.parametrize("formula", ["8C", "SrO2+", "2C4", "Fe3+", "NaCl+H2O"])
def test_lines_that_are_no_formula_are_named(tmp_path, formula):
    (tmp_path / "list.txt").write_text(f"C8\n\n{formula}\n")
    with pytest.raises(UserError, match=r"line 3: .*not a chemical formula"):
        read_formulas(tmp_path / "list.txt")
    with pytest.raises(ValueError, match="not a chemical formula"):
        GenerationConfig(model="diamond", formula=formula)


def draw(number, **options):
    pytest.importorskip("smact")
    options = {"elements": None, "max_atoms": 20, **options}
    return sample_compositions(number, STATISTICS, rng=np.random.default_rng(3), **options)


def test_compositions_are_like_the_training_data():
    formulas = draw(8)
    assert len(set(formulas)) == 8
    assert formulas == draw(8)
    for formula in formulas:
        assert charge_balanced(formula)
    assert not charge_balanced("NaCl2")
    for formula in draw(3, elements=["Mg", "O", "F"]):
        assert set(Formula(formula).count()) <= {"Mg", "O", "F"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"elements": ["Na", "Xe"]}, "no Xe"),
        ({"max_atoms": 1}, "no cells of 1"),
        ({"elements": ["Na", "Cl"]}, "only about"),
    ],
)
def test_compositions_that_cannot_be_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        draw(50, **options)


def test_de_novo_of_a_model_without_compositions(refused, tmp_path):
    earlier = tmp_path / "earlier"
    shutil.copytree(pretrained_folder() / "diamond", earlier)
    statistics = json.loads((earlier / "statistics.json").read_text())
    for field in ("stoichiometries", "structures_per_element"):
        del statistics[field]
    (earlier / "statistics.json").write_text(json.dumps(statistics))
    out = tmp_path / "out"
    message = refused("rm-generate", "--model", earlier, "--de-novo", 2, "--out", out)
    assert "update_statistics" in message
    assert not out.exists()


def test_molecules_that_the_data_has_none_of_are_named():
    methane = DatasetStatistics.of([molecule("CH4")], cutoff=4.0)
    rng = np.random.default_rng(0)
    for most, elements in ((None, ("C",)), (3, ("C", "H"))):
        with pytest.raises(UserError) as error:
            sample_compositions(5, methane, elements=elements, max_atoms=most, rng=rng)
        said = str(error.value)
        assert "The training data has no molecules of C" in said
        assert "None" not in said
        assert ("with at most 3 atoms" in said) == (most == 3)
