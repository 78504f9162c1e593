"""A chemical system in rounds: which compositions come next, and that a stopped search goes on."""

import json
import os
import signal
import subprocess
import time
from math import gcd

import ase.io
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import rm_lammps as rm
from rm_lammps.analysis.known import shipped_library
from rm_lammps.chemistry.formula import count_atoms, reduced_formula
from rm_lammps.errors import UserError
from rm_lammps.exploration.choosing import choose
from rm_lammps.exploration.compositions import possible_compositions
from rm_lammps.ranks import environment_for_mpirun
from rm_lammps.seeds import charge_balanced

LIBRARY = shipped_library()
EMT = "ase.calculators.emt:EMT"
SYSTEM = {
    "model": "crystals",
    "chemical_system": {"elements": "Cu-Au", "max_atoms": 4, "compositions": 2, "candidates": 1},
    "rounds": 2,
    "refine": EMT,
    "num": 2,
}


@settings(max_examples=5, deadline=None)
@given(
    st.lists(
        st.sampled_from(["Li", "Sr", "Ti", "P", "S", "O"]), min_size=2, max_size=3, unique=True
    ),
    st.integers(2, 10),
)
def test_compositions_are_reduced_balanced_and_fit_the_cell(elements, max_atoms):
    pytest.importorskip("smact")
    found = possible_compositions(elements, max_atoms, 2, LIBRARY)
    assert len({one.reduced for one in found}) == len(found)
    for one in found:
        count = count_atoms(one.formula)
        assert gcd(*count.values()) == 1
        assert len(count) >= 2
        assert charge_balanced(one.formula)
        assert one.usual <= 0
        assert 1 <= len(one.cells) <= 2
        for cell in one.cells:
            assert sum(count_atoms(cell).values()) <= max_atoms
            assert reduced_formula(count_atoms(cell)) == one.reduced
        np.testing.assert_allclose(one.fractions.sum(), 1)


def test_well_known_stoichiometries_come_first_and_then_those_where_the_hull_is_near():
    pytest.importorskip("smact")
    possible = possible_compositions(["Sr", "Ti", "O"], 12, 2, LIBRARY)
    first = [one.possible.formula for one in choose(possible, (), {}, [], 12)]
    assert {"SrO", "TiO2", "SrTiO3"} <= set(first)
    # high above the hull wherever it was looked, but near it at SrTiO3
    levels = {one.reduced: 0.4 for one in possible if one.formula in first}
    levels[reduced_formula({"Sr": 1, "Ti": 1, "O": 3})] = 0.0
    [there] = [one.fractions for one in possible if one.formula == "SrTiO3"]
    distances = {one.formula: float(np.linalg.norm(one.fractions - there)) for one in possible}
    [after] = choose(possible, levels, levels, [], 1)
    assert after.possible.formula not in first
    assert distances[after.possible.formula] < np.median(list(distances.values()))


@pytest.fixture(scope="module")
def explored(tmp_path_factory):
    pytest.importorskip("smact")
    folder = tmp_path_factory.mktemp("cuau") / "whole"
    return rm.generate(SYSTEM, out=folder)


def test_a_search_is_evaluated_and_knows_what_is_known(explored, run):
    folder = explored.folder
    result = json.loads((folder / "exploration.json").read_text())
    assert [len(rows) for rows in result["rounds"]] == [2, 2]
    formulas = [row["formula"] for rows in result["rounds"] for row in rows]
    assert len(set(formulas)) == 4
    assert result["found"][0]["above_hull"] == pytest.approx(0, abs=1e-6)
    assert {atoms.info["run"] for atoms in explored} == {"round-1", "round-2"}
    for atoms in ase.io.read(folder / "unique.extxyz", ":", parallel=False):
        if atoms.info["rank"] == 1:
            assert atoms.info["refined_by"] == "EMT"
    # it is read like any runs that were put together
    assert "round-2" in run("rm-generate", "--status", folder).stdout
    run("rm-report", folder)
    page = (folder / "report.html").read_text()
    assert "<h1>Cu-Au</h1>" in page
    assert 'id="phases"' in page


def test_a_search_that_was_killed_goes_on_on_other_ranks(explored, run, tmp_path):
    file = tmp_path / "system.yaml"
    file.write_text(yaml.safe_dump(SYSTEM))
    out = tmp_path / "killed"
    words = ["rm-generate", str(file), "--out", str(out)]
    process = subprocess.Popen(
        words, env=environment_for_mpirun(), start_new_session=True, stderr=subprocess.DEVNULL
    )
    # in the evaluation of the first round
    while process.poll() is None and not list(out.glob("opinions/*.jsonl")):
        time.sleep(0.02)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (out / "exploration.json").exists()
    run("rm-generate", "--resume", out, "--time-limit", 0, check=False)
    run("rm-generate", "--resume", out, ranks=2)
    assert (out / "exploration.json").read_text() == (
        explored.folder / "exploration.json"
    ).read_text()
    seeds = [
        [(a.info["run"], a.info["seed"]) for a in ase.io.read(f / "unique.extxyz", ":")]
        for f in (out, explored.folder)
    ]
    assert seeds[0] == seeds[1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": "molecules"}, "molecules, which form no phases"),
        ({"chemical_system": "Cu-Rn"}, "has no Rn"),
        ({"chemical_system": "Cu"}, "at least 2"),
        ({"refine": "nothing_of_the_kind"}, "no potential"),
        ({"chemical_system": "Xe-He"}, "has balanced charges"),
        ({"formula": "Cu4"}, "give one of"),
    ],
)
def test_impossible_systems_are_refused(fields, message, tmp_path):
    with pytest.raises(UserError, match=message):
        rm.generate({**SYSTEM, **fields}, out=tmp_path / "out")


def test_a_folder_holds_one_search(explored):
    with pytest.raises(UserError, match="other settings"):
        rm.generate({**SYSTEM, "num": 3}, out=explored.folder)
