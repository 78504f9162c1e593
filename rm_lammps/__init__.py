"""Response Matching in LAMMPS: train, deploy and generate on a learned pseudo-energy surface.

What stands in ``__all__`` can be used from Python; each name is imported when it is first used, so
that ``import rm_lammps`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rm_lammps.api.calculator import Calculator
    from rm_lammps.api.deploy import deploy
    from rm_lammps.api.evaluate import Evaluated, evaluate
    from rm_lammps.api.generate import generate
    from rm_lammps.api.relax import RelaxationError, relax
    from rm_lammps.api.train import train
    from rm_lammps.errors import UserError
    from rm_lammps.potentials import POTENTIALS, Potential
    from rm_lammps.relaxation import (
        STAGES,
        TERMS,
        PairStyle,
        Protocol,
        Reason,
        Relaxed,
        Search,
        Stage,
        Term,
    )
    from rm_lammps.runs.reading import Run, read_run
    from rm_lammps.seeds import SEEDS, Seed, Seeder, SeedRequest
    from rm_lammps.systems import SYSTEMS, System

__version__ = "0.1.0"

_ROOMS = {
    "api.calculator": ("Calculator",),
    "api.deploy": ("deploy",),
    "api.evaluate": ("Evaluated", "evaluate"),
    "api.generate": ("generate",),
    "api.relax": ("RelaxationError", "relax"),
    "api.train": ("train",),
    "errors": ("UserError",),
    "potentials": ("POTENTIALS", "Potential"),
    "relaxation": (
        "STAGES",
        "TERMS",
        "PairStyle",
        "Protocol",
        "Reason",
        "Relaxed",
        "Search",
        "Stage",
        "Term",
    ),
    "runs.reading": ("Run", "read_run"),
    "seeds": ("SEEDS", "Seed", "SeedRequest", "Seeder"),
    "systems": ("SYSTEMS", "System"),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "POTENTIALS",
    "SEEDS",
    "STAGES",
    "SYSTEMS",
    "TERMS",
    "Calculator",
    "Evaluated",
    "PairStyle",
    "Potential",
    "Protocol",
    "Reason",
    "RelaxationError",
    "Relaxed",
    "Run",
    "Search",
    "Seed",
    "SeedRequest",
    "Seeder",
    "Stage",
    "System",
    "Term",
    "UserError",
    "deploy",
    "evaluate",
    "generate",
    "read_run",
    "relax",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
