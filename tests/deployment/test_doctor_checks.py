"""Each check of rm-doctor, with the fault that it is there for."""

import locale
import shutil
import sys
import tempfile
from collections import namedtuple

import pytest

from rm_lammps.deployment import doctor
from rm_lammps.deployment.doctor import Verdict, examine

ERROR, WARNING, OK = Verdict.ERROR, Verdict.WARNING, Verdict.OK


def the(check):
    (finding,) = examine(check)
    assert finding.check == check
    return finding


@pytest.mark.parametrize(
    ("check", "package", "verdict"),
    [("versions", "lammps", ERROR), ("versions", "mpi4py", ERROR), ("torch", "torch", WARNING)],
)
@pytest.mark.parametrize("found", ["0.1", None])
def test_packages_of_other_versions(monkeypatch, check, package, verdict, found):
    version = doctor.version

    def another(name):
        if name != package:
            return version(name)
        if found is None:
            raise doctor.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(doctor, "version", another)
    finding = the(check)
    assert finding.verdict is verdict
    assert package in finding.found
    assert finding.advice.startswith(f"pip install '{package}")


@pytest.mark.parametrize("check", ["torch", "GPU"])
def test_no_torch_is_no_fault(monkeypatch, check):
    monkeypatch.setattr(doctor, "installed", lambda extra: False)
    finding = the(check)
    assert finding.verdict is OK
    assert "installed" in finding.found


@pytest.mark.parametrize("count", [0, 2])
def test_gpus_are_named(monkeypatch, count):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"card {index}")
    finding = the("GPU")
    assert finding.verdict is OK
    assert finding.found.startswith("card 0, card 1" if count else "none that torch can use")


def test_a_cache_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("RM_LAMMPS_CACHE", str(tmp_path / "file"))
    finding = the("cache")
    assert finding.verdict is WARNING
    assert "RM_LAMMPS_CACHE" in finding.advice


@pytest.mark.parametrize("check", ["cache", "temporary files"])
def test_a_disk_that_is_nearly_full(monkeypatch, check):
    usage = namedtuple("usage", "total used free")(1e12, 1e12, 4e8)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    finding = the(check)
    assert finding.verdict is WARNING
    assert "has 0.4 GB left" in finding.found


def test_temporary_files_have_no_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    finding = the("temporary files")
    assert finding.verdict is ERROR
    assert "TMPDIR" in finding.advice


@pytest.mark.parametrize(
    ("encoding", "verdict"),
    [("UTF-8", OK), ("utf8", OK), ("ANSI_X3.4-1968", OK), ("EUC-JP", WARNING)],
)
def test_locale(monkeypatch, encoding, verdict):
    monkeypatch.setattr(locale, "nl_langinfo", lambda item: encoding)
    finding = the("locale")
    assert finding.verdict is verdict
    assert encoding in finding.found


def test_mpi4py_of_another_mpi(monkeypatch):
    from mpi4py import MPI

    monkeypatch.setattr(MPI, "get_vendor", lambda: ("Open MPI", (5, 0, 3)))
    monkeypatch.setattr(MPI, "Get_library_version", lambda: "Open MPI v5.0.3")
    finding = the("MPI")
    assert finding.verdict is ERROR
    assert "mpi4py uses Open MPI (5, 0, 3)" in finding.found


def test_no_mpirun_is_one_rank(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = the("mpirun")
    assert finding.verdict is WARNING
    assert "one rank alone can run" in finding.found


def test_a_plugin_that_cannot_be_built(monkeypatch, tmp_path):
    from rm_lammps.deployment import plugin, plugin_path

    for module in (plugin, plugin_path):
        monkeypatch.setattr(module, "shipped_plugin", lambda: None)
    monkeypatch.setenv("RM_LAMMPS_CACHE", str(tmp_path))
    monkeypatch.setenv("CXX", "no-such-compiler")
    finding = the("plugin")
    assert finding.verdict is ERROR
    assert "No C++ compiler was found" in finding.found


@pytest.mark.parametrize(
    ("says", "found", "advice"),
    [
        ("probe: 20250722 0 2", "does not load the plugin", "Delete "),
        ("probe: 20250722 1 1", "LAMMPS sees 1 rank", "different MPIs"),
        ("probe: 20250722 1 2", "The shipped model can't be evaluated", "Install rm_lammps again"),
        ("", "LAMMPS does not start under mpirun", "--force-reinstall"),
    ],
)
def test_what_lammps_may_say(monkeypatch, tmp_path, says, found, advice):
    """An mpirun that answers in LAMMPS's place."""
    program = tmp_path / "mpirun"
    program.write_text(f"#!{sys.executable} -S\nprint({says!r})\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = the("LAMMPS")
    assert finding.verdict is ERROR
    assert found in finding.found
    assert advice in finding.advice
