"""How a seed ends."""

from dataclasses import dataclass
from enum import Enum

import ase


class Reason(str, Enum):
    """Why a seed did not become a structure."""

    NOT_CONVERGED = "not_converged"
    """Forces or stress still above tolerance after the last round."""
    EXPANDED = "expanded"
    """The volume left the allowed range upwards: the atoms flew apart."""
    COLLAPSED = "collapsed"
    """The volume left the allowed range downwards."""
    NOT_FINITE = "not_finite"
    """Energy or forces are not numbers: two atoms on one spot."""
    LAMMPS_ERROR = "lammps_error"
    """LAMMPS stopped, with lost atoms or a box it can't use; ``detail`` has its message."""


@dataclass(frozen=True)
class Relaxed:
    """A converged structure."""

    atoms: ase.Atoms
    """Atoms in the seed's order; reduced cell in standard form, Å."""
    energy: float
    """E~ of the cell, pseudo-eV."""
    fmax: float
    """Largest force on an atom, pseudo-eV/Å."""
    max_stress: float
    """Largest component of the stress tensor (by magnitude), GPa."""
    evaluations: int
    """Energy and force evaluations since the seed."""


@dataclass(frozen=True)
class Failure:
    """A seed that did not become a structure."""

    reason: Reason
    detail: str
    evaluations: int
