"""Judges first see input whose answer is known."""

import json

import ase.io
import pytest
from ase.build import bulk, graphene
from crystals import BCC, DIAMOND, disguised, write_run
from typer.testing import CliRunner

from rm_lammps.analysis.comparison import Reference, coordination
from rm_lammps.cli.evaluate import app
from rm_lammps.systems import find_system


def test_a_crystal_matches_itself_in_disguise_and_no_other():
    diamond, bcc = DIAMOND.copy(), BCC.copy()
    diamond.info["name"], bcc.info["name"] = "diamond", "bcc"
    reference = Reference([diamond, bcc], find_system("crystal"))
    for seed in range(5):
        assert reference.find(disguised(DIAMOND, seed)) == "diamond"
        assert reference.find(disguised(BCC, seed)) == "bcc"
    layered = graphene(vacuum=2.0)
    layered.pbc = True
    assert reference.find(layered) is None


def test_neighbours():
    assert coordination(DIAMOND, 1.9) == 4
    assert coordination(BCC, 2.1) == 8


def test_evaluate_on_known_structures(run, tmp_path):
    frames = [disguised(DIAMOND, 0, -1.0), disguised(DIAMOND, 2, -1.0), disguised(BCC, 3, -0.4)]
    write_run(tmp_path, frames, failed=[("expanded", "too large")])
    named = DIAMOND.copy()
    named.info["name"] = "diamond"
    ase.io.write(tmp_path / "reference.extxyz", named)
    done = run("rm-evaluate", tmp_path, "--reference", tmp_path / "reference.extxyz")
    result = json.loads((tmp_path / "evaluation.json").read_text())
    assert result["matched"] == {"diamond": 2}
    assert result["match_rate"] == 0.5
    assert result["unique"] == 2
    assert result["seconds_per_seed"] == 0.25
    assert "50.0%" in done.stdout
    assert (tmp_path / "energy_volume.png").stat().st_size > 1000


def test_without_references(run, tmp_path):
    write_run(tmp_path, [disguised(DIAMOND, 0, -1.0), disguised(DIAMOND, 2, -1.0)])
    done = run("rm-evaluate", tmp_path)
    assert "Fd-3m (227)" in done.stdout
    assert "match" not in done.stdout
    result = json.loads((tmp_path / "evaluation.json").read_text())
    assert result["match_rate"] is None
    assert result["structures"][0]["seeds"] == [0, 2]
    assert result["structures"][0]["coordination"] is None


def test_a_real_run(run, diamond_bundle, tmp_path):
    command = ("rm-generate", "--model", "diamond", "--formula", "C8", "--num", 16)
    run(*command, "--out", tmp_path / "out")
    ase.io.write(tmp_path / "diamond.cif", DIAMOND)
    run("rm-evaluate", tmp_path / "out", "--reference", tmp_path / "diamond.cif")
    result = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert sum(s["found"] for s in result["structures"]) == result["converged"] > 0
    assert result["match_rate"] > 0
    assert result["structures"][0]["rank"] == 1


def test_references_of_several_compositions_have_no_common_bond(run, tmp_path):
    write_run(tmp_path, [disguised(DIAMOND, 0, -1.0)])
    ase.io.write(tmp_path / "known.extxyz", [DIAMOND, bulk("NaCl", "rocksalt", a=5.64)])
    table = run("rm-evaluate", tmp_path, "--reference", tmp_path / "known.extxyz").stdout
    (structure,) = json.loads((tmp_path / "evaluation.json").read_text())["structures"]
    assert structure["matches"]
    assert structure["coordination"] is None
    assert structure["matches"] in table


def test_bad_input_is_refused(refused, tmp_path):
    ase.io.write(tmp_path / "reference.extxyz", DIAMOND)
    reference = ("--reference", tmp_path / "reference.extxyz")
    assert "There is no folder" in refused("rm-evaluate", tmp_path / "nowhere", *reference)
    write_run(tmp_path, [])
    message = refused("rm-evaluate", tmp_path, "--reference", tmp_path / "nothing.cif")
    assert "No such data file" in message
    (tmp_path / "summary.json").write_text('{"converged": 0}')
    assert "summary.json has no attempted, evaluations, failed, kind, seed_seconds" in refused(
        "rm-evaluate", tmp_path
    )


@pytest.mark.parametrize("more", [(), ("--metrics",)])
@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (None, "has no cell: a molecule, not a crystal"),
        (DIAMOND.cell, "has a cell, but is not periodic"),
    ],
)
def test_references_that_are_no_crystals(tmp_path, cell, more, words):
    """One answer, whatever is asked for beside them."""
    write_run(tmp_path, [disguised(DIAMOND, 0)])
    other = DIAMOND.copy()
    other.pbc, other.cell = False, cell
    ase.io.write(tmp_path / "reference.extxyz", other)
    arguments = [str(tmp_path), "--reference", str(tmp_path / "reference.extxyz"), *more]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
