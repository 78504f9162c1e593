"""The phase diagram of the report, by pymatgen."""

from collections import Counter

import plotly.graph_objects as go
from ase.formula import Formula
from pymatgen.analysis.phase_diagram import PDEntry, PDPlotter, PhaseDiagram
from pymatgen.core import Composition

from rm_lammps.analysis.report.page_contents import Contents

_SHOWN_ABOVE = 0.2
"""eV per atom above the hull, up to which structures are drawn."""


def phase_diagram(contents: Contents) -> go.Figure | None:
    """Known structures and candidates of the system that holds most of the candidates.

    Energies are those of the first potential, for both alike.

    Returns:
        ``None`` where no system of two or three elements has all its elements among the known.
    """
    if not contents.ranked_by:
        return None
    potential = contents.ranked_by.split(",")[0]
    known = [
        (_elements(one["formula"]), one["formula"], one["energies"][potential], one["name"])
        for one in contents.known
        if potential in one["energies"]
    ]
    found = [(_elements(one[0]), *one) for one in contents.candidates]
    every = [*known, *found]
    pure = {element for elements, *_ in every if len(elements) == 1 for element in elements}
    inside = Counter(
        {
            system: sum(elements <= system for elements, *_ in found)
            for system in {elements for elements, *_ in found}
            if len(system) in {2, 3} and system <= pure
        }
    )
    # of systems with as many candidates, the smallest
    best = min(inside, key=lambda s: (-inside[s], len(s), sorted(s)), default=None)
    if best is None:
        return None
    return _draw([_entry(*one) for elements, *one in every if elements <= best])


def _elements(formula: str) -> frozenset[str]:
    return frozenset(Formula(formula).count())


def _entry(formula: str, energy: float, name: str) -> PDEntry:
    composition = Composition(formula)
    return PDEntry(composition, energy * composition.num_atoms, name=name)


def _draw(entries: list[PDEntry]) -> go.Figure:
    diagram = PhaseDiagram(entries)
    figure = PDPlotter(diagram, show_unstable=_SHOWN_ABOVE, backend="plotly").get_plot()
    figure.update_layout(height=520, width=None, autosize=True, paper_bgcolor="rgba(0,0,0,0)")
    return figure
