"""rm-train as a user runs it: nequip's own training on a tiny model, packaged and deployed."""

import csv
import json
import re
import subprocess
import time
from zipfile import ZipFile

import ase.io
import pytest
import yaml
from ase.build import bulk, molecule

from rm_lammps.files import MODEL_PACKAGE, pretrained_folder
from rm_lammps.pretrained.ladder import read_levels
from rm_lammps.response.keys import ANCHOR
from rm_lammps.training.spurious import SPURIOUS
from rm_lammps.training.training_config import load_config

TINY = {
    "name": "tiny",
    "description": "A test.",
    "data": {"supercell_atoms": [2, 8], "samples_per_epoch": 24, "validation_samples": 8},
    "model": {
        "r_max": 3.0,
        "l_max": 1,
        "num_scalar_features": 8,
        "num_tensor_features": 4,
        "mlp_width": 8,
    },
    "optimisation": {"epochs": 3, "batch_size": 8, "loss": {"energy": 0.1}},
    "compile": False,
    "threads": 1,
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    ase.io.write(folder / "diamond.cif", bulk("C", cubic=True))
    (folder / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    return folder


@pytest.fixture(scope="module")
def trained(run, inputs, tmp_path_factory):
    """A run that was killed after its first epoch, and went on."""
    out = tmp_path_factory.mktemp("training") / "run"
    command = ["rm-train", inputs / "tiny.yaml", "--data", inputs / "diamond.cif", "--out", out]
    process = subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and not (out / "checkpoints" / "last.ckpt").exists():
        time.sleep(0.02)
    process.kill()
    process.wait()
    # nequip's process ends with it, and its workers notice
    while subprocess.run(["pgrep", "-f", str(out)], check=False).returncode == 0:
        time.sleep(0.2)
    assert not (out / "model.nequip.zip").exists()
    done = run(*command, "--resume")
    assert done.stdout.splitlines()[-1] == str(out)
    assert "force RMSE" in done.stdout
    return out


def rows_of(folder):
    with (folder / "log.csv").open() as stream:
        return list(csv.DictReader(stream))


def test_a_run_leaves_model_statistics_card_log_and_picture(trained):
    assert (trained / "model.nequip.zip").stat().st_size < 2_000_000
    assert absolute_paths(trained / "model.nequip.zip") == []
    assert (trained / "training.png").stat().st_size > 1000
    assert [row["epoch"] for row in rows_of(trained)] == ["0", "1", "2"]
    assert all(float(row["forces_rmse"]) > 0 for row in rows_of(trained))
    statistics = json.loads((trained / "statistics.json").read_text())
    assert statistics["species"] == ["C"]
    assert statistics["volume_per_element"]["C"] == pytest.approx(
        bulk("C").get_volume() / 2, rel=1e-3
    )
    card = json.loads((trained / "card.json").read_text())
    assert card["seed"] == 0
    assert card["epochs"] == 3
    assert card["config"]["noise"]["displacement"] > 0
    assert "torch" in card["versions"]
    levels = card["errors_by_noise_level"]
    assert [row["level"] for row in levels] == sorted(row["level"] for row in levels)
    # labels grow with the noise, from none
    sizes = [row["forces_label_rms"] for row in levels]
    assert sizes == sorted(sizes)
    assert sizes[0] < 1e-12 < sizes[1]
    assert card["equilibrium"]["structures"] == 1
    assert [row["up_to_atoms"] for row in card["errors_by_number_of_atoms"]] == [8]


def test_the_model_deploys_and_generates(run, trained, tmp_path):
    run(
        *("rm-generate", "--model", trained, "--formula", "C2", "--num", 2),
        *("--out", tmp_path / "out"),
        ranks=2,
    )
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["attempted"] == 2


def absolute_paths(package):
    with ZipFile(package) as parts:
        (name,) = (name for name in parts.namelist() if name.endswith("/model/config.yaml"))
        return re.findall(r": (/.*)", parts.read(name).decode())


@pytest.mark.parametrize("package", sorted(pretrained_folder().rglob(MODEL_PACKAGE)))
def test_shipped_packages_hold_no_path_of_the_machine_they_come_from(package):
    assert absolute_paths(package) == []


def test_a_training_starts_from_a_model(run, refused, trained, inputs, tmp_path):
    slow = {**TINY, "optimisation": {"epochs": 1, "learning_rate": 1e-9}}
    (inputs / "slow.yaml").write_text(yaml.safe_dump(slow))
    command = ("rm-train", inputs / "slow.yaml", "--data", inputs / "diamond.cif")
    run(*command, "--out", tmp_path / "on", "--start-from", trained)
    card, before = (
        json.loads((folder / "card.json").read_text()) for folder in (tmp_path / "on", trained)
    )
    assert card["before"][0]["epochs"] == before["epochs"] == 3
    assert "Continues" in (tmp_path / "on" / "card.md").read_text()
    assert absolute_paths(tmp_path / "on" / "model.nequip.zip") == []
    # it has not moved: the errors on the same noise are those of the model it started from
    for now, then in zip(
        card["errors_by_noise_level"], before["errors_by_noise_level"], strict=True
    ):
        assert now["forces_rmse"] == pytest.approx(then["forces_rmse"], rel=1e-3)

    ase.io.write(tmp_path / "bn.extxyz", bulk("BN", "zincblende", a=3.6))
    message = refused(
        *("rm-train", inputs / "slow.yaml", "--data", tmp_path / "bn.extxyz"),
        *("--out", tmp_path / "other", "--start-from", trained),
    )
    assert "has the elements C, the training data B N" in message


def test_molecules_train(run, refused, tmp_path):
    frames = [molecule(name) for name in ("CH4", "C2H6", "C2H4", "C2H2")]
    ase.io.write(tmp_path / "molecules.extxyz", frames)
    tiny = {**TINY, "data": {"samples_per_epoch": 16}}
    tiny["optimisation"] = {"epochs": 1, "loss": {"energy": 1.0}}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(tiny))
    data, out = tmp_path / "molecules.extxyz", tmp_path / "run"
    ase.io.write(tmp_path / "false.extxyz", molecule("CH2_s1A1d"))
    words = ("rm-train", tmp_path / "tiny.yaml", "--data", data, "--out", out)
    run(*words, "--spurious", tmp_path / "false.extxyz")
    (false,) = ase.io.read(out / SPURIOUS, ":", format="extxyz")
    assert false.info[ANCHOR] == 0.05
    assert "spurious structures false.extxyz" in (out / "card.md").read_text()
    message = refused(*words, "--resume")
    assert "was started with other data" in message
    assert "--spurious" in message
    card = json.loads((out / "card.json").read_text())
    assert "stress_rmse" not in card["errors_by_noise_level"][0]
    statistics = json.loads((out / "statistics.json").read_text())
    assert statistics["molecular_formulas"] == {"C2H2": 1, "C2H4": 1, "C2H6": 1, "CH4": 1}
    assert 0.3 < statistics["gyration_radius"] < 2.0


def test_a_run_is_not_overwritten(refused, trained, inputs):
    message = refused(
        *("rm-train", inputs / "tiny.yaml", "--data", inputs / "diamond.cif", "--out", trained)
    )
    assert "--resume" in message


def test_a_changed_configuration_does_not_resume(refused, trained, inputs):
    message = refused(
        *("rm-train", inputs / "tiny.yaml", "--data", inputs / "diamond.cif"),
        *("--out", trained, "--resume", "--seed", 7),
    )
    assert "changed" in message
    assert "seed" in message


@pytest.mark.parametrize(
    ("config", "data", "message"),
    [
        ("nosuch", "diamond.cif", "Presets: "),
        ("tiny.yaml", "nosuch.cif", "No such data file"),
        ("wrong.yaml", "diamond.cif", "optimisation.epochs"),
        ("level.yaml", "diamond.cif", "level large: noise.displacement"),
        ("tiny.yaml", "broken.extxyz", "broken.extxyz"),
    ],
)
def test_bad_input_is_refused(refused, inputs, tmp_path, config, data, message):
    wrong = {**TINY, "optimisation": {"epochs": 0}}
    (inputs / "wrong.yaml").write_text(yaml.safe_dump(wrong))
    wrong = {**TINY, "levels": {"large": {"noise": {"displacement": -1}}}}
    (inputs / "level.yaml").write_text(yaml.safe_dump(wrong))
    (inputs / "broken.extxyz").write_text("2\nno lattice\nC 0 0 0\nC 0 0 nan\n")
    name = inputs / config if config.endswith(".yaml") else config
    text = refused("rm-train", name, "--data", inputs / data, "--out", tmp_path / "out")
    assert message in text


def test_other_or_missing_data_do_not_resume(refused, trained, inputs, tmp_path):
    command = ("rm-train", inputs / "tiny.yaml", "--out", trained, "--resume", "--data")
    ase.io.write(tmp_path / "diamond.cif", bulk("C", cubic=True, a=3.6))
    message = refused(*command, tmp_path / "diamond.cif")
    assert "was started with other data: diamond.cif, sha256" in message
    assert "No such data file" in refused(*command, tmp_path / "nowhere.cif")


def test_epochs_on_the_command_line_are_those_of_all_levels():
    assert load_config("glass").level("network").optimisation.minutes == 19
    few = load_config("glass", {"epochs": 3})
    for config in (few, few.level("network")):
        assert (config.optimisation.epochs, config.optimisation.minutes) == (3, None)
    assert few.level("network").optimisation.loss.half_weight == 0.15


def test_resuming_nothing(refused, inputs, tmp_path):
    text = refused(
        *("rm-train", inputs / "tiny.yaml", "--data", inputs / "diamond.cif"),
        *("--out", tmp_path / "nothing", "--resume"),
    )
    assert "Nothing to resume" in text


def test_a_large_cell_trains_in_crops(run, refused, tmp_path):
    """Two batches of one cell that exceeds them, for each of two levels of noise."""
    salt = bulk("NaCl", "rocksalt", a=5.6, cubic=True).repeat(4)
    salt.rattle(0.1, seed=1)
    ase.io.write(tmp_path / "salt.extxyz", salt)
    settings = {
        **TINY,
        "data": {"crop_atoms": 300, "samples_per_epoch": 2, "validation_samples": 1},
        "noise": {"region_atoms": 64, "displacement": 0.2},
        "optimisation": {"epochs": 1, "batch_size": 1},
        "levels": {"large": {"noise": {"displacement_min": 0.1, "displacement": 0.5}}},
    }
    (tmp_path / "crops.yaml").write_text(yaml.safe_dump(settings))
    data = ("--data", tmp_path / "salt.extxyz")
    run("rm-train", tmp_path / "crops.yaml", *data, "--out", tmp_path / "run")
    assert (tmp_path / "run" / "model.nequip.zip").stat().st_size < 2_000_000
    rows = json.loads((tmp_path / "run" / "card.json").read_text())["errors_by_noise_level"]
    assert rows[0]["forces_label_rms"] == pytest.approx(0, abs=1e-6)
    assert rows[-1]["forces_rmse"] > 0
    lowest, large = read_levels(tmp_path / "run")
    assert (lowest.noise, large.noise) == ((0.0, 0.2), (0.1, 0.5))
    own = json.loads((tmp_path / "run" / large.package).with_name("card.json").read_text())
    assert own["config"]["noise"] == {**own["config"]["noise"], "displacement": 0.5}
    assert "levels/large" in (tmp_path / "run" / "card.md").read_text()

    del settings["levels"]
    settings["data"]["crop_atoms"] = 50
    settings["model"] = {**TINY["model"], "r_max": 6.0}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(settings))
    out = ("--out", tmp_path / "other")
    assert "Give at least" in refused("rm-train", tmp_path / "small.yaml", *data, *out)
