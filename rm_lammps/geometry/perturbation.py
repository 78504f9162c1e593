"""Random displacements and strains."""

import ase
import numpy as np
from numpy.typing import NDArray


def perturb(
    atoms: ase.Atoms,
    displacement: float,
    strain: float,
    rng: np.random.Generator,
    strained: NDArray[np.bool_] | None = None,
) -> ase.Atoms:
    """Strain the cell, if there is one, and displace the atoms.

    Args:
        atoms: a structure, Å.
        displacement: standard deviation of each coordinate, Å.
        strain: standard deviation of each component of the symmetric strain.
        rng: source of randomness.
        strained: components of the strain that may change, shape (3, 3); unless given, all of
            those in periodic directions.
    """
    perturbed = atoms.copy()
    if strained is None:
        strained = np.logical_and.outer(atoms.pbc, atoms.pbc)
    if strained.any():
        noise = strain * rng.standard_normal((3, 3))
        deformation = np.eye(3) + 0.5 * (noise + noise.T) * strained
        perturbed.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
    perturbed.positions += displacement * rng.standard_normal((len(atoms), 3))
    return perturbed
