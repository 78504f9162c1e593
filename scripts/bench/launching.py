"""What the benchmarks start other programs with."""

import os

_LAUNCHER = ("PMI", "HYDI", "MPI")


def clean_environment() -> dict[str, str]:
    """This process's environment without an MPI launcher's, which mpirun must not inherit."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_LAUNCHER)}
