"""Settings by the size of the data."""

import json
import os
import random

import ase.io
import pytest
from ase.build import bulk, molecule

from rm_lammps.training.suited import suited_settings
from rm_lammps.training.training_config import TrainingConfig, load_config


@pytest.mark.parametrize("count", [1, 5, 40, 1000])
@pytest.mark.parametrize("atoms", [bulk("C"), bulk("C", cubic=True) * 2, molecule("CH4")])
def test_settings_are_a_configuration(count, atoms):
    config = load_config(suited_settings([atoms] * count, "mine"))
    assert isinstance(config, TrainingConfig)
    assert (config.data.supercell_atoms is not None) == (
        atoms.pbc.all() and len(atoms) <= 12 and count <= 200
    )


def _on_one_core() -> None:
    os.sched_setaffinity(0, {random.choice(sorted(os.sched_getaffinity(0)))})


def test_a_folder_of_structures_is_enough(run, tmp_path):
    (tmp_path / "cifs").mkdir()
    for k, a in enumerate((3.5, 3.6)):
        ase.io.write(tmp_path / "cifs" / f"{k}.cif", bulk("C", "diamond", a=a))
    out = tmp_path / "mine"
    words = ("rm-train", "auto", "--data", tmp_path / "cifs", "--out", out, "--epochs", 1)
    # the compiled step has tests of its own, and compiling takes most of a minute; on one core it
    # has one thread, and none that waits for a core
    run(*words, env={"TORCHDYNAMO_DISABLE": "1"}, preexec_fn=_on_one_core)
    card = json.loads((out / "card.json").read_text())
    assert card["name"] == "mine"
    assert card["data"]["structures"] == 2
    assert card["errors_by_noise_level"][0]["displacement"] == 0
    assert card["equilibrium"]["structures"] == 2
