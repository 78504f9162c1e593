"""One LAMMPS session: seed in, relaxed structure or a classified failure out."""

from rm_lammps.relaxation.outcome import DroppedError, Failure, Reason, Relaxed
from rm_lammps.relaxation.protocol import Protocol

__all__ = ["DroppedError", "Failure", "Protocol", "Reason", "Relaxed"]
