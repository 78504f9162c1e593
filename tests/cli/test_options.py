"""Options that would do nothing, numbers that are none, and settings in the user's words."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from rm_lammps.cli import evaluate, generate, train
from rm_lammps.errors import UserError
from rm_lammps.generation.generation_config import load_run

WATER = "3\nwater\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n"
SUMMARY = {
    "attempted": 1,
    "converged": 0,
    "failed": {},
    "evaluations": 1,
    "seed_seconds": 1.0,
    "ranks": 1,
    "wall_seconds": 1.0,
    "remaining": 0,
}


@pytest.fixture
def refuse(tmp_path):
    """Run a command in this process: it must be refused; returns the message on one line."""

    def _refuse(app, *arguments):
        result = CliRunner().invoke(app, list(map(str, arguments)))
        error = result.exception
        message = str(error) if isinstance(error, UserError) else result.output
        assert isinstance(error, UserError) or result.exit_code == 2, result.output
        return " ".join(message.split())

    return _refuse


def folder_of(tmp_path, kind):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "summary.json").write_text(json.dumps({**SUMMARY, "kind": kind}))
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--cell", "primitive"), "holds molecules"),
        (("--metrics",), "holds molecules"),
        (("--symmetrise",), "holds molecules"),
        (("--symprec", "0.1"), "holds molecules"),
        (("--energy-tolerance", "0.01"), "holds molecules"),
        (("--top", "3"), "holds molecules"),
        (("--at", "5"), "holds molecules"),
        (("--rank-by", "chgnet"), "holds molecules"),
        (("--show", "5"), "holds molecules"),
        (("--found-weight", "0"), "holds molecules"),
        (("--format", "cif"), "not the folder of a run"),
    ],
)
def test_options_of_crystals_with_a_file_of_molecules(refuse, tmp_path, options, why):
    (tmp_path / "water.xyz").write_text(WATER)
    message = refuse(evaluate.app, tmp_path / "water.xyz", *options)
    assert f"{options[0]} would do nothing" in message
    assert why in message


@pytest.mark.parametrize(
    ("kind", "options", "why"),
    [
        ("molecules", ("--cell", "primitive"), "holds molecules"),
        ("layers", ("--metrics",), "it is for crystals"),
        ("layers", ("--xtb",), "holds layers"),
        ("crystals", ("--xtb",), "holds crystals"),
        ("crystals", ("--keep", "0.5"), "holds crystals"),
        ("crystals", ("--training", "/nonexistent"), "needs --metrics"),
        ("crystals", ("--at", "5"), "needs --metrics"),
        ("crystals", ("--rank-by", "chgnet", "--refine-steps", "5"), "needs --refine"),
        ("crystals", ("--hull", "none"), "needs --rank-by or --refine"),
    ],
)
def test_options_that_a_run_has_no_use_for(refuse, tmp_path, kind, options, why):
    message = refuse(evaluate.app, folder_of(tmp_path, kind), *options)
    assert "would do nothing" in message
    assert why in message


@pytest.mark.parametrize("option", ["--symprec", "--energy-tolerance", "--found-weight"])
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_numbers_that_are_none(refuse, tmp_path, option, value):
    message = refuse(evaluate.app, folder_of(tmp_path, "crystals"), option, value)
    field = option[2:].replace("-", "_")
    assert f"{field}: must be a finite number, not '{value}'" in message


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--pressure", "nan"), "protocol.pressure: must be a finite number, not 'nan'"),
        (("--time-limit", "inf"), "time_limit: must be a finite number, not 'inf'"),
        (("--grace", "nan"), "grace: must be a finite number, not 'nan'"),
        (("--z", "3-1"), "z (3, 1) must be a range 1 <= low <= high"),
        (("--z", "x"), "'x' is not a range"),
        (("--device", "tpu"), "device"),
        (("--trajectories", "99999"), "names seed 99999"),
    ],
)
def test_ranges_of_a_run(refuse, tmp_path, options, why):
    common = ("--model", "diamond", "--formula", "C2", "--out", tmp_path / "out")
    assert why in refuse(generate.app, *common, *options)
    assert not (tmp_path / "out").exists()


def test_a_start_that_resuming_ignores(refuse, tmp_path):
    command = ("diamond", "--data", "x", "--out", tmp_path / "out", "--resume")
    assert "--start-from would do nothing" in refuse(train.app, *command, "--start-from", "diamond")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"protocol": {"volume": [3.0, 0.3]}}, "must be a range 0 <= low < high"),
        ({"protocol": {"pressure": float("nan")}}, "finite number"),
        ({"protocol": {"volume": 3}}, "protocol.volume: must be a list such as [1, 4], not 3"),
        ({"formula": 8}, "formula: must be text, not 8 (put quotes around text)"),
        ({"num": "many"}, "num: must be a whole number, not 'many'"),
        ({"num": 0}, "greater than or equal to 1"),
        ({"numm": 3}, "numm: there is no such setting"),
        ({"seeds": 3}, "seeds: must be a mapping of settings to values, not 3"),
        ({"de_novo": {"elements": []}}, "at least 1"),
        ({"z": {"low": 1}}, "z: must be a list"),
    ],
)
def test_settings_are_refused_in_the_users_words(tmp_path, fields, words):
    settings = {"model": "diamond", "formula": "C4", **fields}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(settings))
    with pytest.raises(UserError) as error:
        load_run(tmp_path / "run.yaml", {"out": tmp_path})
    assert words in str(error.value)
    assert "valid tuple" not in str(error.value)


def test_yaml_means_what_it_says(tmp_path):
    (tmp_path / "run.yaml").write_text("model: molecules\nformula: NO\nz: 1-4\n")
    config = load_run(tmp_path / "run.yaml", {"out": tmp_path}).config
    assert config.formula == "NO"
    assert config.z == (1, 4)


@pytest.mark.parametrize(
    "words", [("rm-report", ""), ("rm-generate", "--out", " "), ("rm-evaluate", "x", "--at=")]
)
def test_arguments_of_unset_variables(refused, words):
    assert "An argument is empty" in refused(*words)
