"""Folders of early versions are read, and their files written byte for byte as then.

``folder_without_index`` is what ``rm-generate`` left before there was an index: eight seeds of C8
with the model ``diamond``, seed 3, preset ``quick`` and two rounds of the stage ``box``.
"""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from rm_lammps.errors import Note, UserError
from rm_lammps.generation.generation_config import GenerationConfig, load_run
from rm_lammps.relaxation import Reason
from rm_lammps.runs.folder import open_folder
from rm_lammps.runs.layout import FAILURES, INDEX, STRUCTURES
from rm_lammps.runs.merge import merge
from rm_lammps.runs.reading import read_run
from rm_lammps.runs.status import State, read_status

EARLY = Path(__file__).parent / "folder_without_index"


@pytest.fixture
def early(tmp_path):
    return Path(shutil.copytree(EARLY, tmp_path / "run"))


def test_it_is_read(early):
    run = read_run(early)
    assert [atoms.info["seed"] for atoms in run] == [0, 1, 2, 3]
    assert [failure.seed for failure in run.failures()] == [4, 5, 6, 7]
    assert {failure.outcome.reason for failure in run.failures()} == {Reason.NOT_CONVERGED}
    assert (run.formulas, run.model["name"]) == (["C8"], "diamond")
    for atoms, energy in zip(run, run.table.energy_per_atom, strict=True):
        assert atoms.get_potential_energy() / 8 == energy
        assert atoms.get_volume() / 8 == pytest.approx(atoms.info["volume_per_atom"])
    assert (early / INDEX).exists()


def test_its_records_give_the_same_files(early, tmp_path):
    (tmp_path / "again").mkdir()
    totals = merge(early, 8, tmp_path / "again")
    summary = json.loads((early / "summary.json").read_text())
    assert {key: summary[key] for key in totals} == totals
    for name in (STRUCTURES, FAILURES):
        assert (tmp_path / "again" / name).read_bytes() == (EARLY / name).read_bytes()


def test_status_is_known(early):
    status = read_status(early)
    assert (status.state, status.total, status.converged) == (State.FINISHED, 8, 4)
    assert status.failed == {"not_converged": 4}


@pytest.mark.parametrize("command", ["rm-evaluate", "rm-report"])
def test_commands_take_it(run, early, command):
    run(command, early)
    assert (early / "unique.extxyz").exists()


def test_a_run_whose_preset_had_another_name_then_goes_on(tmp_path):
    """What ``run.yaml`` says becomes a run again, and the folder is taken for its own."""
    config = {"model": "diamond", "formula": "C8", "preset": "hops"}
    before = GenerationConfig.model_validate(config).model_dump(mode="json")
    before["preset"] = "crystals"
    # fields that came later
    del before["system"]
    (tmp_path / "run.yaml").write_text(yaml.safe_dump({"config": before, "model": {}}))
    with pytest.warns(Note, match="crystals is called hops now"):
        order = load_run(tmp_path / "run.yaml", {"out": tmp_path})
    assert order.config.preset == "hops"
    described = {"kind": "crystals", "config": order.config.model_dump(mode="json"), "model": {}}
    open_folder(tmp_path, described).release()
    described["config"]["num"] += 1
    with pytest.raises(UserError, match="num: was 64, is 65"):
        open_folder(tmp_path, described)
