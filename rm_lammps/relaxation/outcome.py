"""How a seed ends."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

import ase
import numpy as np

from rm_lammps.geometry import Array


class Reason(str, Enum):
    """Why a seed did not become a structure."""

    NOT_CONVERGED = "not_converged"
    """Forces or stress still above tolerance after the last round."""
    EXPANDED = "expanded"
    """The volume left the allowed range upwards: the atoms flew apart."""
    COLLAPSED = "collapsed"
    """The volume left the allowed range downwards."""
    FRAGMENTED = "fragmented"
    """The molecule is in several pieces."""
    OTHER_SYMMETRY = "other_symmetry"
    """The space group is none of those asked for."""
    FUSED = "fused"
    """Two atoms closer than half the shortest distance of their elements in the training data."""
    NOT_FINITE = "not_finite"
    """Energy, forces or positions are not numbers, or two atoms are on one spot."""
    LOST_ATOMS = "lost_atoms"
    """LAMMPS lost atoms."""
    BAD_BOX = "bad_box"
    """The box became one that LAMMPS can't use."""
    MODEL_ERROR = "model_error"
    """The model raised an error."""
    LAMMPS_ERROR = "lammps_error"
    """LAMMPS stopped with another error; ``detail`` has its message."""
    CRASHED = "crashed"
    """The process died of a fatal signal; found when the run was started again."""


_MESSAGES = {
    "lost atoms": Reason.LOST_ATOMS,
    "atoms found their place": Reason.LOST_ATOMS,
    "not a number": Reason.NOT_FINITE,
    "non-numeric": Reason.NOT_FINITE,
    "at the same place": Reason.NOT_FINITE,
    "skew": Reason.BAD_BOX,
    "box": Reason.BAD_BOX,
    "pair style allegro": Reason.MODEL_ERROR,
}


_PATH = re.compile(r"\S*/\S*")


def classify(message: str) -> Reason:
    """Reason that an error message of LAMMPS or the pair style stands for."""
    # neither paths nor the command that LAMMPS quotes say what happened: "fix box/relax", "/mybox"
    said = _PATH.sub(" ", message.lower().split("last input line")[0].split("last command")[0])
    for part, reason in _MESSAGES.items():
        if re.search(rf"\b{part}\b", said):
            return reason
    return Reason.LAMMPS_ERROR


@dataclass(frozen=True)
class Evaluation:
    """A structure as it is."""

    energy: float
    """E~ plus the energy terms beside it, pseudo-eV."""
    forces: Array
    """Shape (n, 3), pseudo-eV/Å."""
    stress: Array
    """Shape (3, 3), GPa, ASE's sign; zero without a cell."""
    terms: Mapping[str, float] = field(default_factory=dict)
    """Energy of each term beside E~ and of E~ itself, by name; empty where E~ is alone."""

    @property
    def fmax(self) -> float:
        """Largest force on an atom, pseudo-eV/Å."""
        return float(np.linalg.norm(self.forces, axis=1).max())


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
    terms: Mapping[str, float] = field(default_factory=dict)
    """Energy of each term beside E~ and of E~ itself, by name; empty where E~ is alone."""


@dataclass(frozen=True)
class Failure:
    """A seed that did not become a structure."""

    reason: Reason
    detail: str
    evaluations: int


class StopError(Exception):
    """Ends a relaxation with a classified failure."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.structure: ase.Atoms | None = None
        """Where a further attempt may begin."""


class DroppedError(Exception):
    """The caller wants the seed dropped: no outcome at all."""
