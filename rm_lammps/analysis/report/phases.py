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
    """Known structures and candidates of the system that most candidates are of.

    Energies are those of the first potential, for both alike.

    Returns:
        ``None`` where no system of two or three elements has all its elements among the known.
    """
    if not contents.known or not contents.ranked_by:
        return None
    potential = contents.ranked_by.split(",")[0]
    systems = Counter(
        frozenset(Formula(entry.formula).count())
        for entry in contents.best
        if entry.physical is not None
    )
    known = [
        (frozenset(Formula(one["formula"]).count()), one)
        for one in contents.known
        if potential in one["energies"]
    ]
    for system, _ in systems.most_common():
        inside = [one for elements, one in known if elements <= system]
        pure = {e for elements, _ in known if len(elements) == 1 for e in elements}
        if len(system) in {2, 3} and system <= pure:
            entries = [
                _entry(one["formula"], one["energies"][potential], one["name"]) for one in inside
            ]
            entries += [
                _entry(entry.formula, energy, f"{entry.formula}, rank {entry.own_rank}")
                for entry, energy in _candidates(contents, potential)
                if frozenset(Formula(entry.formula).count()) <= system
            ]
            return _draw(entries)
    return None


def _candidates(contents: Contents, potential: str) -> list:
    found = []
    for entry in contents.best:
        energies = dict(pair.rsplit(" ", 1) for pair in entry.energies.split(", ") if pair)
        if potential in energies:
            found.append((entry, float(energies[potential])))
    return found


def _entry(formula: str, energy: float, name: str) -> PDEntry:
    composition = Composition(formula)
    return PDEntry(composition, energy * composition.num_atoms, name=name)


def _draw(entries: list[PDEntry]) -> go.Figure:
    diagram = PhaseDiagram(entries)
    figure = PDPlotter(diagram, show_unstable=_SHOWN_ABOVE, backend="plotly").get_plot()
    figure.update_layout(height=520, width=None, autosize=True, paper_bgcolor="rgba(0,0,0,0)")
    return figure
