"""Refuse structures that can't be equilibrium structures, naming the frame at fault."""

from collections.abc import Sequence

import ase
import numpy as np

from rm_lammps.datasets.readers import SOURCE
from rm_lammps.errors import UserError
from rm_lammps.geometry import pairs_of

MIN_DISTANCE = 0.5
"""Å; closer atoms are an error in the data (H2 is 0.74 Å long)."""

MIN_VOLUME_PER_ATOM = 1.0
"""Å³; denser periodic cells are an error in the data (diamond has 5.7)."""


def validate(frames: Sequence[ase.Atoms]) -> None:
    """Check every structure.

    Args:
        frames: structures with positions and cell in Å.

    Raises:
        UserError: an empty frame, numbers that aren't finite, a singular cell, partly periodic
            boundaries, or atoms closer than ``MIN_DISTANCE``; the message names the frame.

    """
    for number, atoms in enumerate(frames):
        problem = _problem(atoms)
        if problem:
            source = atoms.info.get(SOURCE, "not from a file")
            raise UserError(
                f"Unusable structure {number} ({source}, {atoms.get_chemical_formula()}): "
                f"{problem}",
                "Correct or remove this structure.",
            )
    periodicities = {bool(atoms.pbc.all()) for atoms in frames}
    if len(periodicities) > 1:
        raise UserError(
            "The data mixes periodic crystals and molecules.",
            "Train one model on each: their seeds and response differ.",
        )


def _problem(atoms: ase.Atoms) -> str:
    if len(atoms) == 0:
        return "it has no atoms"
    if not np.isfinite(atoms.positions).all() or not np.isfinite(atoms.cell.array).all():
        return "a coordinate or cell vector is not a finite number"
    if (atoms.numbers < 1).any() or (atoms.numbers > 118).any():
        return "it has an unknown chemical element"
    if atoms.pbc.any() and not atoms.pbc.all():
        return f"periodic in some directions only (pbc={atoms.pbc.tolist()}); give a full cell"
    if atoms.pbc.all() and abs(np.linalg.det(atoms.cell.array)) < MIN_VOLUME_PER_ATOM * len(atoms):
        return f"its cell is singular or too small ({atoms.get_volume():.3g} Å³)"
    return _overlap(atoms)


def _overlap(atoms: ase.Atoms) -> str:
    i, j, d = pairs_of("ijd", atoms, MIN_DISTANCE)
    if len(d) == 0:
        return ""
    k = int(np.argmin(d))
    return f"atoms {i[k]} and {j[k]} overlap ({d[k]:.3f} Å apart, at least {MIN_DISTANCE} allowed)"
