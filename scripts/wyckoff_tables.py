"""Write ``rm_lammps/seeds/wyckoff.npz``: Wyckoff positions of all space groups, taken from pyxtal.

Usage: ``python scripts/wyckoff_tables.py [FILE]``

Generation reads this one file in milliseconds; pyxtal takes seconds in every process to read its
tables. Positions are converted to a primitive cell, where atoms that lattice translations put on
one another are kept once. All coordinates of the International Tables are multiples of 1/24.
"""

import sys
from itertools import combinations
from pathlib import Path

import numpy as np
from pyxtal.symmetry import get_wyckoffs

from rm_lammps.geometry import Array
from rm_lammps.seeds import wyckoff

GENERIC = np.array([0.1234567, 0.2718281, 0.4142135])


def primitive_vectors(translations: Array) -> Array:
    """Three vectors that generate the lattice of the given translations and the unit vectors."""
    vectors = np.concatenate([np.eye(3), translations[np.abs(translations).max(axis=1) > 1e-6]])
    volume = 1 / len(translations)
    for triple in combinations(vectors, 3):
        determinant = np.linalg.det(triple)
        if abs(abs(determinant) - volume) < 1e-6:
            return np.array(triple) * np.sign(determinant)
    raise ValueError(f"no primitive cell for the translations {translations}")


def position(operations: Array, to_primitive: Array) -> tuple[Array, Array]:
    """Linear parts and constants of a position's atoms, each atom of a primitive cell once."""
    linear = to_primitive @ operations[:, :3, :3]
    constant = operations[:, :3, 3] @ to_primitive.T
    atoms = linear @ GENERIC + constant
    kept: list[int] = []
    for k, atom in enumerate(atoms):
        away = (atom - atoms[kept]) - np.round(atom - atoms[kept])
        if (np.abs(away).max(axis=1, initial=0) > 1e-4).all():
            kept.append(k)
    return linear[kept], constant[kept]


def whole(values: Array) -> Array:
    """The same as small integers.

    Raises:
        ValueError: they are none.
    """
    rounded = np.round(values)
    if np.abs(values - rounded).max() > 1e-4 or np.abs(rounded).max() > 127:
        raise ValueError(f"not small integers: {values}")
    return rounded.astype(np.int8)


def tables() -> dict[str, Array]:
    """All tables, as :mod:`rm_lammps.seeds.wyckoff` reads them."""
    primitives, counts, multiplicities, linears, constants = [], [], [], [], []
    for number in range(1, 231):
        positions = [
            np.array([operation.affine_matrix for operation in operations])
            for operations in get_wyckoffs(number)
        ]
        general = positions[0]
        pure = np.abs(general[:, :3, :3] - np.eye(3)).max(axis=(1, 2)) < 1e-6
        primitive = primitive_vectors(general[pure, :3, 3] % 1.0)
        counts.append(len(positions))
        primitives.append(primitive)
        for operations in positions:
            linear, constant = position(operations, np.linalg.inv(primitive).T)
            multiplicities.append(len(linear))
            linears.append(linear)
            constants.append(constant)
    return {
        "primitive": whole(wyckoff.PARTS * np.array(primitives)),
        "positions": np.array(counts, dtype=np.int16),
        "multiplicity": np.array(multiplicities, dtype=np.int16),
        "linear": whole(np.concatenate(linears)),
        "constant": whole(wyckoff.PARTS * np.concatenate(constants)),
    }


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else wyckoff.TABLES
    np.savez_compressed(target, **tables())
    print(f"{target}: {target.stat().st_size / 1000:.0f} kB")
