"""What a chemical system holds, by what was found and what is known of it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import ase
import numpy as np
from ase.formula import Formula
from numpy.typing import NDArray
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from rm_lammps.analysis.comparison import Reference
from rm_lammps.analysis.hull import NEAR, Known
from rm_lammps.analysis.physical import Candidate, Opinions
from rm_lammps.geometry.symmetry import space_group
from rm_lammps.systems import find_system


class Phases:
    """The convex hull of everything that the potential looked at, found or known.

    Args:
        opinions: of the rounds until now.
        known: known structures of the system.
        elements: of the system.
    """

    def __init__(self, opinions: Opinions, known: Sequence[Known], elements: Sequence[str]) -> None:
        self._label = opinions.how.potentials[0].label
        self._elements, self._known = elements, known
        self._levels = {
            one["name"]: one["energies"][self._label]
            for one in opinions.known
            if self._label in one["energies"]
        }
        self._found: Mapping[str, list[Candidate]] = {
            formula: [one for one in some if np.isfinite(one.energy)]
            for formula, some in opinions.candidates.items()
        }
        entries = [self._entry(one.atoms, self._levels[one.name]) for one in self._judged]
        entries += [self._entry(one.atoms, one.energy) for s in self._found.values() for one in s]
        pure = {entry.composition.elements[0].symbol for entry in entries if entry.is_element}
        self.missing = [symbol for symbol in elements if symbol not in pure]
        """Elements of which no structure is there: then there is no hull."""
        self._diagram = None if self.missing else PhaseDiagram(entries)

    @property
    def _judged(self) -> list[Known]:
        return [one for one in self._known if one.name in self._levels]

    @staticmethod
    def _entry(atoms: ase.Atoms, energy: float) -> PDEntry:
        composition = Composition(Counter(atoms.get_chemical_symbols()))
        return PDEntry(composition, energy * composition.num_atoms)

    def _above(self, atoms: ase.Atoms, energy: float) -> float | None:
        """How far above the hull, eV per atom; ``None`` where there is no hull."""
        if self._diagram is None:
            return None
        above = self._diagram.get_e_above_hull(self._entry(atoms, energy), allow_negative=True)
        return max(float(above), 0.0)

    def of_compositions(self) -> dict[str, float]:
        """How far the lowest structure of each composition is above the hull, eV per atom."""
        levels = {}
        for formula, some in self._found.items():
            above = [self._above(one.atoms, one.energy) for one in some]
            known = [level for level in above if level is not None]
            if known:
                levels[formula] = min(known)
        return levels

    def of_known(self) -> list[tuple[NDArray[np.float64], float]]:
        """Fractions of the elements, and energy above the hull, of known compounds."""
        found = []
        for one in self._judged:
            above = self._above(one.atoms, self._levels[one.name])
            if above is not None and len(one.elements) > 1:
                counts = Counter(one.atoms.get_chemical_symbols())
                fractions = np.array([counts[s] for s in self._elements]) / len(one.atoms)
                found.append((fractions, above))
        return found

    def found(self) -> list[dict[str, Any]]:
        """Structures that were found within 0.1 eV per atom of the hull, the lowest first."""
        reference = Reference([_named(one) for one in self._known], find_system("crystal"))
        rows = []
        for formula, some in self._found.items():
            for one in some:
                above = self._above(one.atoms, one.energy)
                if above is None or above > NEAR:
                    continue
                atoms = one.atoms if one.refined is None else one.refined.atoms
                info = one.atoms.info
                rows.append(
                    {
                        "formula": Formula(formula).format("metal"),
                        "space_group": str(space_group(atoms)),
                        "above_hull": above,
                        "energy_per_atom": one.energy,
                        "round": str(info.get("run", "")),
                        "seed": int(info["seed"]),
                        "seed_kind": str(info.get("seed_kind", "")),
                        "known": reference.find(atoms),
                    }
                )
        return sorted(rows, key=lambda row: (row["above_hull"], row["formula"], row["seed"]))

    def known(self, unique: Iterable[ase.Atoms]) -> list[dict[str, Any]]:
        """Known structures near the hull, and whether one of those found is the same.

        Args:
            unique: structures of all seeds, also those that the potential did not look at.
        """
        of_formula: dict[str, list[ase.Atoms]] = defaultdict(list)
        for atoms in unique:
            of_formula[_reduced(atoms)].append(atoms)
        rows = []
        for one in self._judged:
            above = self._above(one.atoms, self._levels[one.name])
            if len(one.elements) < 2 or above is None or above > NEAR:
                continue
            formula, reference = (
                _reduced(one.atoms),
                Reference([_named(one)], find_system("crystal")),
            )
            alike = of_formula.get(formula, [])
            rows.append(
                {
                    "name": one.name,
                    "formula": formula,
                    "space_group": str(space_group(one.atoms)),
                    "above_hull": above,
                    "looked_for": bool(alike),
                    "found": any(reference.find(atoms) is not None for atoms in alike),
                }
            )
        return sorted(rows, key=lambda row: (row["above_hull"], row["name"]))


def _reduced(atoms: ase.Atoms) -> str:
    return str(Composition(Counter(atoms.get_chemical_symbols())).reduced_formula)


def _named(known: Known) -> ase.Atoms:
    atoms = known.atoms.copy()
    atoms.info["name"] = known.name
    return atoms
