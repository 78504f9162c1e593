"""The wheel, unpacked where anybody can read it and nobody can write."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel with the plugin: $RM_LAMMPS_TEST_WHEEL, or one built of this checkout.

    Without build isolation, so that nothing is downloaded.
    """
    if "RM_LAMMPS_TEST_WHEEL" in os.environ:
        return Path(os.environ["RM_LAMMPS_TEST_WHEEL"])
    folder = tmp_path_factory.mktemp("wheel")
    build = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(
        [sys.executable, *build],
        env={**os.environ, "RM_LAMMPS_WHEEL": "plugin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="session")
def installation(wheel):
    """Folder to put on PYTHONPATH; as from a read-only disk, for every user."""
    with tempfile.TemporaryDirectory(prefix="rm_lammps-installation-") as name:
        folder = Path(name)
        pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", name]
        subprocess.run([sys.executable, *pip, str(wheel)], check=True)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield folder
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
