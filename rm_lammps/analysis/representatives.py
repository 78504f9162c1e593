"""Which structure of a group stands for it."""

from collections.abc import Callable

import ase
import numpy as np
from numpy.typing import NDArray

from rm_lammps.analysis.standard_cells import TIGHT_SYMPREC, point_group_order
from rm_lammps.geometry.symmetry import SYMPREC, space_group
from rm_lammps.ranks import Communicator, share_out
from rm_lammps.runs.index import FrameTable


def represented(
    table: FrameTable,
    leader: NDArray[np.int64],
    load: Callable[[int], ase.Atoms],
    comm: Communicator,
) -> NDArray[np.int64]:
    """Let each group be led by its most symmetric structure, the lowest of these.

    All of a group are within the tolerance of energy, and the lowest is so by the noise of its
    convergence: an exact Pnma must not be shown as the P1 that came a hair lower.

    Args:
        table: of the frames.
        leader: for each frame the frame that leads its group, shape (n,); -1 for no group.
        load: gives a frame by its number.
        comm: every rank of it calls this function.

    Returns:
        Leaders anew, shape (n,).
    """
    sizes = np.bincount(leader[leader >= 0], minlength=len(table))
    several = np.flatnonzero((leader >= 0) & (sizes[leader] > 1) & (table.volume_per_atom > 0))

    def orders(frame: int) -> tuple[int, int]:
        atoms = load(frame)
        return tuple(  # type: ignore[return-value]
            point_group_order(space_group(atoms, symprec).number)
            for symprec in (SYMPREC, TIGHT_SYMPREC)
        )

    found = share_out(comm, several.tolist(), orders)
    loose, tight = np.array(found, dtype=np.int64).reshape(-1, 2).T
    order = np.lexsort(
        (table.identity[several], table.energy_per_atom[several], -tight, -loose, leader[several])
    )
    best = several[order]
    groups, first = np.unique(leader[best], return_index=True)
    new = np.arange(len(table))
    new[groups] = best[first]
    return np.where(leader >= 0, new[leader], leader)
