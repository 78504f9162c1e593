"""Bundles are checked against this machine, and models are found by name."""

import json
import re
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from rm_lammps.cache import cpu_type
from rm_lammps.deployment import bundle as bundle_module
from rm_lammps.deployment.bundle import Bundle, find_bundle
from rm_lammps.deployment.weights import read_header
from rm_lammps.errors import UserError
from rm_lammps.files import pretrained_folder, shipped_models
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
    assert set(manifest.versions) == {"lammps", "rm_lammps"}
    assert {"model.allegro", "pair.in"} <= set(manifest.files)
    assert Bundle.load(diamond_bundle).statistics.species == ["C"]


def test_a_shipped_model_is_deployed_once(run, diamond_bundle):
    before = (diamond_bundle / "model.allegro").stat().st_mtime_ns
    done = run("rm-deploy", "diamond", ranks=2)
    assert set(done.stdout.split()) == {str(diamond_bundle)}
    assert (diamond_bundle / "model.allegro").stat().st_mtime_ns == before


@pytest.fixture
def with_graph(copied):
    """The bundle as that of a model that the kernel doesn't know: a graph alone."""
    (copied / "model.allegro").rename(copied / "model.nequip.pt2")

    def change(manifest):
        manifest["files"]["model.nequip.pt2"] = manifest["files"].pop("model.allegro")
        manifest["cpu"] = cpu_type()
        manifest["versions"]["torch"] = version("torch")

    edit(copied, change)
    Bundle.load(copied)
    return copied


def test_another_torch_is_refused(refused, with_graph, tmp_path):
    edit(with_graph, lambda m: m["versions"].update(torch="2.11.0"))
    text = refused(
        *("rm-generate", "--model", with_graph, "--formula", "C8", "--out", tmp_path / "out")
    )
    assert "torch 2.11.0" in text
    assert "rm-deploy" in text


def test_another_cpu_is_refused(with_graph):
    edit(with_graph, lambda m: m.update(cpu="Cray-1"))
    with pytest.raises(UserError, match="another CPU: Cray-1"):
        Bundle.load(with_graph)


@pytest.mark.parametrize(
    ("edited", "anew"), [("doctor.py", False), ("plugin.py", False), ("compile.py", True)]
)
def test_what_only_looks_at_machines_makes_no_bundle_anew(monkeypatch, edited, anew):
    source = find_model("diamond")
    before = bundle_module._cached_folder(source, "cpu", graph=False)
    hashed = bundle_module.sha256
    monkeypatch.setattr(
        bundle_module, "sha256", lambda path: "" if path.name == edited else hashed(path)
    )
    assert (bundle_module._cached_folder(source, "cpu", graph=False) != before) == anew


def test_shipped_models_are_used_where_they_lie(monkeypatch, tmp_path):
    for name in shipped_models():
        bundle = find_bundle(name)
        assert bundle.folder == pretrained_folder() / name
        assert bundle.model == "model.allegro"
        assert not bundle.needs_graphs


def test_weights_of_another_package_are_not_used(run, monkeypatch, tmp_path):
    """A model that was trained anew in the same folder: its old weights are of no use."""
    folder = shutil.copytree(pretrained_folder() / "diamond", tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    assert Bundle.in_place(find_model("model")) is not None
    shutil.copy(pretrained_folder() / "molecules" / "model.nequip.zip", folder)
    assert Bundle.in_place(find_model(str(folder))) is None
    bundle = Bundle.load(run("rm-deploy", folder, "--out", tmp_path / "b").stdout.split()[-1])
    assert bundle.manifest.species == find_bundle("molecules").manifest.species


EXPORT = """
import sys
from rm_lammps.deployment.compile import _main
for package in sys.argv[1:]:
    _main("weights", package, package.replace("model.nequip.zip", "model.allegro"), "cpu")
"""


def test_shipped_weights_are_those_of_the_package(run, tmp_path):
    """Of all models and levels in one process, most of whose time are imports."""
    shipped = pretrained_folder()
    copies = []
    for package in sorted(shipped.rglob("model.nequip.zip")):
        copies.append(tmp_path / package.relative_to(shipped))
        copies[-1].parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(package, copies[-1])
    run(sys.executable, "-c", EXPORT, *copies, cwd=tmp_path)
    for copy in copies:
        made = copy.with_name("model.allegro")
        wanted = shipped / made.relative_to(tmp_path)
        assert made.read_bytes() == wanted.read_bytes()


@pytest.mark.parametrize("content", [b"", b"text\n", b"allegro-weights 1\nr_max four\n\n", b"\xff"])
def test_a_file_of_weights_that_is_none(content, tmp_path):
    (tmp_path / "model.allegro").write_bytes(content)
    with pytest.raises(UserError, match=r"model\.allegro is no file of weights"):
        read_header(tmp_path / "model.allegro")


def test_a_damaged_model_is_refused(copied):
    with (copied / "model.allegro").open("ab") as stream:
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
        (["nosuch"], "Shipped models: crystals, diamond, molecules, silica"),
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


BOX = """
units metal
region b block 0 3.57 0 3.57 0 3.57
create_box {types} b
lattice diamond 3.57
create_atoms 1 box
mass * 12.011
include {folder}/pair.in
run 0
print "RESULT $(pe)"
"""


def results(run, tmp_path, script, *variables):
    (tmp_path / "in.lmp").write_text(script)
    done = run("lmp", "-in", tmp_path / "in.lmp", "-log", "none", *variables, cwd=tmp_path)
    models = re.findall(r"Allegro model (\S+)/model.allegro", done.stdout)
    return models, [float(word) for word in re.findall(r"^RESULT (\S+)", done.stdout, re.M)]


def other_model(bundle, folder):
    """The bundle with a model of other content, its pair.in as rm-deploy would write it."""
    shutil.copytree(bundle, folder)
    (marker,) = folder.glob("*.id")
    renamed = marker.rename(folder / "0123456789abcdef.id")
    text = (folder / "pair.in").read_text().replace(str(bundle), str(folder))
    (folder / "pair.in").write_text(text.replace(marker.name, renamed.name))
    return folder


def test_each_include_loads_its_own_model(run, diamond_bundle, tmp_path):
    other = other_model(diamond_bundle, tmp_path / "other")
    script = (
        BOX.format(types=1, folder=diamond_bundle) + "clear" + BOX.format(types=1, folder=other)
    )
    models, energies = results(run, tmp_path, script)
    assert models == [str(diamond_bundle), str(other)]
    # whatever is said of the first one
    models, _ = results(run, tmp_path, script, "-var", "rm_bundle", diamond_bundle)
    assert models == [str(diamond_bundle), str(other)]
    assert energies[0] == pytest.approx(energies[1])


def test_elements_of_an_include_are_not_those_of_the_next(run, diamond_bundle, tmp_path):
    """One type, then two: the model's own list, which fits one type, must not stay behind."""
    first = BOX.format(types=1, folder=diamond_bundle)
    second = 'variable rm_elements index "C C"' + BOX.format(types=2, folder=diamond_bundle)
    models, energies = results(run, tmp_path, f"{first}clear\n{second}")
    assert len(models) == 2
    assert energies[0] == pytest.approx(energies[1])


def test_a_moved_bundle_is_named_by_a_variable(run, diamond_bundle, tmp_path):
    moved = shutil.copytree(diamond_bundle, tmp_path / "moved")
    script = BOX.format(types=1, folder=moved)
    models, _ = results(run, tmp_path, script, "-var", "rm_bundle", moved)
    assert models == [str(moved)]
