"""Compare structures irrespective of cell, origin and orientation."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import ase
import numpy as np
from numpy.typing import NDArray
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure

from rm_lammps.analysis.symmetry import primitive
from rm_lammps.chemistry.formula import reduced_formula
from rm_lammps.geometry import pairs_of

MOLECULE_TOLERANCE = 0.3
"""Å; largest difference between corresponding distances of equal molecules."""

_KEPT = 4096
"""Crystals kept reduced, as pymatgen's objects: these take twenty times the memory of numbers."""

_LARGE = 200
"""Atoms; pymatgen's search for a primitive cell takes seconds from here on, spglib's does not."""
_TRANSLATION = 0.25
"""Å; how far a translation may miss its atoms, as in pymatgen."""


@dataclass(frozen=True, eq=False)
class Crystal:
    """A crystal in plain numbers: small to keep, quick to send."""

    cell: NDArray[np.float64]
    """Å, shape (3, 3)."""
    sites: NDArray[np.float64]
    """Fractional, shape (n, 3)."""
    numbers: NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Molecule:
    """A molecule by its distances, in which no orientation or order of atoms is left."""

    pairs: NDArray[np.int64]
    """Atomic numbers of each pair of atoms, in order, shape (n_pairs, 2)."""
    distances: NDArray[np.float64]
    """Sorted for each pair of elements, Å, shape (n_pairs,)."""


def prepare(atoms: ase.Atoms) -> Crystal | Molecule:
    """What of a structure its identity rests on."""
    if not atoms.pbc.all():
        return _molecule(atoms)
    return Crystal(atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)


def same(a: Crystal | Molecule, b: Crystal | Molecule, matcher: StructureMatcher) -> bool:
    """Whether two prepared structures are the same.

    Crystals: as ``matcher`` says. Molecules: if all distances agree within
    ``MOLECULE_TOLERANCE``; mirror images count as the same.
    """
    if isinstance(a, Crystal) and isinstance(b, Crystal):
        small, large = sorted((_reduced(a), _reduced(b)), key=len)
        if len(large) % len(small) or len(large) > max(_LARGE, len(small)):
            return False
        if len(large) > len(small):
            # noise hid a translation in one of them: compare with the other's supercell
            matcher = _supercell_matcher(matcher.ltol, matcher.stol, matcher.angle_tol)
        return bool(matcher.fit(small, large, skip_structure_reduction=True))
    if isinstance(a, Molecule) and isinstance(b, Molecule):
        return np.array_equal(a.pairs, b.pairs) and np.allclose(
            a.distances, b.distances, rtol=0, atol=MOLECULE_TOLERANCE
        )
    return False


@lru_cache(maxsize=8)
def _supercell_matcher(ltol: float, stol: float, angle_tol: float) -> StructureMatcher:
    return StructureMatcher(ltol, stol, angle_tol, primitive_cell=False, attempt_supercell=True)


@lru_cache(maxsize=_KEPT)
def _reduced(crystal: Crystal) -> Structure:
    """Primitive Niggli cell, which StructureMatcher would make anew at every comparison.

    Made on first use: most of the work is in it, and a structure like no other never needs it.
    """
    if len(crystal.numbers) > _LARGE:
        cell, sites, numbers = primitive(
            crystal.cell, crystal.sites, crystal.numbers, symprec=_TRANSLATION
        )
        return Structure(cell, numbers, sites).get_reduced_structure("niggli")
    structure = Structure(crystal.cell, crystal.numbers, crystal.sites)
    # in this order: a translation is easier to find in a compact cell
    return structure.get_reduced_structure("niggli").get_primitive_structure()


def _molecule(atoms: ase.Atoms) -> Molecule:
    i, j = np.triu_indices(len(atoms), 1)
    pairs = np.sort(np.stack([atoms.numbers[i], atoms.numbers[j]], axis=1), axis=1)
    distances = atoms.get_all_distances()[i, j]
    order = np.lexsort((distances, pairs[:, 1], pairs[:, 0]))
    return Molecule(pairs[order], distances[order])


class Reference:
    """Known structures to look for.

    Args:
        frames: references; ``info["name"]`` or ``info["material_id"]`` names one, otherwise its
            formula and number do.
        matcher: decides what is the same; pymatgen's default settings unless given.
    """

    def __init__(
        self, frames: Sequence[ase.Atoms], matcher: StructureMatcher | None = None
    ) -> None:
        self.matcher = StructureMatcher() if matcher is None else matcher
        self.names = [
            str(
                atoms.info.get("name")
                or atoms.info.get("material_id")
                or f"{atoms.get_chemical_formula()} #{number}"
            )
            for number, atoms in enumerate(frames)
        ]
        # hundreds of references are of as many compositions
        self._by_composition: dict[str, list[tuple[str, Crystal | Molecule]]] = defaultdict(list)
        for name, atoms in zip(self.names, frames, strict=True):
            self._by_composition[_composition(atoms)].append((name, prepare(atoms)))

    def find(self, atoms: ase.Atoms) -> str | None:
        """Name of the first reference that the structure matches."""
        structure = prepare(atoms)
        for name, reference in self._by_composition.get(_composition(atoms), ()):
            if same(reference, structure, self.matcher):
                return name
        return None


def _composition(atoms: ase.Atoms) -> str:
    return reduced_formula(Counter(atoms.get_chemical_symbols()))


def coordination(atoms: ase.Atoms, cutoff: float) -> float:
    """Mean number of neighbours within ``cutoff`` Å."""
    return len(pairs_of("i", atoms, cutoff)) / len(atoms)
