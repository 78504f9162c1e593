"""When two crystals count as the same, by the measure of the field."""

import ase
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

STOL = 0.5
MATCHER = StructureMatcher(stol=STOL, ltol=0.3, angle_tol=10)
"""With the settings that published match rates of structure prediction rest on."""


def to_pymatgen(atoms: ase.Atoms) -> Structure:
    """Convert, leaving everything but the crystal behind."""
    return AseAtomsAdaptor.get_structure(
        ase.Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    )


def rms(reference: ase.Atoms, predicted: ase.Atoms) -> float | None:
    """Root mean square displacement of two crystals whose cells are made alike.

    Returns:
        In units of (V/N)^(1/3); ``None`` if the structures don't match.
    """
    found = MATCHER.get_rms_dist(to_pymatgen(reference), to_pymatgen(predicted))
    return None if found is None else float(found[0])
