"""Energies above the convex hull of known structures, all by one potential."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import ase
import numpy as np
from ase.formula import Formula
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

NEAR = 0.1
"""eV per atom above the hull of their own formation energies, up to which known structures are
asked a potential about: one further up is not on the potential's hull either."""


@dataclass(frozen=True)
class AboveHull:
    """How far a structure is from being stable, and what that rests on."""

    energy: float | None
    """eV per atom, negative below the hull; ``None`` where it is unknown."""
    references: int
    """Known structures of no other elements than its own, the elements themselves included."""
    missing: tuple[str, ...] = ()
    """Elements without a known structure of their own."""


@dataclass(frozen=True)
class Known:
    """A known structure that others may fall into."""

    atoms: ase.Atoms
    name: str
    formation_energy: float | None = None
    """eV per atom by its source; ``None`` where that says nothing: then it always counts."""

    @property
    def elements(self) -> frozenset[str]:
        """Its elements."""
        return frozenset(self.atoms.get_chemical_symbols())


class Hull:
    """Known structures of some chemical systems, those that may be on a hull.

    Args:
        known: structures of any elements.
        systems: elements of each system that is asked about.
    """

    def __init__(self, known: Sequence[Known], systems: Sequence[frozenset[str]]) -> None:
        wanted = set(systems)
        inside = [n for n, one in enumerate(known) if any(one.elements <= s for s in wanted)]
        near: set[int] = set()
        for system in wanted:
            own = [n for n in inside if known[n].elements <= system]
            if not system <= {
                e for n in own if len(known[n].elements) == 1 for e in known[n].elements
            }:
                # no hull without its corners
                continue
            near |= {n for n in own if known[n].formation_energy is None}
            near |= _near_hull({n: known[n] for n in own if known[n].formation_energy is not None})
        self.known = [known[n] for n in sorted(near)]
        """Those that a potential has to be asked about."""

    def above(
        self,
        formulas: Sequence[str],
        energies: Sequence[float],
        levels: Sequence[float],
    ) -> list[AboveHull]:
        """How far structures are from being stable against decomposition into known ones.

        Args:
            formulas: of the structures.
            energies: of the structures, eV per atom; may be infinite.
            levels: of :attr:`known`, eV per atom; may be infinite.
        """
        entries = [
            (one.elements, _entry(one.atoms, level))
            for one, level in zip(self.known, levels, strict=True)
            if np.isfinite(level)
        ]
        found: dict[str, AboveHull] = {}
        for formula in dict.fromkeys(formulas):
            system = frozenset(Formula(formula).count())
            found[formula] = _level(formula, [entry for own, entry in entries if own <= system])
        return [
            _relative(energy, found[formula])
            for formula, energy in zip(formulas, energies, strict=True)
        ]


def _relative(energy: float, level: AboveHull) -> AboveHull:
    known = level.energy is not None and np.isfinite(energy)
    above = energy - level.energy if known and level.energy is not None else None
    return AboveHull(above, level.references, level.missing)


def _entry(atoms: ase.Atoms, energy: float) -> PDEntry:
    composition = Composition(Counter(atoms.get_chemical_symbols()))
    return PDEntry(composition, energy * composition.num_atoms)


def _level(formula: str, entries: Sequence[PDEntry]) -> AboveHull:
    """Energy of the hull at a composition, eV per atom."""
    composition = Composition(formula)
    pure = {entry.composition.elements[0].symbol for entry in entries if entry.is_element}
    missing = tuple(sorted({element.symbol for element in composition.elements} - pure))
    if missing:
        return AboveHull(None, len(entries), missing)
    level = float(PhaseDiagram(entries).get_hull_energy_per_atom(composition))
    return AboveHull(level, len(entries))


def _near_hull(known: Mapping[int, Known]) -> set[int]:
    """Those near the hull of their own formation energies; the lowest of each element always."""
    elements = {element for one in known.values() for element in one.elements}
    entries = {n: _entry(one.atoms, one.formation_energy or 0.0) for n, one in known.items()}
    pure = {one.elements for one in known.values() if len(one.elements) == 1}
    if len(pure) < len(elements):
        return set(known)
    diagram = PhaseDiagram(list(entries.values()))
    above: Callable[[PDEntry], float] = diagram.get_e_above_hull
    return {n for n, entry in entries.items() if above(entry) <= NEAR}
