"""Structures that are learned as spurious: what is shown of them, and what it does to E~."""

import ase.io
import numpy as np
import pytest
from ase.build import bulk

import rm_lammps as rm
from rm_lammps.datasets import DatasetStatistics
from rm_lammps.response.keys import ANCHOR, WRONG
from rm_lammps.training.prepare import prepare
from rm_lammps.training.samples import SampleSource
from rm_lammps.training.spurious import SPURIOUS
from rm_lammps.training.training_config import TrainingConfig

DIAMOND = bulk("C", cubic=True)
CUBIC = bulk("C", "sc", a=1.9)
LARGE = CUBIC.repeat(8)
CONFIG = {
    "name": "tiny",
    "data": {"samples_per_epoch": 16, "validation_samples": 8},
    "model": {
        "r_max": 3.0,
        "l_max": 1,
        "num_scalar_features": 8,
        "num_tensor_features": 4,
        "mlp_width": 8,
    },
    "spurious": {"energy": 0.5, "share": 0.5},
    "optimisation": {"epochs": 1, "batch_size": 8, "loss": {"energy": 20.0}},
    "compile": False,
}


def told(atoms, wrong):
    """Atoms that say which of them are wrong."""
    marked = atoms.copy()
    marked.set_array(WRONG, np.asarray(wrong).astype(int))
    return marked


def prepared(config, folder):
    """Prepare a training of two files of a folder."""
    return prepare(
        config, folder / "known.extxyz", folder / "out", spurious=folder / "false.extxyz"
    )


def test_they_are_minima_at_a_height_under_little_noise(tmp_path):
    config = TrainingConfig.model_validate({**CONFIG, "spurious": {"noise": 0.1, "share": 0.25}})
    ase.io.write(tmp_path / "train.extxyz", [DIAMOND] * 3)
    false = CUBIC.copy()
    false.info[ANCHOR] = 0.7
    ase.io.write(tmp_path / "false.extxyz", [false] * 2)
    statistics = DatasetStatistics.of([DIAMOND], cutoff=3.0)
    source = SampleSource(
        tmp_path / "train.extxyz", config, statistics, spurious=tmp_path / "false.extxyz"
    )
    assert source.shares[3:].sum() / source.shares.sum() == pytest.approx(0.25)
    drawn = source.draw([0, 3], np.random.default_rng(0), level=0.0)
    assert drawn.energies == pytest.approx([0.0, 0.7])
    assert drawn.noisy.forces == pytest.approx(0.0, abs=1e-9)
    drawn = source.draw([0] * 50 + [3] * 50, np.random.default_rng(0))
    sigmas = drawn.noisy.sigmas[drawn.noisy.structures.first]
    assert sigmas[50:].max() <= 0.1 * config.noise.displacement < sigmas[:50].max()


@pytest.mark.parametrize("atoms", [CUBIC.repeat(2), LARGE], ids=["small", "large"])
def test_where_wrong_atoms_are_told_each_has_the_energy_and_no_force(tmp_path, atoms):
    """In a cell of thousands of atoms too, under its share of the noise."""
    wrong = np.arange(len(atoms)) % 4 == 0
    ase.io.write(tmp_path / "false.extxyz", told(atoms, wrong))
    ase.io.write(tmp_path / "known.extxyz", DIAMOND)
    config = TrainingConfig.model_validate({**CONFIG, "spurious": {"energy": 0.4, "noise": 0.1}})
    false = prepared(config, tmp_path)
    source = SampleSource(
        tmp_path / "out/data/train.extxyz", config, false, spurious=tmp_path / "out" / SPURIOUS
    )
    drawn = source.draw([1], np.random.default_rng(0), level=0.0)
    assert drawn.energies == pytest.approx([0.1])
    assert (drawn.atom_weights > 0).tolist() == (~wrong).tolist()
    drawn = source.draw([0, 1], np.random.default_rng(1))
    sigmas = drawn.noisy.sigmas[drawn.noisy.structures.first]
    assert 0 < sigmas[1] <= 0.1 * config.noise.displacement


@pytest.mark.parametrize(
    ("atoms", "change", "message"),
    [
        (CUBIC, {"optimisation": {"epochs": 1}}, "optimisation.loss.energy is 0"),
        (bulk("Si"), {}, "has Si, which no training structure has"),
        (CUBIC, {"data": {"energy_key": "energy"}}, "has no number under info['energy']"),
        (LARGE, {"data": {"crop_atoms": 400}}, "A crop has no energy of its own"),
        (told(CUBIC, [2]), {}, "has other numbers than 0 and 1"),
    ],
)
def test_what_cannot_be_learned_is_refused(tmp_path, atoms, change, message):
    known = DIAMOND.copy()
    known.info["energy"] = 0.0
    ase.io.write(tmp_path / "known.extxyz", known)
    ase.io.write(tmp_path / "false.extxyz", atoms)
    words = ({**CONFIG, **change}, tmp_path / "known.extxyz", tmp_path / "out")
    with pytest.raises(rm.UserError, match=message.replace("[", r"\[")):
        rm.train(*words, spurious=tmp_path / "false.extxyz")
