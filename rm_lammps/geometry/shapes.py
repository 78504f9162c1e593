"""A sphere, a film and a pore in a cell."""

from typing import Literal

import numpy as np

from rm_lammps.geometry.arrays import Array

Shape = Literal["sphere", "film", "pore"]
"""A sphere in the middle of the cell, a film across z there, or atoms around a cylinder along z."""


def sphere_radius(volume: float) -> float:
    """Radius of a sphere, Å, from its volume, Å³."""
    return float((0.75 * volume / np.pi) ** (1 / 3))


def cell_around(shape: Shape, volume: float, size: float, vacuum: float) -> Array:
    """The cell that a shape lies in, shape (3, 3), Å.

    Args:
        shape: what atoms fill.
        volume: that they fill, Å³.
        size: thickness of a film, radius of a pore; of no meaning for a sphere, Å.
        vacuum: from a sphere or film to its image, Å.
    """
    if shape == "sphere":
        return (2 * sphere_radius(volume) + vacuum) * np.eye(3)
    if shape == "film":
        edge = (volume / size) ** 0.5
        return np.diag([edge, edge, size + vacuum])
    from scipy.optimize import brentq  # slow to import, and few seeds need it

    hole = np.pi * size**2
    longest = 2 * (volume ** (1 / 3) + hole**0.5)
    return float(brentq(lambda edge: edge**3 - hole * edge - volume, 0.0, longest)) * np.eye(3)


def filled_volume(shape: Shape, width: float, size: float) -> float:
    """Volume that a shape has where the cell is so wide across it, Å³.

    Args:
        shape: what atoms fill.
        width: edge of the cell across a film or a pore, diameter of a sphere, Å.
        size: thickness of a film, radius of a pore; of no meaning for a sphere, Å.
    """
    if shape == "sphere":
        return np.pi / 6 * width**3
    if shape == "film":
        return width**2 * size
    return width**3 - np.pi * size**2 * width


def depths(shape: Shape, positions: Array, cell: Array) -> Array:
    """How deep positions lie within a shape, up to a constant, shape (n,), Å.

    Args:
        shape: in the middle of the cell.
        positions: shape (n, 3), Å.
        cell: with right angles, shape (3, 3), Å.
    """
    away = positions - 0.5 * cell.diagonal()
    if shape == "film":
        return -np.abs(away[:, 2])
    if shape == "sphere":
        return np.asarray(-np.linalg.norm(away, axis=1))
    return np.asarray(np.linalg.norm(away[:, :2], axis=1))
