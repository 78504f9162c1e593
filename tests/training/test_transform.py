"""The data transform and data set, as nequip sees them."""

import ase.io
import numpy as np
import pytest
import torch
from ase.build import bulk, molecule
from nequip.data import AtomicDataDict
from nequip.utils.global_state import set_global_state

from rm_lammps.response.transform import ResponseTransform
from rm_lammps.systems import system_of
from rm_lammps.training.dataset import EquilibriumDataset
from rm_lammps.training.training_config import load_config, preset_names

set_global_state()


def dataset(tmp_path, frames, samples=None, **options):
    ase.io.write(tmp_path / "frames.extxyz", frames)
    options = {"noise": {}, "energy": {}, "min_distances": {"C-C": 1.54}, **options}
    transform = ResponseTransform(system=system_of(frames[0]).name, **options)
    return EquilibriumDataset(str(tmp_path / "frames.extxyz"), [transform], samples)


def test_noise_is_fresh_at_every_access(tmp_path):
    data = dataset(tmp_path, [bulk("C", cubic=True)])
    assert not torch.equal(data[0]["pos"], data[0]["pos"])


def test_noise_for_validation_is_the_same_every_time(tmp_path):
    data = dataset(tmp_path, [bulk("C", cubic=True)], samples=3, seed=5)
    assert torch.equal(data[1]["pos"], data[1]["pos"])
    assert not torch.equal(data[1]["pos"], data[2]["pos"])


def test_fresh_noise_follows_torchs_generator(tmp_path):
    data = dataset(tmp_path, [bulk("C", cubic=True)])
    torch.manual_seed(1)
    first = data[0]["pos"]
    torch.manual_seed(1)
    assert torch.equal(data[0]["pos"], first)


def test_samples_batch(tmp_path):
    frames = [bulk("C"), bulk("C", cubic=True)]
    data = dataset(tmp_path, frames, samples=4, supercell_atoms=(4, 12))
    batch = AtomicDataDict.batched_from_list([data[i] for i in range(4)])
    assert AtomicDataDict.num_frames(batch) == 4
    assert batch["forces"].shape == batch["pos"].shape
    assert batch["stress"].shape == (4, 3, 3)


def test_supercells_stay_in_range(tmp_path):
    data = dataset(tmp_path, [bulk("C")], samples=60, seed=0, supercell_atoms=(4, 12))
    sizes = {len(data[i]["pos"]) for i in range(60)}
    assert sizes == {4, 6, 8, 10, 12}


def test_supercells_of_the_perfect_crystal_are_perfect(tmp_path):
    data = dataset(tmp_path, [bulk("C")], samples=30, seed=0, level=0.0, supercell_atoms=(4, 16))
    for i in range(30):
        sample = data[i]
        atoms = ase.Atoms(
            "C" * len(sample["pos"]),
            sample["pos"].numpy(),
            cell=sample["cell"][0].numpy(),
            pbc=True,
        )
        assert atoms.get_volume() / len(atoms) == pytest.approx(bulk("C").get_volume() / 2)
        distances = np.unique(ase.neighborlist.neighbor_list("d", atoms, 2.0).round(4))
        assert len(distances) == 1
        np.testing.assert_allclose(sample["forces"].numpy(), 0, atol=1e-9)


def test_molecules_have_no_stress(tmp_path):
    data = dataset(tmp_path, [molecule("CH4")], min_distances={"C-H": 1.1})
    sample = data[0]
    assert torch.isnan(sample["stress"]).all()
    torch.testing.assert_close(sample["forces"].sum(0), torch.zeros(3), atol=1e-9, rtol=0)


@pytest.mark.parametrize("preset", preset_names())
def test_presets_load(preset):
    assert load_config(preset).name == preset
