"""What of a crystal is drawn: enough of it to be recognised."""

from itertools import product

import ase
import numpy as np
from scipy.spatial.transform import Rotation

from rm_lammps.analysis.standard_cells import symmetrised

_SHORTEST = 3.5
"""Å; shorter cell vectors are repeated."""
_MAX_ATOMS = 400
"""More atoms are not repeated: the page would grow, the picture become crowded."""
_ON_BOUNDARY = 1e-3
"""Fractional."""
_VIEW = (-75, 22, 3)
"""Degrees about x, y, z: the third cell vector comes to point upwards."""


def picture(atoms: ase.Atoms) -> ase.Atoms:
    """Conventional standard cell, repeated where it is short, with all atoms on its boundaries.

    Args:
        atoms: a crystal; molecules are drawn as they are.

    Returns:
        Atoms to draw. The cell is that of one unit, whatever was repeated.
    """
    if not atoms.pbc.all():
        return ase.Atoms(atoms.numbers, atoms.positions)
    unit = symmetrised(atoms)
    repeats = np.ceil(_SHORTEST / unit.cell.lengths()).astype(int)
    if len(unit) * repeats.prod() > _MAX_ATOMS:
        repeats[:] = 1
    sites = unit.get_scaled_positions()
    # wrapped sites a rounding error below 1 belong to 0
    sites[sites > 1 - _ON_BOUNDARY] -= 1
    # seen a little from the side and from above, so that rows of atoms don't hide each other
    view = Rotation.from_euler("xyz", _VIEW, degrees=True)
    numbers, drawn = [], []
    for shift in product(*(range(repeat + 1) for repeat in repeats)):
        moved = sites + np.array(shift)
        inside = (moved <= repeats + _ON_BOUNDARY).all(axis=1)
        numbers.append(unit.numbers[inside])
        drawn.append(moved[inside])
    cell = view.apply(unit.cell.array)
    positions = np.concatenate(drawn) @ cell
    return ase.Atoms(np.concatenate(numbers), positions, cell=cell, pbc=True)
