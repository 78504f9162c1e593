"""Structures that a model took for stable and that are not, to be learned as such."""

from pathlib import Path

import ase

from rm_lammps.datasets import DatasetStatistics, read_structures
from rm_lammps.errors import UserError
from rm_lammps.response.large import LARGE
from rm_lammps.response.transform import ANCHOR
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

    Args:
        file: see :func:`~rm_lammps.datasets.read_structures`. ``info`` may hold E~ per atom of the
            equilibrium structure that they compete with, under the configuration's ``energy_key``;
            it is zero otherwise.
        config: of the run.
        statistics: of the training structures.

    Raises:
        UserError: unreadable, of another system or of other elements than the training structures,
            too large, or E~ is not learned at all.
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
        if len(atoms) >= LARGE and all(statistics.system.pbc):
            raise UserError(
                f"Structure {number} of {file} has {len(atoms)} atoms.",
                f"Spurious structures have fewer than {LARGE}.",
            )
        standard = statistics.system.standard(atoms)
        standard.info[ANCHOR] = anchor(atoms, config.data) + config.spurious.energy
        spurious.append(standard)
    return spurious
