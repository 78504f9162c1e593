"""Several runs in one folder, and runs that are at no end."""

import io
import json
import os
import stat

import ase
import ase.io
import numpy as np
import pytest
import yaml
from ase.build import bulk
from hypothesis import given
from hypothesis import strategies as st

from rm_lammps.errors import UserError
from rm_lammps.relaxation import Failure, Reason, Relaxed
from rm_lammps.runs.folder import is_going_on, take_lock
from rm_lammps.runs.index import read_index
from rm_lammps.runs.joined import read_asked, read_joined
from rm_lammps.runs.joining import _word, ready_to_read, what_is_missing
from rm_lammps.runs.layout import (
    FAILURES,
    FORMULAS,
    INDEX,
    JOINED,
    RECORDS,
    RUN,
    SO_FAR,
    STRUCTURES,
    SUMMARY,
)
from rm_lammps.runs.merge import merge
from rm_lammps.runs.reading import read_run
from rm_lammps.runs.records import Origin, SeedRecord
from rm_lammps.runs.shards import ShardWriter
from rm_lammps.runs.status import State, read_status


def make_run(folder, num=10, formulas=("C2",), done=None, kind="crystals", model="abc"):
    """What a run leaves that has recorded ``done`` of its seeds; every fifth failed."""
    (folder / RECORDS).mkdir(parents=True)
    config = {"num": num, "formulas": list(formulas)}
    run = {"kind": kind, "config": config, "model": {"name": "x", "package_sha256": model}}
    (folder / RUN).write_text(yaml.safe_dump(run))
    (folder / FORMULAS).write_text("\n".join(formulas) + "\n")
    record(folder, range(num * len(formulas) if done is None else done), kind)
    return folder


def record(folder, seeds, kind="crystals", session=0):
    with ShardWriter(folder, session, 0) as shard:
        for seed in seeds:
            atoms = bulk("C") if kind == "crystals" else ase.Atoms("C2", [[0, 0, 0], [0, 0, 1.2]])
            outcome = Relaxed(atoms, -2.0 - seed, 0.01, 0.1, 30)
            if seed % 5 == 4:
                outcome = Failure(Reason.EXPANDED, "volume 3.1", 20)
            shard.begin(seed)
            shard.append(SeedRecord(seed, "C2", Origin("random"), outcome, 0.5))


def finish(folder, total=10, kind="crystals"):
    (folder / SUMMARY).write_text(json.dumps({**merge(folder, total), "kind": kind}))
    return folder


def identities(folder):
    frames = ase.io.read(folder / STRUCTURES, ":", parallel=False)
    return [(a.info["run"], a.info["seed"]) for a in frames]


def content(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != ".lock"}


def test_seeds_keep_run_and_number(tmp_path):
    one = finish(make_run(tmp_path / "a" / "one"))
    two = finish(make_run(tmp_path / "two", num=3, formulas=("C4", "C2")), total=6)
    before = content(one) | content(two)
    out = ready_to_read([one, two], tmp_path / "both")
    assert content(one) | content(two) == before
    good = [s for s in range(10) if s % 5 != 4]
    expected = [("one", s) for s in good] + [("two", s) for s in range(6) if s != 4]
    assert identities(out) == expected
    assert [(f["run"], f["seed"]) for f in map(json.loads, (out / FAILURES).open())] == [
        ("one", 4),
        ("one", 9),
        ("two", 4),
    ]
    summary = json.loads((out / SUMMARY).read_text())
    assert (summary["attempted"], summary["converged"], summary["runs"]) == (16, 13, 2)
    assert summary["failed"] == {"expanded": 3}
    # frames stand as they were, with the run behind
    text = (one / STRUCTURES).read_text().splitlines()
    assert (out / STRUCTURES).read_text().splitlines()[: len(text)] == [
        f"{line} run=one" if "Lattice" in line else line for line in text
    ]
    asked = read_asked(out)
    assert (asked.formulas, asked.seeds.tolist()) == (["C2", "C4"], [13, 3])
    table = read_index(out)
    assert [table.name(number) for number in table.identity] == expected
    composition, turn = asked.place(table.run, table.seed)
    assert composition.tolist() == [0] * 8 + [1, 1, 1, 0, 0]
    assert turn.tolist()[8:] == [0, 1, 2, 10, 12]


def test_the_index_of_several_runs_can_be_made_anew(tmp_path):
    """Also where one of them has no structure at all."""
    runs = [finish(make_run(tmp_path / name, done=n)) for name, n in (("x", 3), ("y", 0), ("z", 2))]
    out = ready_to_read(runs, tmp_path / "out")
    written = read_index(out)
    (out / INDEX).unlink()
    rebuilt = read_index(out)
    assert rebuilt.run.tolist() == [0, 0, 0, 2, 2]
    for name in ("seed", "run", "begin", "energy", "volume_per_atom", "runs", "composition"):
        np.testing.assert_array_equal(getattr(rebuilt, name), getattr(written, name))


def test_runs_of_one_name_are_told_apart(tmp_path):
    runs = [finish(make_run(tmp_path / job / "out dir", done=2)) for job in ("1", "2")]
    out = ready_to_read(runs, tmp_path / "both")
    assert [run.name for run in read_joined(out)] == ["1_out_dir", "2_out_dir"]
    assert identities(out)[0] == ("1_out_dir", 0)


@given(st.text(min_size=1, max_size=8) | st.sampled_from(["001", "T", "nan", "1e5", "-3", "False"]))
def test_names_survive_comment_lines(name):
    atoms = bulk("C")
    atoms.info["run"] = _word(name)
    stream = io.StringIO()
    ase.io.write(stream, atoms, format="extxyz", parallel=False)
    stream.seek(0)
    again = ase.io.read(stream, format="extxyz", parallel=False)
    assert again.info["run"] == _word(name)
    assert len(_word(name).split()) == 1


def test_what_does_not_go_together_is_refused(tmp_path):
    one = finish(make_run(tmp_path / "one"))
    other = finish(make_run(tmp_path / "d", model="other"))
    cases = {
        "Give --out": ([one, finish(make_run(tmp_path / "b"))], None),
        "given 2 times": ([one, one], tmp_path / "out"),
        "is one of the runs": ([one], one),
        "holds a run of its own": ([one], finish(make_run(tmp_path / "c"))),
        "different models": ([one, other], tmp_path / "out"),
        "There is no folder": ([tmp_path / "nowhere"], None),
        "one holds crystals, m molecules": (
            [one, finish(make_run(tmp_path / "m", kind="molecules"), kind="molecules")],
            tmp_path / "out",
        ),
    }
    for message, (folders, out) in cases.items():
        with pytest.raises(UserError) as caught:
            ready_to_read(folders, out)
        assert message in f"{caught.value.problem} {caught.value.hint}"
    with pytest.raises(UserError, match="holds no run"):
        ready_to_read([tmp_path], tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    both = ready_to_read([one], tmp_path / "joined")
    with pytest.raises(UserError, match="holds several runs"):
        ready_to_read([both, one], tmp_path / "more")
    assert ready_to_read([both]) == both


def test_a_run_that_was_killed_is_merged_where_it_is(tmp_path):
    folder = make_run(tmp_path / "run", done=3)
    assert ready_to_read([folder]) == folder
    assert json.loads((folder / SUMMARY).read_text())["attempted"] == 3
    # more records than were merged
    finish(folder)
    later = (folder / SUMMARY).stat().st_mtime + 5
    record(folder, range(3, 7), session=1)
    os.utime(folder / RECORDS / "0001-000000.jsonl", (later, later))
    assert len(read_run(folder)) == 6
    summary = json.loads((folder / SUMMARY).read_text())
    assert (summary["attempted"], summary["remaining"], summary["kind"]) == (7, 3, "crystals")


def test_a_folder_of_an_early_version_says_its_kind_in_records(tmp_path):
    folder = make_run(tmp_path / "run", done=3, kind="molecules")
    run = yaml.safe_load((folder / RUN).read_text())
    del run["kind"]
    (folder / RUN).write_text(yaml.safe_dump(run))
    ready_to_read([folder])
    assert json.loads((folder / SUMMARY).read_text())["kind"] == "molecules"


def test_a_run_that_is_going_on_is_not_disturbed(tmp_path):
    folder = make_run(tmp_path / "run", done=6)
    lock = take_lock(folder)
    try:
        # a record that is just being written
        with (folder / RECORDS / "0000-000001.jsonl").open("wb") as stream:
            stream.write(b'{"seed": 6, "formula": "C2", "evalu')
        before = content(folder)
        assert is_going_on(folder)
        out = ready_to_read([folder])
        assert out == folder / SO_FAR
        assert {p: t for p, t in content(folder).items() if SO_FAR not in p.parts} == before
        assert is_going_on(folder)
        assert identities(out) == [("run", seed) for seed in (0, 1, 2, 3, 5)]
        assert what_is_missing(out) == ["run is still going on: this is what 6 of 10 seeds gave."]
        run = read_run(folder)
        assert [atoms.info["seed"] for atoms in run] == [0, 1, 2, 3, 5]
        assert run.status().state is State.GOING_ON
        assert not list(folder.glob(".*parts*"))
    finally:
        lock.release()
    assert not is_going_on(folder)
    assert what_is_missing(ready_to_read([folder])) == []


def test_read_run_gives_all_there_is(tmp_path):
    run = read_run(finish(make_run(tmp_path / "run")))
    assert len(run) == 8
    assert run[-1].info["seed"] == 8
    assert run[-1].get_potential_energy() == -10.0
    assert [a.info["seed"] for a in run[1:3]] == [1, 2]
    with pytest.raises(IndexError):
        run[8]
    assert [atoms.info["seed"] for atoms in run] == run.table.seed.tolist()
    assert [f.outcome.reason for f in run.failures()] == [Reason.EXPANDED] * 2
    assert (run.config["num"], run.model["name"], run.formulas) == (10, "x", ["C2"])
    assert run.table.energy_per_atom.tolist() == [(-2.0 - s) / 2 for s in run.table.seed]
    with pytest.raises(UserError, match=r"has no unique\.extxyz"):
        run.unique()


def test_status_says_how_far_a_run_has_come(tmp_path):
    folder = make_run(tmp_path / "run", done=6)
    status = read_status(folder)
    assert (status.state, status.done, status.total) == (State.STOPPED, 6, 10)
    assert (status.converged, status.failed) == (5, {"expanded": 1})
    assert (status.groups, status.seconds_a_seed, status.rate) == (1, 0.5, 2.0)
    assert status.seconds_left == 2.0
    assert "6 of 10 seeds done (60.0%)" in status.text()
    assert "--resume" in status.text()
    # two ranks after a second start; a seed that is recorded twice counts once
    record(folder, [6, 5], session=1)
    (folder / RECORDS / "0001-000000.jsonl").rename(folder / RECORDS / "0001-000007.jsonl")
    record(folder, [7], session=1)
    status = read_status(folder)
    assert (status.done, status.groups, status.rate) == (8, 2, 4.0)
    record(folder, [8, 9], session=2)
    assert read_status(folder).state is State.FINISHED
    assert read_status(folder).seconds_left == 0.0


def test_status_of_a_run_that_only_begins(tmp_path):
    status = read_status(make_run(tmp_path / "run", done=0))
    assert (status.done, status.rate, status.seconds_left) == (0, None, None)
    assert "0 of 10 seeds done" in status.text()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_run_of_someone_else_is_read_without_writing(tmp_path):
    folder = finish(make_run(tmp_path / "run"))
    (folder / INDEX).unlink()
    mode = folder.stat().st_mode
    folder.chmod(mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    try:
        assert len(read_run(folder)) == 8
    finally:
        folder.chmod(mode)
    assert not (folder / JOINED).exists()
