"""Runs that build into a host."""

import time

import numpy as np
import pytest
import yaml
from ase.build import bulk, molecule
from ase.io import write

from rm_lammps.chemistry.bonds import fragments

from .conftest import frames_of, kill, ranks_of, recorded_seeds, same_structures, start

HOST = bulk("C", cubic=True).repeat(2)


@pytest.fixture(scope="module")
def diamond(tmp_path_factory):
    path = tmp_path_factory.mktemp("hosts") / "diamond.extxyz"
    write(path, HOST)
    return path


def command(host, out, *more):
    return (
        "rm-generate",
        "--model",
        "diamond",
        "--formula",
        "C",
        "--host",
        host,
        "--out",
        out,
        *more,
    )


def test_killed_and_resumed_on_other_ranks(diamond, run, tmp_path):
    few = ("--num", "40", "--fix", "z<4")
    process = start(*command(diamond, tmp_path / "killed", *few))
    while len(recorded_seeds(tmp_path / "killed")) < 5:
        time.sleep(0.02)
        assert process.poll() is None or recorded_seeds(tmp_path / "killed")
    for rank in ranks_of(process):
        kill(rank)
    process.wait()
    run("rm-generate", "--resume", tmp_path / "killed", ranks=3)
    run(*command(diamond, tmp_path / "whole", *few))
    frames = frames_of(tmp_path / "killed")
    same_structures(frames, frames_of(tmp_path / "whole"))
    assert len(frames) > 30
    still = HOST.positions[:, 2] < 4
    for frame in frames:
        assert frame.info["host_atoms"] == 64
        assert frame.info["formula"] == "C"
        assert len(frame) == 65
        np.testing.assert_allclose(frame.positions[:64][still], HOST.positions[still], atol=1e-6)
        np.testing.assert_allclose(frame.cell.array, HOST.cell.array, atol=1e-6)
    assert max(np.abs(f.positions[:64] - HOST.positions).max() for f in frames) > 0.05


def test_scaffolds(run, tmp_path):
    """What is linked to a phenyl group is toluene, and the ring has not moved."""
    phenyl = molecule("C6H6")
    del phenyl[[atom.symbol for atom in phenyl].index("H")]
    write(tmp_path / "phenyl.xyz", phenyl)
    asked = ("--model", "molecules", "--formula", "CH3", "--num", "8")
    run("rm-generate", *asked, "--host", tmp_path / "phenyl.xyz", "--out", tmp_path / "run")
    frames = frames_of(tmp_path / "run")
    assert len(frames) >= 6
    for frame in frames:
        assert frame.get_chemical_formula() == "C7H8"
        assert fragments(frame).max() == 0
        np.testing.assert_allclose(frame.positions[:11], phenyl.positions, atol=1e-6)


def test_settings(diamond, run, refused, tmp_path):
    run(*command(diamond, tmp_path / "run", "--num", "1", "--host-spring", "2"))
    config = yaml.safe_load((tmp_path / "run/run.yaml").read_text())["config"]
    assert config["protocol"]["axes"] == "none"
    assert config["protocol"]["spring"] == 2.0
    assert config["seeds"]["host"] == str(diamond)
    said = refused(*command(diamond, tmp_path / "axes", "--host-spring", "2", "--axes", "z"))
    assert "Springs tie atoms to places in a cell that changes" in said
    said = refused(*command(diamond, tmp_path / "where", "--where", "z>90"))
    assert "There is no room for atoms where z>90" in said
    said = refused(
        "rm-generate", "--model", "diamond", "--formula", "C8", "--fix", "all", "--out", "x"
    )
    assert "have no setting 'fix'" in said
