"""One LAMMPS session: seed in, relaxed structure or a classified failure out."""

from rm_lammps.relaxation.outcome import DroppedError, Evaluation, Failure, Reason, Relaxed
from rm_lammps.relaxation.protocol import Protocol
from rm_lammps.relaxation.stage import STAGES, Search, Stage
from rm_lammps.relaxation.term import TERMS, FixTerm, PairStyle, PairStyleTerm, Term

__all__ = [
    "STAGES",
    "TERMS",
    "DroppedError",
    "Evaluation",
    "Failure",
    "FixTerm",
    "PairStyle",
    "PairStyleTerm",
    "Protocol",
    "Reason",
    "Relaxed",
    "Search",
    "Stage",
    "Term",
]
