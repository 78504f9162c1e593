"""Runs that ask for space groups."""

import json

import yaml

from rm_lammps.geometry.symmetry import space_group

from .conftest import frames_of, same_structures

ASKED = ["--model", "crystals", "--formula", "Na4Cl4", "--num", "6", "--space-group"]


def test_every_structure_has_the_group(run, tmp_path):
    run("rm-generate", *ASKED, "Fm-3m", "--out", tmp_path / "many", ranks=2)
    run("rm-generate", *ASKED, "225", "--out", tmp_path / "one")
    frames = frames_of(tmp_path / "many")
    assert len(frames) == 6
    assert {space_group(frame).number for frame in frames} == {225}
    assert {frame.info["relaxed_group"] for frame in frames} == {225}
    assert all(frame.info["wyckoff"].startswith("225 ") for frame in frames)
    same_structures(frames, frames_of(tmp_path / "one"))
    config = yaml.safe_load((tmp_path / "many/run.yaml").read_text())["config"]
    assert config["protocol"]["keep_symmetry"]


def test_another_symmetry_is_a_failure(run, tmp_path):
    """Two like atoms on the positions that group 225 has for them are simple cubic, group 221."""
    command = ["rm-generate", "--model", "crystals", "--formula", "Na2", "--num", "2"]
    run(*command, "--space-group", "225", "--out", tmp_path / "run")
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary["failed"] == {"other_symmetry": 2}


def test_what_can_not_be_is_refused(refused, tmp_path):
    command = ["rm-generate", "--model", "crystals", "--out", tmp_path / "run", "--formula"]
    said = refused(*command, "NaCl2", "--space-group", "I4_1/a")
    assert "NaCl2 can't have the symmetry asked for (space_group I4_1/a)" in said
    assert "possible are Fm-3m (225)" in said
    assert "'Fm3x' is no space group" in refused(*command, "NaCl", "--space-group", "Fm3x")
    assert (
        "no space group has all"
        in refused(
            *command, "NaCl", "--space-group", "225", "--crystal-system", "hexagonal"
        ).lower()
    )
    molecules = ["rm-generate", "--model", "molecules", "--formula", "CH4", "--out", tmp_path / "m"]
    assert "Molecules have no space group" in refused(*molecules, "--min-symmetry", "8")
