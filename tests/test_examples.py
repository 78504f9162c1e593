"""Every script in lammps_inputs/examples, short, with the installed lmp and the shipped model."""

import numpy as np
import pytest
from ase.build import bulk
from ase.io.lammpsdata import write_lammps_data

from rm_lammps.files import shipped_folder

EXAMPLES = shipped_folder("lammps_inputs") / "examples"


@pytest.fixture
def example(run, diamond_bundle, tmp_path):
    def _example(name, ranks=None, **variables):
        words = ["lmp", "-in", EXAMPLES / f"{name}.in", "-var", "rm_bundle", diamond_bundle]
        for variable, value in variables.items():
            words += ["-var", variable, value]
        done = run(*words, cwd=tmp_path, ranks=ranks)
        assert "ERROR" not in done.stdout
        assert "WARNING: Fix" not in done.stdout
        return tmp_path

    return _example


def test_nothing_is_left_out():
    tested = {name.removeprefix("test_example_") for name in globals() if "example_" in name}
    assert {path.stem for path in EXAMPLES.glob("*.in")} <= tested


def test_example_nvt(example):
    folder = example("nvt", ranks=2, cells=2, steps=200)
    _, r, g, _ = np.loadtxt(folder / "rdf.txt", skiprows=4).T
    bonds = r < 2.0
    assert r[bonds][np.argmax(g[bonds])] == pytest.approx(1.54, abs=0.12)
    assert g[(r > 1.9) & (r < 2.1)].max() < 0.3 * g[bonds].max()


def test_example_npt(example):
    folder = example("npt", ranks=2, cells=2, steps=200)
    lattice = np.loadtxt(folder / "npt.txt")[-1, 2]
    assert 3.4 < lattice < 3.8


def test_example_elastic(example):
    folder = example("elastic")
    lines = dict(line.rsplit(" ", 1) for line in (folder / "elastic.txt").read_text().splitlines())
    values = {name.split()[0]: float(value) for name, value in lines.items()}
    bulk_modulus = (values["C11"] + 2 * values["C12"]) / 3
    # the response's own bulk modulus is 1/(3 (1 - 2 nu)) pseudo-eV/Å³ = 133.5 GPa
    assert bulk_modulus == pytest.approx(133.5, rel=0.3)
    assert values["C44"] > 0


def test_example_melt_quench(example):
    folder = example("melt_quench", ranks=2, cells=1, melt=50, quench=100)
    dump = (folder / "amorphous.txt").read_text().splitlines()
    assert dump[3] == "8"


def test_example_hybrid_overlay(example):
    folder = example("hybrid_overlay", energy=30)
    table = np.loadtxt(folder / "collision.txt")
    assert table[:, 3].max() > 0.1  # ZBL acted
    total = table[:, 4]
    assert abs(total - total[0]).max() < 0.05 * 30


def test_example_energy_volume(example):
    folder = example("energy_volume", points=11)
    volume, energy, pressure = np.loadtxt(folder / "ev.txt", encoding="utf-8").T
    best = volume[np.argmin(energy)]
    assert best == pytest.approx(3.567**3 / 8, rel=0.06)
    assert pressure[0] > 0 > pressure[-1]


def test_example_minimise_mine(example, tmp_path):
    atoms = bulk("C", cubic=True)
    atoms.positions += 0.1 * np.random.default_rng(0).standard_normal(atoms.positions.shape)
    write_lammps_data(tmp_path / "my.data", atoms, masses=True)
    example("minimise_mine", rm_elements="C")
    assert (tmp_path / "minimised.data").stat().st_size > 0


def test_example_denoise(example):
    """Random atoms become diamond, on one rank and on two."""
    for ranks in (None, 2):
        folder = example("denoise", ranks=ranks, atoms=8, random=2)
        words = (folder / "denoised.log").read_text().split()
        assert float(words[words.index("volume") + 3].rstrip(",")) == pytest.approx(5.67, abs=0.03)
        assert float(words[3]) < 0.1


def test_example_detector(run, tmp_path):
    """Boundaries and defects have high E~, the crystal has not, and neighbours agree."""
    bundle = run("rm-deploy", "crystals").stdout.splitlines()[-1]
    sizes = {"length": 4, "width": 2, "depth": 3, "vacancies": 2, "inserted": 1}
    words = [word for name, value in sizes.items() for word in ("-var", name, value)]
    given = ("-var", "rm_bundle", bundle, "-var", "rm_elements", "Cu")
    run("lmp", "-in", EXAMPLES / "detector.in", *given, *words, cwd=tmp_path, ranks=2)
    table = np.loadtxt(tmp_path / "detector.txt", skiprows=9)
    energy, crystal = table[:, 4], table[:, 5] == 1
    assert 0.3 < crystal.mean() < 0.95
    assert energy[~crystal].mean() > energy[crystal].mean() + 0.03
    high = energy > energy[crystal].mean() + 0.05
    assert 20 < high.sum() < len(high) / 2
    assert (high & crystal).sum() <= 0.02 * high.sum()
    assert "by common neighbours" in (tmp_path / "detector.log").read_text()
