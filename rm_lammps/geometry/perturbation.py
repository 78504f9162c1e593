"""Random displacements and strains."""

import ase
import numpy as np


def perturb(
    atoms: ase.Atoms, displacement: float, strain: float, rng: np.random.Generator
) -> ase.Atoms:
    """Strain the cell, if there is one, and displace the atoms.

    Args:
        atoms: a structure, Å.
        displacement: standard deviation of each coordinate, Å.
        strain: standard deviation of each component of the symmetric strain.
        rng: source of randomness.
    """
    perturbed = atoms.copy()
    if atoms.pbc.all():
        noise = strain * rng.standard_normal((3, 3))
        deformation = np.eye(3) + 0.5 * (noise + noise.T)
        perturbed.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
    perturbed.positions += displacement * rng.standard_normal((len(atoms), 3))
    return perturbed
