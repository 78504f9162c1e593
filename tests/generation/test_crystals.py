"""Crystals of several elements through the installed commands, with the shipped model."""

import json

import ase
import ase.io
import pytest
import yaml
from ase.build import bulk

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.generation.generation_config import GenerationConfig
from rm_lammps.generation.run_seeds import RunSeeds
from rm_lammps.systems.crystal_matcher import rms

FORMULAS = ("Na1Cl1", "Sr1Ti1O3")
SRTIO3 = ase.Atoms(
    "SrTiO3",
    scaled_positions=[(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)],
    cell=3 * [3.94],
    pbc=True,
)
KNOWN = [bulk("NaCl", "rocksalt", a=5.69), SRTIO3]


@pytest.fixture(scope="module")
def salts(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("crystals")
    (folder / "formulas.in").write_text("\n".join(FORMULAS))
    command = ("rm-generate", "--model", "crystals", "--formulas", folder / "formulas.in")
    run(*command, "--num", 12, "--out", folder / "out", ranks=2)
    return folder / "out"


def test_known_crystals_are_found(salts):
    frames = ase.io.read(salts / "structures.extxyz", ":", parallel=False)
    for number, known in enumerate(KNOWN):
        own = [atoms for atoms in frames if atoms.info["seed"] // 12 == number]
        assert any(rms(known, atoms) is not None for atoms in own)


def test_seeds_are_of_all_kinds(salts):
    frames = ase.io.read(salts / "structures.extxyz", ":", parallel=False)
    failures = [json.loads(line) for line in (salts / "failures.jsonl").open()]
    kinds = [atoms.info["seed_kind"] for atoms in frames] + [f["seed_kind"] for f in failures]
    # the first eight of each composition's twelve seeds, and half of the others
    assert kinds.count("prototype") == 20
    assert {"prototype", "learned_symmetry"} <= set(kinds)
    assert yaml.safe_load((salts / "run.yaml").read_text())["config"]["preset"] == "prediction"


@pytest.mark.parametrize(
    ("elements", "preset"),
    [("C", "hops"), ("C Si", "quick"), ("Li Be B C N O F Na Mg Al Si", "prediction")],
)
def test_the_default_preset_goes_by_what_the_model_knows(elements, preset):
    frames = [bulk(symbol, "fcc", a=4.0) for symbol in elements.split()]
    statistics = DatasetStatistics.of(frames, cutoff=4.0)
    assert statistics.system.preset(len(statistics.species)) == preset


def test_metrics_find_the_references(salts, run):
    ase.io.write(salts / "known.extxyz", KNOWN)
    run("rm-evaluate", salts, "--reference", salts / "known.extxyz", "--metrics", "--at", "12")
    measured = json.loads((salts / "metrics.json").read_text())
    assert measured["prediction"]["rates"]["12 seeds"]["match_rate"] == 1
    assert (salts / "top.extxyz").exists()


@pytest.mark.parametrize(
    ("model", "formula", "said"),
    [
        ("crystals", "Mg8Si4O16", "28 atoms"),
        ("crystals", "Mg4Si2O8", ""),
        ("diamond", "C8", ""),
    ],
)
def test_a_run_says_when_its_cells_are_larger_than_those_of_the_training(model, formula, said):
    config = GenerationConfig(model=model, formula=formula)
    remarks = RunSeeds(config, find_bundle(model)).remarks
    assert said in " ".join(remarks)
    assert len(remarks) == bool(said)


def test_elements_the_model_has_not_seen_are_refused(refused, tmp_path):
    message = refused(
        *("rm-generate", "--model", "crystals", "--formula", "RnO", "--out", tmp_path / "out")
    )
    assert "Rn" in message
