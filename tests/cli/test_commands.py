"""What all commands have in common."""

import os
import re

import pytest

import rm_lammps
from rm_lammps.generation.generation_config import GenerationConfig
from rm_lammps.generation.presets import PRESETS
from rm_lammps.generation.run_fields import Execution, RunFields, Shortcuts

COMMANDS = ["rm-train", "rm-deploy", "rm-generate", "rm-evaluate", "rm-report", "rm-doctor"]


def plain(text):
    """Without the frames that rich draws, in one line."""
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).split())


@pytest.mark.parametrize("command", COMMANDS)
def test_version_is_told(run, command):
    assert run(command, "--version").stdout.strip() == f"rm_lammps {rm_lammps.__version__}"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_into_80_columns_and_nothing_is_cut_off(run, command):
    text = run(command, "--help", env={"COLUMNS": "80", "TERM": "dumb"}).stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text


@pytest.mark.parametrize("command", COMMANDS)
def test_shells_can_complete_flags(run, command):
    name = command.upper().replace("-", "_")
    env = {
        f"_{name}_COMPLETE": "complete_bash",
        "COMP_WORDS": f"{command} --ver",
        "COMP_CWORD": "1",
    }
    assert run(command, env=env).stdout.split() == ["--version"]


def test_each_setting_of_a_run_has_a_flag_and_a_place_in_yaml(run):
    text = plain(run("rm-generate", "--help", env={"COLUMNS": "80"}).stdout)
    for group in (RunFields, Shortcuts, Execution):
        for name, field in group.model_fields.items():
            assert f"--{name.replace('_', '-')} " in text
            words = field.description.split(";")[0]
            assert f"{words[0].upper()}{words[1:]}" in text
    assert set(GenerationConfig.model_fields) - set(RunFields.model_fields) == {"seeds", "protocol"}


def test_help_names_the_presets_and_models_that_there_are(run):
    text = plain(run("rm-generate", "--help", env={"COLUMNS": "80"}).stdout)
    assert ", ".join(PRESETS) in text
    assert "(crystals, diamond, molecules, silica)" in text


def test_help_needs_neither_torch_nor_lammps(run):
    environment = {"PYTHONPROFILEIMPORTTIME": "1", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    done = run("rm-generate", "--help", env=environment)
    imported = set(re.findall(r"\| +(\w+)", done.stderr))
    assert "typer" in imported
    assert not imported & {"torch", "lammps", "mpi4py", "numpy", "ase", "pymatgen", "scipy"}
