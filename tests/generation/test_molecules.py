"""Molecules through the installed commands, with the shipped model."""

import ase.io
import numpy as np
import pytest

from rm_lammps.chemistry.bonds import fragments
from rm_lammps.chemistry.valences import valence_faults

MODEL = ("--model", "molecules")


@pytest.fixture(scope="module")
def ethers(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("molecules") / "out"
    run(
        *("rm-generate", *MODEL, "--formula", "C2H6O", "--num", 12, "--seed", 3, "--out", folder),
        ranks=2,
    )
    return folder


def frames(folder):
    return ase.io.read(folder / "structures.extxyz", ":", parallel=False)


def test_clouds_become_molecules(ethers):
    found = frames(ethers)
    assert len(found) >= 10
    for atoms in found:
        assert not atoms.pbc.any()
        assert atoms.get_chemical_symbols() == ["C"] * 2 + ["H"] * 6 + ["O"]
        assert fragments(atoms).max() == 0
        assert atoms.info["formula"] == "C2H6O"
    assert sum(valence_faults(atoms).number == 0 for atoms in found) >= 10


def test_any_number_of_ranks_gives_the_same_molecules(ethers, run, tmp_path):
    run("rm-generate", "--config", ethers / "run.yaml", "--out", tmp_path / "one", ranks=1)
    for a, b in zip(frames(ethers), frames(tmp_path / "one"), strict=True):
        assert a.info["seed"] == b.info["seed"]
        np.testing.assert_allclose(a.positions, b.positions, atol=1e-6)


def test_alcohol_and_ether_are_told_apart(ethers, run):
    table = run("rm-evaluate", ethers).stdout
    assert "all checks passed" in table
    unique = ase.io.read(ethers / "unique.extxyz", ":", parallel=False)
    assert {atoms.info["smiles"] for atoms in unique} <= {"CCO", "COC"}
    assert unique


def test_each_seed_draws_its_hydrogens(run, tmp_path):
    run("rm-generate", *MODEL, "--heavy", "C2O", "--num", 6, "--out", tmp_path / "out")
    formulas = (tmp_path / "out" / "formulas.txt").read_text().split()
    assert len(formulas) == 6
    assert set(formulas) <= {"C2O1H6", "C2O1H4", "C2O1H2", "C2O1"}


def test_formulas_like_the_data(run, tmp_path):
    run("rm-generate", *MODEL, "--de-novo", 4, "--num", 1, "--out", tmp_path / "out")
    assert len((tmp_path / "out" / "formulas.txt").read_text().split()) == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--formula", "C2H5O"), "hydrogens can be even numbers up to 6"),
        (("--formula", "CH6"), "even numbers up to 4"),
        (("--formula", "C2H6Si"), "Elements of this model"),
        (("--formula", "C0"), "no number of atoms"),
        (("--formula", "CH4", "--z", "2"), "even numbers up to 6"),
        (("--formula", "CH4", "--atoms", "10"), "even numbers up to 6"),
        (("--formula", "C"), "no molecule without radicals"),
        (("--heavy", "C2H"), "has hydrogens already"),
        (("--formula", "CH4", "--preset", "crystals"), "Stages for molecules"),
        (("--formula", "CH4", "--pressure", "1"), "a pressure would do nothing"),
    ],
)
def test_bad_input_is_refused(refused, tmp_path, arguments, words):
    assert words in refused("rm-generate", *MODEL, *arguments, "--out", tmp_path / "out")
