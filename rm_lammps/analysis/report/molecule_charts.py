"""The page's plots of molecules, by plotly."""

import re
from collections import defaultdict
from html import escape
from typing import Any

import plotly.graph_objects as go
from ase.formula import Formula

from rm_lammps.analysis.report.charts import AXIS, CONVERGED, LAYOUT, UNDECIDED, sizes, titled
from rm_lammps.analysis.report.entry import Entry

_CHECKS = {"mol_pred_loaded": "molecule can be read", "inchi_convertible": "has an InChI"}
"""Checks of PoseBusters whose names need other words."""


def energies(best: list[Entry]) -> go.Figure:
    """E~ of the molecules of one composition by rank; the circle's area grows with ``found``.

    A point's ``customdata`` begins with its place in the table.
    """
    figure = go.Figure()
    kinds = {True: ("pass every check", CONVERGED), False: ("do not", UNDECIDED)}
    for passes, (name, colour) in kinds.items():
        members = [entry for entry in best if entry.passes == passes]
        if members:
            figure.add_trace(
                go.Scatter(
                    x=[entry.own_rank for entry in members],
                    y=[entry.energy for entry in members],
                    mode="markers",
                    name=f"{name} · {len(members)}",
                    marker={
                        "color": colour,
                        "size": [4 + size for size in sizes([entry.found for entry in members])],
                        "line": {"width": 1, "color": "white"},
                    },
                    customdata=[[entry.rank, escape(entry.smiles or "")] for entry in members],
                    hovertemplate="<b>rank %{x}</b>  %{customdata[1]}<br>E~ %{y:.4f} pseudo-eV "
                    "per atom<extra></extra>",
                )
            )
    figure.update_layout(
        **LAYOUT,
        xaxis={**AXIS, **titled("rank")},
        yaxis={**AXIS, **titled("E~ per atom (pseudo-eV)")},
        legend={"orientation": "h", "y": 1.1, "x": 0, "itemsizing": "constant"},
        showlegend=True,
        margin={"l": 70, "r": 10, "t": 30, "b": 50},
        height=440,
    )
    return figure


def compositions(molecules: dict[str, Any]) -> go.Figure:
    """Heat map of the pass rate: carbon atoms across, the other heavy atoms down.

    Args:
        molecules: content of ``evaluation.json``.
    """
    passes: dict[tuple[str, int], int] = defaultdict(int)
    attempted: dict[tuple[str, int], int] = defaultdict(int)
    for formula, rates in molecules["compositions"].items():
        place = _heavy(formula)
        passes[place] += rates["passes"]
        attempted[place] += rates["attempted"]
    rows = sorted({row for row, _ in attempted}, key=lambda row: (_atoms(row), row))
    columns = sorted({column for _, column in attempted})
    cells = [[(row, column) for column in columns] for row in rows]
    rates = [[passes[c] / attempted[c] if c in attempted else None for c in row] for row in cells]
    counts = [
        [f"{passes[c]} of {attempted[c]}" if c in attempted else "" for c in row] for row in cells
    ]
    figure = go.Figure(
        go.Heatmap(
            x=[f"C{column}" if column else "no C" for column in columns],
            y=[escape(row) or "none" for row in rows],
            z=rates,
            zmin=0,
            zmax=1,
            colorscale="RdYlGn",
            text=counts,
            texttemplate="%{z:.0%}" if len(rows) * len(columns) <= 150 else "",
            hovertemplate="%{x} with %{y}: %{text} seeds<extra></extra>",
            hoverongaps=False,
            xgap=2,
            ygap=2,
            colorbar={"tickformat": ".0%", "thickness": 14},
        )
    )
    figure.update_layout(
        **LAYOUT,
        xaxis={**AXIS, **titled("carbon atoms"), "type": "category", "showgrid": False},
        yaxis={
            **AXIS,
            **titled("other heavy atoms"),
            "type": "category",
            "showgrid": False,
            "autorange": "reversed",
        },
        margin={"l": 70, "r": 10, "t": 10, "b": 50},
        height=min(190 + 30 * len(rows), 700),
    )
    return figure


def _heavy(formula: str) -> tuple[str, int]:
    """Heavy atoms other than carbon, and the number of carbon atoms."""
    counts = Formula(formula).count()
    others = "".join(f"{s}{counts[s]}" for s in sorted(counts) if s not in {"C", "H"})
    return others, counts.get("C", 0)


def _atoms(others: str) -> int:
    return sum(map(int, re.findall(r"\d+", others)))


def checks(molecules: dict[str, Any]) -> go.Figure:
    """Shares of attempted seeds that come so far, check by check."""
    rates = molecules["rates"]
    steps = {
        "converged": rates["converged"],
        "bonds fit a molecule": rates["bonds"],
        "one fragment": rates["connected"],
        **{_CHECKS.get(name, name.replace("_", " ")): n for name, n in rates["checks"].items()},
        "every check": rates["passes"],
    }
    total = max(rates["attempted"], 1)
    figure = go.Figure(
        go.Bar(
            y=list(steps),
            x=[n / total for n in steps.values()],
            text=[f"{n / total:.1%}" for n in steps.values()],
            customdata=list(steps.values()),
            hovertemplate="%{y}: %{customdata} seeds<extra></extra>",
            textposition="auto",
            marker={"color": CONVERGED},
            orientation="h",
        )
    )
    figure.update_layout(
        **LAYOUT,
        xaxis={**AXIS, "tickformat": ".0%", "range": [0, 1.02]},
        yaxis={**AXIS, "autorange": "reversed", "ticks": "", "showgrid": False},
        margin={"l": 10, "r": 10, "t": 10, "b": 40},
        height=60 + 26 * len(steps),
    )
    return figure


def keeping(molecules: dict[str, Any]) -> go.Figure:
    """Pass rate among the molecules kept, against the fraction kept."""
    ranking = molecules["ranking"]
    figure = go.Figure()
    areas = {"pass_rate": "auc_within_composition", "pass_rate_overall": "auc"}
    names = {"pass_rate": "of each composition", "pass_rate_overall": "of all"}
    if len(molecules["compositions"]) == 1:
        # the same curve twice
        names = {"pass_rate_overall": "of all"}
    for key, name in names.items():
        area = ranking[areas[key]]
        figure.add_trace(
            go.Scatter(
                x=[row["fraction"] for row in ranking["keep"]],
                y=[row[key] for row in ranking["keep"]],
                mode="lines+markers",
                name=name if area is None else f"{name}, AUC {area:.2f}",
                hovertemplate="%{x:.0%} kept: %{y:.1%} pass<extra></extra>",
            )
        )
    figure.update_layout(
        **LAYOUT,
        xaxis={**AXIS, **titled("fraction kept"), "tickformat": ".0%", "range": [0, 1.03]},
        yaxis={**AXIS, **titled("pass rate among kept"), "tickformat": ".0%", "range": [0, 1.03]},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        showlegend=True,
        margin={"l": 60, "r": 10, "t": 50, "b": 50},
        height=380,
    )
    return figure
