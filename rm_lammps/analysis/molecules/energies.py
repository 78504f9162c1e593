"""What quantum mechanics makes of a molecule: GFN2-xTB by tblite."""

from dataclasses import dataclass

import ase
import numpy as np
from ase.build.rotate import minimize_rotation_and_translation
from ase.optimize import BFGS
from tblite.ase import TBLite

from rm_lammps.analysis.molecules.perceived_bonds import perceive

FMAX = 0.05
"""eV/Å; relaxed."""
MAX_STEPS = 300


@dataclass(frozen=True)
class XtbRelaxation:
    """Of one molecule to the nearest minimum of GFN2-xTB."""

    energy: float
    """At the end, eV."""
    positions: list[list[float]]
    """At the end, in the order of the atoms, turned onto the given molecule, Å."""
    drop: float
    """Energy lost on the way, eV per atom; not negative."""
    rmsd: float
    """Root mean square displacement of all atoms, best superposition, Å."""
    converged: bool
    """Forces below ``FMAX`` within ``MAX_STEPS``."""
    same_bonds: bool
    """The relaxed molecule has the SMILES of the given one."""


def relax_with_xtb(atoms: ase.Atoms, smiles: str | None) -> XtbRelaxation | None:
    """Relax with GFN2-xTB, singlet, neutral.

    Args:
        atoms: a molecule, positions in Å.
        smiles: as perceived before.

    Returns:
        ``None`` where xTB itself fails: no self-consistent charges.
    """
    relaxed = ase.Atoms(atoms.numbers, atoms.positions)
    relaxed.calc = TBLite(method="GFN2-xTB", verbosity=0)
    try:
        before = relaxed.get_potential_energy()
        converged = BFGS(relaxed, logfile=None).run(fmax=FMAX, steps=MAX_STEPS)
        after = relaxed.get_potential_energy()
    except Exception:
        # tblite raises its own and ASE's errors, with no common class
        return None
    given = ase.Atoms(atoms.numbers, atoms.positions)
    minimize_rotation_and_translation(relaxed, given)
    moved = np.linalg.norm(relaxed.positions - given.positions, axis=1)
    return XtbRelaxation(
        energy=float(after),
        positions=relaxed.positions.round(6).tolist(),
        drop=float(before - after) / len(atoms),
        rmsd=float(np.sqrt(np.mean(moved**2))),
        converged=bool(converged),
        same_bonds=smiles is not None and perceive(relaxed).smiles == smiles,
    )
