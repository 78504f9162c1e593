"""Slabs cut from a crystal."""

import ase
import numpy as np
from numpy.typing import NDArray

from rm_lammps.errors import UserError

_SAME_LAYER = 1e-3
"""Of a layer's thickness, by which atoms may be below its lower face."""


def cut(
    crystal: ase.Atoms, miller: tuple[int, int, int], layers: int, vacuum: float
) -> tuple[ase.Atoms, NDArray[np.int64]]:
    """Cut a slab, with empty space above and below and its surface normal along z.

    Args:
        crystal: whose cell the indices refer to, Å.
        miller: indices of the surface.
        layers: thickness, in repetitions of the crystal along the normal.
        vacuum: from the top of a slab to the bottom of its image above, Å.

    Returns:
        The slab, periodic in all directions, and the layer of each atom, 0 for the lowest.

    Raises:
        UserError: there is no such surface.
    """
    from ase.build import surface  # which imports much of scipy

    if not any(miller):
        raise UserError("The Miller indices 0,0,0 name no surface.", "Give e.g. --miller 1,0,0.")
    slab = surface(crystal, miller, layers, vacuum=vacuum / 2, periodic=True)
    bare = ase.Atoms(slab.numbers, slab.positions, cell=slab.cell, pbc=True)
    heights = bare.positions[:, 2] - bare.positions[:, 2].min()
    one = surface(crystal, miller, 1, vacuum=None, periodic=True).cell.array
    thickness = abs(np.linalg.det(one)) / np.linalg.norm(np.cross(one[0], one[1]))
    layer = np.floor(heights / thickness + _SAME_LAYER).astype(np.int64)
    return bare, np.minimum(layer, layers - 1)
