"""Energies that anchor E~ at equilibrium."""

import ase.io
import pytest
from ase.build import bulk, molecule
from nequip.utils.global_state import set_global_state

from rm_lammps.errors import UserError
from rm_lammps.response.keys import ANCHOR
from rm_lammps.response.transform import ResponseTransform
from rm_lammps.training.dataset import EquilibriumDataset
from rm_lammps.training.training_config import TrainingConfig
from rm_lammps.training.training_run import train

set_global_state()


def test_the_anchor_shifts_the_energy_and_nothing_else(tmp_path):
    plain, anchored = bulk("C", cubic=True), bulk("C", cubic=True)
    anchored.info[ANCHOR] = -0.3
    ase.io.write(tmp_path / "frames.extxyz", [plain, anchored])
    transform = ResponseTransform(
        system="crystal", noise={}, energy={}, min_distances={"C-C": 1.54}, seed=1, level=0.0
    )
    data = EquilibriumDataset(str(tmp_path / "frames.extxyz"), [transform])
    assert data[0]["total_energy"].item() == pytest.approx(0.0, abs=1e-12)
    assert data[1]["total_energy"].item() == pytest.approx(8 * -0.3)
    assert data[1]["forces"].abs().max() < 1e-9
    assert ANCHOR not in data[1]


def test_structures_without_the_energy_are_named(tmp_path):
    ase.io.write(tmp_path / "frames.extxyz", bulk("C"))
    config = TrainingConfig.model_validate(
        {
            "name": "x",
            "data": {"energy_key": "e_form"},
            "optimisation": {"loss": {"energy": 1.0}},
        }
    )
    with pytest.raises(UserError, match=r"frames.extxyz, frame 0 .*has no number under .*e_form"):
        train(config, tmp_path / "frames.extxyz", tmp_path / "out")


@pytest.mark.parametrize(
    ("data", "atoms", "message"),
    [
        ({"energy_key": "e_form"}, bulk("C"), "energy_key would do nothing.*loss.energy is 0"),
        ({"energy_scale": 2.0}, bulk("C"), "energy_scale would do nothing"),
        ({"prototypes": True}, molecule("CH4"), "prototypes would do nothing.*molecules"),
        ({"supercell_atoms": [4, 16]}, molecule("CH4"), "supercell_atoms would do nothing"),
    ],
)
def test_settings_of_the_data_that_would_do_nothing_are_refused(tmp_path, data, atoms, message):
    ase.io.write(tmp_path / "frames.extxyz", atoms)
    config = TrainingConfig.model_validate({"name": "x", "data": data})
    with pytest.raises(UserError, match=message):
        train(config, tmp_path / "frames.extxyz", tmp_path / "out")
