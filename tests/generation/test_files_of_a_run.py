"""Files that a run's structures depend on must be the same when it goes on."""

import pytest
import yaml
from ase.build import bulk
from ase.io import write

from rm_lammps.errors import UserError
from rm_lammps.files import sha256_of_all
from rm_lammps.generation.generation_config import GenerationConfig
from rm_lammps.relaxation.terms.pair import PairTerm
from rm_lammps.runs.folder import open_folder


def test_a_host_that_was_edited_is_refused(run, refused, diamond_bundle, tmp_path):
    host = tmp_path / "host.extxyz"
    write(host, bulk("C", cubic=True).repeat(2))
    out = tmp_path / "out"
    words = ("rm-generate", "--model", "diamond", "--formula", "C", "--num", "2", "--out", out)
    run(*words, "--host", host, "--time-limit", "0", check=False)
    assert len(yaml.safe_load((out / "run.yaml").read_text())["files"]["host"]) == 64
    before = host.read_text()
    write(host, bulk("C", cubic=True, a=3.6).repeat(2))
    message = refused("rm-generate", "--resume", out)
    assert "host: the file has changed since the run began" in message
    host.write_text(before)
    assert "2 of 2 seeds converged" in run("rm-generate", "--resume", out).stdout


@pytest.mark.parametrize(
    ("seeds", "name"),
    [
        ({"kind": "inside", "host": "a.extxyz"}, "host"),
        ({"host": "a.extxyz"}, "host"),
        ({"kind": "perturbed", "structure": "a.extxyz"}, "structure"),
        ({"kind": "prototype", "prototypes": "a.extxyz"}, "prototypes"),
        ({"prototypes": "a.extxyz"}, "prototypes"),
    ],
)
def test_files_of_every_kind_of_seeds_are_known(seeds, name):
    config = GenerationConfig(model="diamond", formula="C2", seeds=seeds)
    assert {key: str(path) for key, path in config.seeds.files.items()} == {name: "a.extxyz"}


def test_content_counts_not_names(tmp_path):
    """Of a file, of a folder, and of what a pair style beside E~ reads."""
    file = tmp_path / "folder" / "C.potential"
    file.parent.mkdir()
    file.write_text("1")
    term = PairTerm(style="tersoff", coefficients=[f"* * {file} ELEMENTS"])
    first = (sha256_of_all(file), sha256_of_all(file.parent), term.hashes())
    file.write_text("2")
    second = (sha256_of_all(file), sha256_of_all(file.parent), term.hashes())
    assert all(before != after for before, after in zip(first, second, strict=True))
    assert list(term.hashes()) == [str(file)]
    with pytest.raises(UserError, match="nowhere"):
        sha256_of_all(tmp_path / "nowhere")


def test_runs_that_knew_of_no_files_go_on(tmp_path):
    open_folder(tmp_path, {"config": {"num": 1}}).release()
    open_folder(tmp_path, {"config": {"num": 1}, "files": {"host": "abc"}}).release()
    with pytest.raises(UserError, match="num: was 1, is 2"):
        open_folder(tmp_path, {"config": {"num": 2}, "files": {}})
