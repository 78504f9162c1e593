"""What a structure can be: a crystal, a molecule, or what another package adds."""

from rm_lammps.systems.system import (
    SYSTEMS,
    AnySystem,
    System,
    find_system,
    system_called,
    system_of,
)

__all__ = ["SYSTEMS", "AnySystem", "System", "find_system", "system_called", "system_of"]
