"""Symmetry that relaxations keep."""

from collections.abc import Iterator
from contextlib import contextmanager

import ase
import numpy as np

from rm_lammps.geometry import Array
from rm_lammps.geometry.symmetry import symmetry_operations
from rm_lammps.relaxation.session import LammpsSession


def set_operations(session: LammpsSession) -> bool:
    """Put the symmetry of what is in LAMMPS into the variable ``operations``.

    Args:
        session: whose structure is a crystal; it is loaded anew, for a box with its corner at the
            origin.

    Returns:
        Whether there is more than the unity.
    """
    session.load(session.structure())
    rotations, translations = symmetry_operations(session.structure())
    if len(rotations) == 1:
        return False
    rows = np.concatenate([rotations.reshape(-1, 9), translations], axis=1)
    session.set_text(operations=" ".join(format(number, ".12g") for number in rows.ravel()))
    return True


@contextmanager
def kept_symmetry(session: LammpsSession, *, keep: bool) -> Iterator[None]:
    """Keep the symmetry of what is in LAMMPS during a minimisation, or don't.

    After an error the fix stays until the next ``clear``.
    """
    fixed = keep and set_operations(session)
    if fixed:
        session.command("fix symmetry all symmetry v_operations")
    yield
    if fixed:
        session.command("unfix symmetry")


def symmetric_change(before: ase.Atoms, after: ase.Atoms) -> ase.Atoms:
    """Of a change of positions and cell the part that keeps the symmetry.

    Args:
        before: a crystal.
        after: the same atoms, displaced, in a strained cell.

    Returns:
        A structure with the symmetry of ``before``, its cell in standard form.
    """
    rotations, translations = symmetry_operations(before)
    sites = before.get_scaled_positions(wrap=False)
    steps = after.get_scaled_positions(wrap=False) - sites
    metric = after.cell.array @ after.cell.array.T
    mean, mean_metric = np.zeros_like(steps), np.zeros((3, 3))
    for rotation, translation in zip(rotations, translations, strict=True):
        images = _images(sites, before.numbers, rotation, translation)
        mean += steps[images] @ np.linalg.inv(rotation).T
        mean_metric += rotation.T @ metric @ rotation
    changed = after.copy()
    changed.set_cell(np.linalg.cholesky(mean_metric / len(rotations)))
    changed.set_scaled_positions(sites + mean / len(rotations))
    return changed


def _images(sites: Array, numbers: np.ndarray, rotation: Array, translation: Array) -> np.ndarray:
    """Atoms to which an operation takes each atom."""
    apart = sites[None] - (sites @ rotation.T + translation)[:, None]
    distance = np.abs(apart - np.round(apart)).max(axis=-1)
    distance[numbers[:, None] != numbers[None]] = np.inf
    return distance.argmin(axis=1)
