"""What a structure can be: a crystal, a molecule, or what another package adds."""

from rm_lammps.systems.invariances import Invariances
from rm_lammps.systems.system import (
    SYSTEMS,
    AnySystem,
    System,
    find_system,
    letters,
    system_called,
    system_of,
)

__all__ = [
    "SYSTEMS",
    "AnySystem",
    "Invariances",
    "System",
    "find_system",
    "letters",
    "system_called",
    "system_of",
]
