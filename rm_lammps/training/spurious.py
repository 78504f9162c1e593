"""Structures that a model took for stable and that are not, to be learned as such."""

from pathlib import Path

import ase
import numpy as np

from rm_lammps.datasets import DatasetStatistics, read_structures
from rm_lammps.errors import UserError
from rm_lammps.response.keys import ANCHOR, WRONG
from rm_lammps.training.anchors import anchor
from rm_lammps.training.training_config import TrainingConfig

SPURIOUS = "data/spurious.extxyz"
"""In a run's folder; there only where some are shown."""


def read_spurious(
    file: Path, config: TrainingConfig, statistics: DatasetStatistics
) -> list[ase.Atoms]:
    """Read them, with the E~ that is learned for them.

    They are minima of an earlier model that no training structure resembles. A local model that
    learns a higher E~ for them can't raise what they have in common with true structures, whose E~
    is learned too: it finds out which atoms are wrong.

    Where it is known which atoms are wrong, an array ``wrong`` of a structure tells (1 at these, 0
    at others). Then the energy is that of each wrong atom instead of every atom, and their forces
    don't count. A cell of thousands of atoms, most of which are right, is learned like this.

    Args:
        file: see :func:`~rm_lammps.datasets.read_structures`. ``info`` may hold E~ per atom of the
            equilibrium structure that they compete with, under the configuration's ``energy_key``;
            it is zero otherwise.
        config: of the run.
        statistics: of the training structures.

    Raises:
        UserError: unreadable, of another system or of other elements than the training structures,
            an array ``wrong`` of other numbers, or E~ is not learned at all.
    """
    if not config.optimisation.loss.energy:
        raise UserError(
            "Spurious structures are told by their E~, of which optimisation.loss.energy is 0.",
            "Give it a weight, such as 2.0.",
        )
    frames = read_structures(file, statistics.system)
    known = set(statistics.species)
    spurious = []
    for number, atoms in enumerate(frames):
        new = sorted(set(atoms.symbols) - known)
        if new:
            raise UserError(
                f"Structure {number} of {file} has {', '.join(new)}, which no training structure "
                "has.",
                "Leave it out.",
            )
        standard = statistics.system.standard(atoms)
        height = config.spurious.energy
        if WRONG in atoms.arrays:
            wrong = atoms.arrays[WRONG]
            if not np.isin(wrong, (0, 1)).all():
                raise UserError(
                    f"The array {WRONG} of structure {number} of {file} has other numbers than 0 "
                    "and 1.",
                    "It is 1 at wrong atoms and 0 at others.",
                )
            height *= float(np.mean(wrong))
            standard.set_array(WRONG, wrong.astype(int))
        standard.info[ANCHOR] = anchor(atoms, config.data) + height
        spurious.append(standard)
    return spurious
