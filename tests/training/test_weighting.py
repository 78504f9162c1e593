"""What counts how much in the loss, and what is shown how often."""

import csv
from collections import Counter

import ase.io
import pytest
import torch
from ase.build import bulk, molecule
from nequip.data import AtomicDataDict
from nequip.utils.global_state import set_global_state
from pymatgen.io.ase import AseAtomsAdaptor

from rm_lammps.errors import UserError
from rm_lammps.response.keys import ANCHOR, LOSS_WEIGHT, SHOWN
from rm_lammps.response.transform import ResponseTransform
from rm_lammps.systems import system_of
from rm_lammps.training.dataset import EquilibriumDataset
from rm_lammps.training.prepare import prepare
from rm_lammps.training.training_config import TrainingConfig, load_config
from rm_lammps.training.training_run import train
from rm_lammps.training.weighting import Weighted

set_global_state()


def samples(tmp_path, frames, **options):
    ase.io.write(tmp_path / "frames.extxyz", frames)
    transform = ResponseTransform(
        system=system_of(frames[0]).name,
        energy={},
        min_distances={"C-C": 1.54, "C-H": 1.1},
        seed=0,
        **options,
    )
    return EquilibriumDataset(str(tmp_path / "frames.extxyz"), [transform])


@pytest.mark.parametrize(("level", "weight"), [(0.0, 1.0), (0.5, 0.5), (1.0, 0.2)])
def test_a_sample_counts_half_at_the_noise_named(tmp_path, level, weight):
    noise = {"displacement": 0.6}
    data = samples(tmp_path, [bulk("C")], noise=noise, half_weight=0.3, level=level)
    assert data[0][LOSS_WEIGHT].item() == pytest.approx(weight)


def test_all_samples_count_alike_by_default(tmp_path):
    assert samples(tmp_path, [bulk("C")], noise={}, level=1.0)[0][LOSS_WEIGHT].item() == 1


def test_squared_errors_carry_the_weight(tmp_path):
    frames = [molecule("CH4"), molecule("C2H6")]
    data = samples(tmp_path, frames, noise={}, half_weight=0.2)
    labels = AtomicDataDict.batched_from_list([data[0], data[1]])
    zero = {name: torch.zeros_like(labels[name]) for name in ("forces", "total_energy")}
    guess = {**labels, **zero}
    weights = labels[LOSS_WEIGHT].ravel()
    assert weights[0] != weights[1]

    predicted, wanted = Weighted("forces")(guess, labels)
    per_atom = weights.repeat_interleave(torch.tensor([5, 8]))
    expected = (per_atom[:, None] * labels["forces"] ** 2).sum()
    torch.testing.assert_close(((predicted - wanted) ** 2).sum(), expected)

    predicted, wanted = Weighted("total_energy", per_atom=True)(guess, labels)
    energies = labels["total_energy"].ravel() / torch.tensor([5.0, 8.0])
    torch.testing.assert_close(((predicted - wanted) ** 2).sum(), (weights * energies**2).sum())


def test_molecules_have_a_volume_for_nequip(tmp_path):
    # torch.compile's self-check compares stresses, and NaN equals nothing
    sample = samples(tmp_path, [molecule("CH4")], noise={})[0]
    assert torch.linalg.det(sample["cell"]).item() == pytest.approx(1.0)


def test_structures_are_shown_as_often_as_they_say(tmp_path):
    frames = [molecule("CH4"), molecule("C2H6"), molecule("C2H4"), molecule("C2H2")]
    for atoms, shown in zip(frames, (1.0, 2.0, 5.0, 0.0), strict=True):
        atoms.info[SHOWN] = shown
    ase.io.write(tmp_path / "frames.extxyz", frames)
    data = EquilibriumDataset(str(tmp_path / "frames.extxyz"), samples=80, weighted=True)
    counts = Counter(len(data[i]["pos"]) for i in range(80))
    expected = {5: 10, 8: 20, 6: 50}
    assert set(counts) == set(expected)
    assert all(abs(counts[n] - expected[n]) <= 1 for n in expected)


@pytest.mark.parametrize(
    ("shown", "words"), [(-1.0, "can't be shown less"), ("often", "no number")]
)
def test_bad_shares_are_named(tmp_path, shown, words):
    atoms = bulk("C")
    atoms.info["share"] = shown
    ase.io.write(tmp_path / "frames.extxyz", atoms)
    config = TrainingConfig.model_validate({"name": "x", "data": {"weight_key": "share"}})
    with pytest.raises(UserError) as raised:
        train(config, tmp_path / "frames.extxyz", tmp_path / "out")
    assert words in str(raised.value)


def test_the_preset_of_crystals_takes_mp20_as_it_is_published(tmp_path):
    columns = ("material_id", "formation_energy_per_atom", "cif")
    with (tmp_path / "train.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("", *columns))
        for number, name in enumerate(("NaCl", "MgO", "LiF")):
            cif = AseAtomsAdaptor.get_structure(bulk(name, "rocksalt", a=4.5)).to(fmt="cif")
            rows.writerow((number, f"mp-{number}", -1.5, cif))
    # what prototypes a model carries is another test's
    config = load_config("crystals", {"data": {"prototypes": False}})
    prepare(config, tmp_path / "train.csv", tmp_path / "run")
    learned = ase.io.read(tmp_path / "run" / "data" / "train.extxyz")
    assert learned.info[ANCHOR] == -1.5
