"""rm-doctor tells warnings from errors, and says in one line what the machine is ready for."""

import os

import pytest


def test_doctor_is_content(run):
    done = run("rm-doctor")
    assert "FAIL" not in done.stdout
    assert "warn" not in done.stdout
    assert "sees 2 ranks" in done.stdout
    assert "evaluates a model by the kernel for" in done.stdout
    assert done.stdout.splitlines()[-1] == (
        "Ready for: generation and analysis, several ranks, training, compiling graphs."
    )


@pytest.mark.parametrize(
    ("environment", "check", "advice", "not_for"),
    [
        ({"CXX": "no-such-compiler"}, "C++ compiler", "load your cluster's", "compiling graphs"),
        ({"OMP_NUM_THREADS": "8"}, "threads", "export OMP_NUM_THREADS=1", None),
    ],
)
def test_what_many_do_without_is_a_warning(environment, check, advice, not_for, run, plugin):
    done = run("rm-doctor", env=environment)
    (warning,) = [line for line in done.stdout.splitlines() if line.startswith("warn ")]
    assert warning.startswith(f"warn {check}: ")
    assert advice in done.stdout
    assert "FAIL" not in done.stdout
    last = done.stdout.splitlines()[-1]
    assert "Ready for: generation and analysis, several ranks" in last
    assert ("Not for: " in last) == (not_for is not None)
    assert last.endswith(f"Not for: {not_for}.") or not_for is None


def test_what_stops_generation_is_an_error(run, tmp_path):
    """No mpirun of its own, and a launcher that starts nothing."""
    fake = tmp_path / "mpirun"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    done = run("rm-doctor", env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=False)
    assert done.returncode == 2
    assert "FAIL LAMMPS: LAMMPS does not start under mpirun" in done.stdout
    assert "which may belong to another MPI" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Ready for: training")


def test_what_the_model_says_is_told_without_a_traceback(run, plugin):
    done = run("rm-doctor", env={"RM_LAMMPS_CPU": "z80"}, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stdout
    assert "RM_LAMMPS_CPU=z80: known kinds of CPU are" in done.stdout
    assert "Correct or unset RM_LAMMPS_CPU" in done.stdout


@pytest.fixture(scope="module")
def plugin():
    from rm_lammps.deployment.plugin import ensure_plugin

    return ensure_plugin()
