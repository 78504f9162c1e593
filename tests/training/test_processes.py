"""Several processes, machines without network, the same seed twice."""

import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import ase.io
import lightning
import pytest
import torch
import yaml
from ase.build import bulk

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.errors import UserError
from rm_lammps.files import MODEL_PACKAGE
from rm_lammps.systems import find_system
from rm_lammps.training import products, training_run
from rm_lammps.training.data import ResponseData
from rm_lammps.training.fit import build_module, fit
from rm_lammps.training.prepare import prepare
from rm_lammps.training.training_config import load_config

ROOT = Path(__file__).parents[2]
TINY = {
    "name": "tiny",
    "data": {"supercell_atoms": [2, 8], "samples_per_epoch": 96, "validation_samples": 8},
    "model": {
        "r_max": 3.0,
        "l_max": 1,
        "num_scalar_features": 8,
        "num_tensor_features": 4,
        "mlp_width": 8,
    },
    "optimisation": {"epochs": 2, "batch_size": 4, "loss": {"energy": 0.1}},
    "compile": False,
    "threads": 1,
    "workers": 0,
}
TORCHRUN = ("torchrun", "--standalone", "--nproc-per-node", "2")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    ase.io.write(folder / "diamond.cif", bulk("C", cubic=True))
    for name, workers in {"tiny": 0, "other": 0, "shared": 1}.items():
        fields = {**TINY, "name": name, "workers": workers}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(fields))
    return folder


def rows_of(folder):
    with (folder / "log.csv").open() as stream:
        return list(csv.DictReader(stream))


def weights_of(folder):
    checkpoint = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=False)
    return {k: v for k, v in checkpoint["state_dict"].items() if k.startswith("model.")}


def prepared(inputs, folder, **changes):
    config = {**TINY, **changes}
    file = folder.with_suffix(".yaml")
    file.write_text(yaml.safe_dump(config))
    prepare(load_config(str(file)), inputs / "diamond.cif", folder)
    return folder


def test_the_same_seed_gives_the_same_model(run, inputs, tmp_path, monkeypatch):
    """In another process, with a process that draws the noise, and in this one."""
    changes = {"a": {"workers": 1}, "b": {}, "c": {"seed": 3}}
    folders = [prepared(inputs, tmp_path / name, **some) for name, some in changes.items()]
    run(sys.executable, "-m", "rm_lammps.training.fit", folders[0], cwd=folders[0])
    for folder in folders[1:]:
        monkeypatch.chdir(folder)
        fit(folder)
    a, b, c = map(weights_of, folders)
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not all(torch.equal(a[name], c[name]) for name in a)


def test_models_the_step_does_not_know_train_through_nequip(run, inputs, tmp_path):
    folder = prepared(inputs, tmp_path / "zbl")
    fields = yaml.safe_load((folder / "nequip.yaml").read_text())
    fields["training_module"]["model"]["pair_potential"] = {
        "_target_": "nequip.nn.pair_potential.ZBL",
        "chemical_species": ["C"],
        "units": "metal",
    }
    (folder / "nequip.yaml").write_text(yaml.safe_dump(fields))
    done = run(sys.executable, "-m", "rm_lammps.training.fit", folder, cwd=folder)
    assert "nequip-train trains this model" in done.stdout
    assert "pair_potential" in done.stdout
    assert [row["epoch"] for row in rows_of(folder)] == ["0", "1"]
    assert (folder / "checkpoints" / "best.ckpt").exists()


def force_error(folder):
    """Of the last checkpoint, on this package's validation noise."""
    config = load_config(yaml.safe_load((folder / "config.yaml").read_text()))
    statistics = DatasetStatistics.model_validate_json((folder / "statistics.json").read_text())
    module = build_module(yaml.safe_load((folder / "nequip.yaml").read_text()))
    module.use_step(config.optimisation.loss, find_system("crystal"), compile_step=False)
    trainer = lightning.Trainer(
        accelerator="cpu",
        inference_mode=False,
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
    )
    (found,) = trainer.validate(
        module,
        datamodule=ResponseData(folder, config, statistics),
        ckpt_path=folder / "checkpoints" / "last.ckpt",
        weights_only=False,
        verbose=False,
    )
    return found["val0_epoch/forces_rmse"]


def test_a_short_training_ends_where_nequips_does(run, inputs, tmp_path, monkeypatch):
    longer = {**TINY["optimisation"], "epochs": 12}
    folders = [prepared(inputs, tmp_path / n, optimisation=longer) for n in ("ours", "nequip")]
    monkeypatch.chdir(folders[0])
    fit(folders[0])
    words = ("-m", "nequip.scripts.train", "-cp", folders[1], "-cn", "nequip")
    run(sys.executable, *words, "hydra.run.dir=.", cwd=folders[1])
    ours, theirs = map(force_error, folders)
    assert ours == pytest.approx(theirs, rel=0.1)
    assert theirs < 0.6 * float(rows_of(folders[0])[0]["forces_label_rms"])


def test_two_processes_have_the_gradient_of_one(run, inputs, tmp_path):
    folder = prepared(inputs, tmp_path / "run", model={**TINY["model"], "dtype": "float64"})
    done = run(*TORCHRUN, Path(__file__).with_name("two_processes.py"), folder)
    assert done.stdout.count("one gradient") == 2


def test_processes_of_one_machine_share_batches(run, inputs, tmp_path):
    """Killed, they leave nobody behind; resumed, they end what they began."""
    words = ("rm-train", inputs / "shared.yaml", "--data", inputs / "diamond.cif")
    words += ("--processes", "2", "--out", tmp_path / "run")
    process = subprocess.Popen([str(word) for word in words], stderr=subprocess.DEVNULL)
    while process.poll() is None and not (tmp_path / "run" / "checkpoints" / "last.ckpt").exists():
        time.sleep(0.02)
    process.kill()
    process.wait()
    while subprocess.run(["pgrep", "-f", str(tmp_path)], check=False).returncode == 0:
        time.sleep(0.2)
    run(*words, "--resume")
    assert [row["epoch"] for row in rows_of(tmp_path / "run")] == ["0", "1"]
    assert (tmp_path / "run" / "model.nequip.zip").exists()
    config = load_config(yaml.safe_load((tmp_path / "run" / "config.yaml").read_text()))
    statistics = (tmp_path / "run" / "statistics.json").read_text()
    data = ResponseData(tmp_path / "run", config, DatasetStatistics.model_validate_json(statistics))
    assert data.plan.batch_size == TINY["optimisation"]["batch_size"] // 2


def test_processes_are_asked_for_once(inputs, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    config = load_config({**TINY, "processes": 2})
    with pytest.raises(UserError, match="Leave `processes` out"):
        training_run.train(config, inputs / "diamond.cif", tmp_path / "run")


def test_a_run_of_a_version_before_resumes(tmp_path):
    config = load_config(TINY)
    fields = config.model_dump(mode="json")
    del fields["processes"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(fields))
    training_run._check_resumable(tmp_path, config, "diamond.cif")
    with pytest.raises(UserError, match="processes"):
        training_run._check_resumable(tmp_path, load_config({**TINY, "processes": 2}), "x")


def test_products_are_exact_on_this_cpu(run, tmp_path):
    code = (
        "from rm_lammps.training import products; products.choose_products();"
        "assert products.product_error() < 1e-5"
    )
    run(sys.executable, "-c", code, cwd=tmp_path)


def test_products_that_round_are_not_used(monkeypatch):
    """As on a processor with units for bfloat16."""
    before = torch.get_float32_matmul_precision()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(products, "_is_amd", lambda: True)
    errors = iter([1e-3, 1e-7])
    monkeypatch.setattr(products, "product_error", lambda: next(errors))
    try:
        for expected in ("highest", "medium"):
            products.choose_products()
            assert torch.get_float32_matmul_precision() == expected
    finally:
        torch.set_float32_matmul_precision(before)


def test_a_gpu_job_is_rehearsed(run, inputs, tmp_path):
    """From the folder that is packed to a packaged model."""
    job, results = tmp_path / "job", tmp_path / "results"
    words = [sys.executable, ROOT / "scripts" / "gpu" / "pack.py", "--out", job, "--no-wheels"]
    words += [f"{inputs / name}={inputs / 'diamond.cif'}" for name in ("tiny.yaml", "other.yaml")]
    words += ["--samples", "32", "--batch-size", "8", "--workers", "0", "--minutes", "0.03"]
    subprocess.run([str(word) for word in words], check=True)
    environment = {**os.environ, "PYTHON": sys.executable}
    subprocess.run(["bash", str(job / "run.sh"), str(results)], check=True, env=environment)
    for name in ("tiny", "other"):
        assert 0 < (results / name / "last.ckpt").stat().st_size < 16 * 2**20
        rows = rows_of(results / name)
        assert [int(row["epoch"]) for row in rows] == list(range(len(rows)))
        rates = [float(row["learning_rate"]) for row in rows]
        # as set at the last step of each epoch, by the clock
        assert rates == sorted(rates, reverse=True)
    # back where the model is packaged, by two processes of a launcher: the minutes are over
    folder = job / "runs" / "tiny"
    words = ["rm-train", folder / "config.yaml", "--data", inputs / "diamond.cif", "--out", folder]
    done = run(*TORCHRUN, "--no-python", *words, "--resume")
    assert done.stdout.splitlines().count(str(folder)) == 2
    assert (folder / "train-1.log").exists()
    assert (folder / "model.nequip.zip").exists()
    assert len(rows_of(folder)) <= len(rows_of(results / "tiny")) + 1
    assert float(rows_of(folder)[-1]["learning_rate"]) < 1e-4


FULL = """
import os, resource, sys
from pathlib import Path
from rm_lammps.errors import UserError
from rm_lammps.training import products, training_run

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    training_run._run(
        Path(sys.argv[1]), "x.log", ["no_such_module"], dict(os.environ), visible=False,
        failure="The training stopped.",
    )
except UserError as error:
    print(error)
"""


@pytest.mark.parametrize("room", [100_000, -1])
def test_a_training_that_stops_on_a_full_disk_says_so(room, tmp_path):
    """A limit on the size of files stands for the disk, on which the log has no room either."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path), str(room)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert "The training stopped." in done.stdout
    assert ("Make room, then go on with --resume." in done.stdout) == (room > 0)
    assert ("No module named no_such_module" in done.stdout) == (room < 0)


def test_half_a_model_is_not_left(monkeypatch, tmp_path):
    def stops(folder, *_, **__):
        (folder / MODEL_PACKAGE).write_text("half")
        raise UserError("no room")

    monkeypatch.setattr(training_run, "_run", stops)
    with pytest.raises(UserError, match="no room"):
        training_run._package(load_config("diamond"), tmp_path)
    assert not list(tmp_path.iterdir())
