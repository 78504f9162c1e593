"""Compare crystals irrespective of cell, origin and orientation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import ase
import numpy as np
import spglib
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

SYMPREC = 0.1
"""Å; relaxed structures carry the noise of their convergence tolerance."""


@dataclass
class UniqueStructure:
    """A structure and how often it was found."""

    atoms: ase.Atoms
    """The member of lowest energy, with the ``info`` of its frame."""
    seeds: list[int] = field(default_factory=list)
    """Seeds that ended here."""
    reference: str | None = None
    """Name of the reference it matches."""


def to_pymatgen(atoms: ase.Atoms) -> Structure:
    """Convert, leaving everything but the crystal behind."""
    return AseAtomsAdaptor.get_structure(
        ase.Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    )


class Reference:
    """Known structures to look for.

    Args:
        frames: references; ``info["name"]`` names one, otherwise its formula and number do.
        matcher: decides what is the same; pymatgen's default settings unless given.
    """

    def __init__(
        self, frames: Sequence[ase.Atoms], matcher: StructureMatcher | None = None
    ) -> None:
        self.matcher = StructureMatcher() if matcher is None else matcher
        self.names = [
            str(atoms.info.get("name", f"{atoms.get_chemical_formula()} #{number}"))
            for number, atoms in enumerate(frames)
        ]
        self._structures = [to_pymatgen(atoms) for atoms in frames]

    def find(self, atoms: ase.Atoms) -> str | None:
        """Name of the first reference that the structure matches."""
        structure = to_pymatgen(atoms)
        for name, reference in zip(self.names, self._structures, strict=True):
            if self.matcher.fit(reference, structure):
                return name
        return None


def unique_structures(
    frames: Iterable[ase.Atoms],
    matcher: StructureMatcher | None = None,
    *,
    energy_tolerance: float = 0.01,
    volume_tolerance: float = 0.05,
) -> list[UniqueStructure]:
    """Group equal structures; the matcher sees only those of similar energy and volume.

    Args:
        frames: converged structures with ``energy_per_atom``, ``volume_per_atom`` and ``seed``
            in ``info``.
        matcher: decides what is the same; pymatgen's default settings unless given.
        energy_tolerance: largest difference in energy within a group, pseudo-eV per atom.
        volume_tolerance: largest relative difference in volume.

    Returns:
        Groups in order of energy per atom.
    """
    matcher = StructureMatcher() if matcher is None else matcher
    groups: list[tuple[UniqueStructure, Structure]] = []
    for atoms in sorted(frames, key=lambda a: a.info["energy_per_atom"]):
        structure = to_pymatgen(atoms)
        for group, leader in reversed(groups):
            if _energy(atoms) - _energy(group.atoms) > energy_tolerance:
                continue
            ratio = atoms.info["volume_per_atom"] / group.atoms.info["volume_per_atom"]
            if abs(np.log(ratio)) < volume_tolerance and matcher.fit(leader, structure):
                group.seeds.append(int(atoms.info["seed"]))
                break
        else:
            groups.append((UniqueStructure(atoms, [int(atoms.info["seed"])]), structure))
    return [group for group, _ in groups]


def _energy(atoms: ase.Atoms) -> float:
    return float(atoms.info["energy_per_atom"])


def space_group(atoms: ase.Atoms) -> str:
    """Hermann-Mauguin symbol and number, at a tolerance of ``SYMPREC``."""
    found = spglib.get_spacegroup(
        (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers), symprec=SYMPREC
    )
    return found or "unknown"


def coordination(atoms: ase.Atoms, cutoff: float) -> float:
    """Mean number of neighbours within ``cutoff`` Å."""
    from rm_lammps.geometry import pairs_within

    (i,) = (pairs_within("i", atoms.positions, atoms.cell.array, periodic=True, cutoff=cutoff),)
    return len(i) / len(atoms)
