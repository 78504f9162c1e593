"""Look for known structures."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import ase
from pymatgen.analysis.structure_matcher import StructureMatcher

from rm_lammps.chemistry.formula import reduced_formula
from rm_lammps.geometry import pairs_of
from rm_lammps.systems import System
from rm_lammps.systems.identity import Identity


class Reference:
    """Known structures to look for.

    Args:
        frames: references; ``info["name"]`` or ``info["material_id"]`` names one, otherwise its
            formula and number do.
        system: what they are.
        matcher: decides what is the same; pymatgen's default settings unless given.
    """

    def __init__(
        self, frames: Sequence[ase.Atoms], system: System, matcher: StructureMatcher | None = None
    ) -> None:
        self._system = system
        self.matcher = StructureMatcher() if matcher is None else matcher
        self.names = names_of(frames)
        # hundreds of references are of as many compositions
        self._by_composition: dict[str, list[tuple[str, Identity]]] = defaultdict(list)
        for name, atoms in zip(self.names, frames, strict=True):
            self._by_composition[_composition(atoms)].append((name, system.identity(atoms)))

    def find(self, atoms: ase.Atoms) -> str | None:
        """Name of the first reference that the structure matches."""
        structure = self._system.identity(atoms)
        for name, reference in self._by_composition.get(_composition(atoms), ()):
            if reference.same(structure, self.matcher):
                return name
        return None


def names_of(frames: Sequence[ase.Atoms]) -> list[str]:
    """Names of references: their own, otherwise formula and number."""
    return [
        str(
            atoms.info.get("name")
            or atoms.info.get("material_id")
            or f"{atoms.get_chemical_formula()} #{number}"
        )
        for number, atoms in enumerate(frames)
    ]


def _composition(atoms: ase.Atoms) -> str:
    return reduced_formula(Counter(atoms.get_chemical_symbols()))


def coordination(atoms: ase.Atoms, cutoff: float) -> float:
    """Mean number of neighbours within ``cutoff`` Å."""
    return len(pairs_of("i", atoms, cutoff)) / len(atoms)
