"""Runs that build into a host."""

import json
import time

import numpy as np
import pytest
import yaml
from ase.build import bulk, molecule
from ase.io import write

from rm_lammps.chemistry.bonds import fragments
from rm_lammps.seeds.surfaces import cut

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
    few = ("--num", "12", "--fix", "z<4")
    process = start(*command(diamond, tmp_path / "killed", *few))
    while len(recorded_seeds(tmp_path / "killed")) < 3:
        time.sleep(0.02)
        assert process.poll() is None or recorded_seeds(tmp_path / "killed")
    for rank in ranks_of(process):
        kill(rank)
    process.wait()
    run("rm-generate", "--resume", tmp_path / "killed", ranks=3)
    run(*command(diamond, tmp_path / "whole", *few))
    frames = frames_of(tmp_path / "killed")
    same_structures(frames, frames_of(tmp_path / "whole"))
    assert len(frames) >= 8
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


def test_slabs(run, refused, tmp_path):
    """Cut from a crystal, relaxed within the plane, compared as slabs; on 1 and 3 ranks."""
    write(tmp_path / "diamond.cif", bulk("C", cubic=True))
    slab = ("--system", "slab", "--miller", "1,0,0", "--layers", "2", "--num", "6")
    for ranks in (1, 3):
        out = tmp_path / f"on{ranks}"
        run(*command(tmp_path / "diamond.cif", out, *slab, "--axes", "xy"), ranks=ranks)
    frames = frames_of(tmp_path / "on1")
    same_structures(frames, frames_of(tmp_path / "on3"))
    assert len(frames) >= 4
    start, _ = cut(bulk("C", cubic=True), (1, 0, 0), 2, 12.0)
    lower = start.positions[:, 2] < start.positions[:, 2].min() + 3.0
    for frame in frames:
        assert frame.pbc.tolist() == [True, True, False]
        np.testing.assert_allclose(frame.cell.array[2], start.cell.array[2], atol=1e-6)
        assert np.abs(frame.cell.array - start.cell.array)[:2, :2].max() > 1e-3
        # what is held keeps its fractional coordinates
        apart = frame.get_scaled_positions(wrap=False)[: len(start)] - start.get_scaled_positions()
        np.testing.assert_allclose((apart - np.round(apart))[lower], 0, atol=1e-6)
        # the atom that was added is on the upper face
        assert frame.positions[-1, 2] > start.positions[:, 2].max() - 1.0
    run("rm-evaluate", tmp_path / "on1")
    evaluation = json.loads((tmp_path / "on1/evaluation.json").read_text())
    assert 1 <= evaluation["unique"] <= len(frames)
    assert all("layer group" in one["space_group"] for one in evaluation["structures"])
    run("rm-report", tmp_path / "on1")
    said = refused(*command(tmp_path / "diamond.cif", tmp_path / "x", "--system", "slab"))
    assert "The host has no vacuum along the third vector of its cell: 0.9 Å" in said
    said = refused(*command(tmp_path / "diamond.cif", tmp_path / "x", *slab, "--axes", "z"))
    assert "Slabs have no cell along z that changes. Give axes among x y." in said


def test_interfaces(run, refused, tmp_path):
    """A boundary of two grains: what stays of the lower does, of the upper it moves as a whole."""
    file = tmp_path / "diamond.cif"
    write(file, bulk("C", cubic=True))
    more = ("--system", "interface", "--upper", file, "--mirror", "--miller", "2,1,0")
    asked = (*more, "--layers", "2", "--num", "4")
    for ranks in (1, 3):
        run(*command(file, tmp_path / f"on{ranks}", *asked), ranks=ranks)
    frames = frames_of(tmp_path / "on1")
    same_structures(frames, frames_of(tmp_path / "on3"))
    assert len(frames) >= 3
    slab, layer = cut(bulk("C", cubic=True), (2, 1, 0), 2, 12.0)
    still = np.flatnonzero(layer < 1)
    mirrored = slab.positions * [1, 1, -1]
    rises = []
    for frame in frames:
        assert frame.info["host_atoms"] == 2 * len(slab) == len(frame) - 1
        np.testing.assert_allclose(frame.positions[still], slab.positions[still], atol=1e-6)
        moved = frame.positions[len(slab) :][still] - mirrored[still]
        in_cell = frame.cell.scaled_positions(moved - moved[0])
        in_cell[:, :2] -= np.round(in_cell[:, :2])
        np.testing.assert_allclose(in_cell, 0, atol=1e-6)
        rises.append(moved[0, 2] - frame.info["gap"])
        assert len(np.unique(np.round(frame.positions[:, 2], 2))) > 4
    # each found a width of its own
    assert np.ptp(rises) > 1e-3
    run("rm-evaluate", tmp_path / "on1")
    copper = tmp_path / "copper.cif"
    write(copper, bulk("Cu", "fcc", a=4.2, cubic=True))
    said = refused(*command(file, tmp_path / "x", *asked[:3], copper, "--miller", "1,0,0"))
    assert "The model knows no Cu" in said
    wide = bulk("C", cubic=True)
    wide.set_cell(1.2 * wide.cell.array, scale_atoms=True)
    write(tmp_path / "wide.cif", wide)
    said = refused(
        *command(file, tmp_path / "x", *asked[:3], tmp_path / "wide.cif", "--miller", "1,0,0")
    )
    assert "cells differ by 16.7 % within the plane, and 5.0 % are allowed" in said
    said = refused(*command(file, tmp_path / "x", "--system", "interface"))
    assert "Seeds of kind between need upper" in said


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


def test_distances_to_the_host(diamond, run, refused, tmp_path):
    """By numbers as in the results; a number that there is not ends the run on all ranks."""

    def settings(atom):
        terms = [{"term": "distances", "pairs": [[0, atom, 1.6]], "constant": 200.0}]
        stages = [{"stage": "minimise", "style": "lbfgs", "ftol": 0.01, "steps": 500}]
        protocol = {"terms": terms, "stages": stages, "fmax": 0.1}
        path = tmp_path / f"{atom}.yaml"
        path.write_text(yaml.safe_dump({"protocol": protocol, "num": 4}))
        return path

    asked = command(diamond, tmp_path / "run")[1:]
    run("rm-generate", settings(64), *asked, ranks=3)
    frames = frames_of(tmp_path / "run")
    assert frames
    for frame in frames:
        assert abs(frame.get_distance(0, 64, mic=True) - 1.6) < 0.1
        assert set(frame.info["terms"]) == {"E~", "distances"}
    said = refused("rm-generate", settings(65), *command(diamond, tmp_path / "x")[1:], ranks=2)
    assert "Energy term distances names atom 65, but the structure has 65 atoms." in said
