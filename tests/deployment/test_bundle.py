"""Bundles are checked against this machine, and models are found by name."""

import json
import shutil
from pathlib import Path

import pytest

from rm_lammps.deployment.bundle import Bundle
from rm_lammps.errors import UserError
from rm_lammps.files import shipped_models
from rm_lammps.pretrained.source import find_model


@pytest.fixture
def copied(diamond_bundle, tmp_path):
    return Path(shutil.copytree(diamond_bundle, tmp_path / "bundle"))


def edit(bundle, change):
    manifest = json.loads((bundle / "manifest.json").read_text())
    change(manifest)
    (bundle / "manifest.json").write_text(json.dumps(manifest))


def test_manifest_says_what_the_bundle_is(diamond_bundle):
    manifest = Bundle.load(diamond_bundle).manifest
    assert manifest.species == ["C"]
    assert manifest.units == "metal"
    assert manifest.cutoff > 2
    assert set(manifest.versions) >= {"torch", "lammps", "nequip", "rm_lammps"}
    assert {"model.nequip.pt2", "pair.in"} <= set(manifest.files)
    assert Bundle.load(diamond_bundle).statistics.species == ["C"]


def test_a_shipped_model_is_compiled_once(run, diamond_bundle):
    before = (diamond_bundle / "model.nequip.pt2").stat().st_mtime_ns
    done = run("rm-deploy", "diamond", ranks=2)
    assert set(done.stdout.split()) == {str(diamond_bundle)}
    assert (diamond_bundle / "model.nequip.pt2").stat().st_mtime_ns == before


def test_another_torch_is_refused(refused, copied, tmp_path):
    edit(copied, lambda m: m["versions"].update(torch="2.11.0"))
    text = refused(
        *("rm-generate", "--model", copied, "--formula", "C8", "--out", tmp_path / "out")
    )
    assert "torch 2.11.0" in text
    assert "rm-deploy" in text


def test_another_cpu_is_refused(copied):
    edit(copied, lambda m: m.update(cpu="Cray-1"))
    with pytest.raises(UserError, match="another CPU: Cray-1"):
        Bundle.load(copied)


def test_a_damaged_model_is_refused(copied):
    with (copied / "model.nequip.pt2").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(UserError, match="not the file that was deployed"):
        Bundle.load(copied)


def test_a_manifest_that_is_none(copied):
    (copied / "manifest.json").write_text("{}")
    with pytest.raises(UserError, match="not a manifest"):
        Bundle.load(copied)


def test_shipped_models_are_found_by_name():
    assert "diamond" in shipped_models()
    source = find_model("diamond")
    assert source.statistics is not None
    assert source.package.stat().st_size < 5_000_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch"], "Shipped models: crystals, diamond, molecules"),
        (["diamond", "--device", "abacus"], "Allowed: cpu, cuda"),
        (["diamond", "--out", "/proc/nowhere/bundle"], "Can't write"),
        (["diamond", "--out", "/tmp/with space"], "has a space"),
    ],
)
def test_bad_input_is_refused(refused, arguments, message):
    assert message in refused("rm-deploy", *arguments)


def test_a_folder_that_is_no_bundle_is_left_alone(refused, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    assert "not a bundle" in refused("rm-deploy", "diamond", "--out", tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "precious"


def test_no_compiler(refused, tmp_path):
    """A first use on a machine without a C++ compiler."""
    text = refused(
        *("rm-deploy", "diamond"),
        env={
            "RM_LAMMPS_CACHE": str(tmp_path),
            "CXX": "",
            "PATH": _path_without_compilers(tmp_path),
        },
    )
    assert "compiler" in text


def _path_without_compilers(tmp_path):
    import sys

    folder = tmp_path / "bin"
    folder.mkdir()
    for program in Path(sys.prefix, "bin").iterdir():
        (folder / program.name).symlink_to(program)
    return str(folder)


def test_doctor_is_content(run):
    text = run("rm-doctor").stdout
    assert "FAIL" not in text
    assert "sees 2 ranks" in text


def test_doctor_says_what_to_do(refused_doctor):
    assert "load your cluster's compiler module" in refused_doctor


@pytest.fixture
def refused_doctor(run):
    done = run("rm-doctor", env={"CXX": "no-such-compiler"}, check=False)
    assert done.returncode == 2
    return done.stdout
