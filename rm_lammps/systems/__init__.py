"""What a structure can be: a crystal, a molecule, or what another package adds."""

from rm_lammps.systems.system import SYSTEMS, System, find_system, system_of

__all__ = ["SYSTEMS", "System", "find_system", "system_of"]
