"""Kinds that another installed package brings, from the command line."""

import json
import os
from pathlib import Path

import ase.io
import pytest
import yaml

EXTENSION = Path(__file__).parent / "extension"


@pytest.fixture
def installed(monkeypatch):
    before = os.environ.get("PYTHONPATH")
    paths = [str(EXTENSION), *([before] if before else [])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))


def write(path, **fields):
    path.write_text(yaml.safe_dump(fields))
    return path


def test_seeds_stage_term_and_potential_of_another_package(installed, run, tmp_path):
    config = write(
        tmp_path / "run.yaml",
        model="diamond",
        formula="C4",
        num=4,
        seeds={"kind": "layers", "layers": 2},
        protocol={
            "stages": [{"stage": "shake", "distance": 0.05}, {"stage": "box"}],
            "terms": [{"term": "soft", "weight": 0.1}],
            "fmax": 0.5,
            "max_stress": 5.0,
        },
    )
    out = tmp_path / "out"
    run("rm-generate", config, "--out", out, ranks=2)
    frames = ase.io.read(out / "structures.extxyz", ":", parallel=False)
    assert frames
    for atoms in frames:
        assert atoms.info["seed_kind"] == "layers"
        assert atoms.info["layers"] == 2
        assert {"E~", "soft"} <= set(json.loads(json.dumps(atoms.info["terms"])))
    run("rm-evaluate", out, "--rank-by", "lj", "--candidates", "2", "--hull", "none")
    best = ase.io.read(out / "unique.extxyz", ":", parallel=False)
    assert all("lj_energy_per_atom" in atoms.info for atoms in best[:2])


def test_messages_name_the_kinds_that_are_installed(installed, refused, tmp_path):
    config = write(tmp_path / "run.yaml", model="diamond", formula="C4", seeds={"kind": "layer"})
    message = refused("rm-generate", config, "--out", tmp_path / "out")
    assert "layers" in message
    assert "random" in message


def test_a_broken_package_is_named(monkeypatch, refused, tmp_path):
    broken = tmp_path / "site" / "broken-1.0.dist-info"
    broken.mkdir(parents=True)
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (broken / "entry_points.txt").write_text("[rm_lammps.seeds]\nx = broken_module\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    message = refused(
        *("rm-generate", "--model", "diamond", "--formula", "C2", "--out", tmp_path / "out")
    )
    assert "package broken" in message
