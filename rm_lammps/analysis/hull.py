"""Energies above the convex hull of known structures, all by one potential."""

from collections import Counter
from collections.abc import Callable, Sequence

import ase
import numpy as np
from ase.formula import Formula
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from rm_lammps.ranks import Communicator, share_out


def energies_above_hull(
    formulas: Sequence[str],
    energies: Sequence[float],
    known: Sequence[ase.Atoms],
    evaluate: Callable[[ase.Atoms], float],
    comm: Communicator,
) -> list[float | None]:
    """How far structures are from being stable against decomposition into known ones.

    Args:
        formulas: of the structures.
        energies: of the structures, eV per atom; may be infinite.
        known: structures that the hull is made of. Those count that have no other elements than
            one of the formulas.
        evaluate: energy of a known structure, eV per atom.
        comm: every rank of it calls this function.

    Returns:
        eV per atom, negative below the hull. ``None`` where an element has no known structure of
        its own, or the energy is infinite.
    """
    systems = [frozenset(Formula(formula).count()) for formula in formulas]
    contents = [Counter(atoms.get_chemical_symbols()) for atoms in known]
    wanted = set(systems)
    elements = {element for system in wanted for element in system}
    needed = [
        n
        for n, content in enumerate(contents)
        if elements.issuperset(content) and any(system.issuperset(content) for system in wanted)
    ]
    levels_of_known = share_out(comm, needed, lambda n: evaluate(known[n]), "known structures")
    entries = []
    for n, energy in zip(needed, levels_of_known, strict=True):
        if np.isfinite(energy):
            composition = Composition(contents[n])
            entry = PDEntry(composition, energy * composition.num_atoms)
            entries.append((contents[n].keys(), entry))
    levels = {
        formula: _level(formula, [entry for symbols, entry in entries if symbols <= system])
        for formula, system in dict(zip(formulas, systems, strict=True)).items()
    }
    return [
        energy - level if (level := levels[formula]) is not None and np.isfinite(energy) else None
        for formula, energy in zip(formulas, energies, strict=True)
    ]


def _level(formula: str, entries: Sequence[PDEntry]) -> float | None:
    """Energy of the hull at a composition, eV per atom."""
    composition = Composition(formula)
    pure = {entry.composition.elements[0] for entry in entries if entry.is_element}
    if pure != set(composition.elements):
        return None
    return float(PhaseDiagram(entries).get_hull_energy_per_atom(composition))
