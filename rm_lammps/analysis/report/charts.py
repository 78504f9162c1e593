"""The page's plots, by plotly."""

from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from ase.formula import Formula

from rm_lammps.analysis.plots import COLOURS, OTHER, above_lowest, classes
from rm_lammps.analysis.report.page_contents import Contents

CONVERGED = "#2a7f62"
FAILED = ("#c8553d", "#e09f3e", "#8d6a9f", "#5c677d", "#b56576", "#777777")
UNDECIDED = "#e2b93b"
"""Of what fails a check or leaves it undecided, as the frames in the gallery."""
_BINS = 40
LAYOUT: dict[str, Any] = {
    "template": "none",
    "font": {"family": "system-ui, sans-serif", "size": 13, "color": "#2b2f36"},
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "hoverlabel": {"align": "left"},
    "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "#a8adb5", "activecolor": "#2b2f36"},
}
AXIS: dict[str, Any] = {
    "gridcolor": "#e9ebee",
    "linecolor": "#b9bec6",
    "ticks": "outside",
    "tickcolor": "#b9bec6",
    "zeroline": False,
    "automargin": True,
}


def titled(text: str) -> dict[str, Any]:
    """An axis's title, in the size of its numbers."""
    return {"title": {"text": text, "font": {"size": 13}}}


def energy_volume(contents: Contents) -> go.Figure:
    """E~ against volume, one point a unique structure, coloured by space group.

    A point's ``customdata`` begins with its rank.
    """
    points = [point for point in contents.points if point["volume"] is not None]
    figure = _by_space_group(
        points,
        x=lambda point: point["volume"],
        y=lambda point: point["energy"],
        numbers="E~ %{y:.4f} pseudo-eV, %{x:.3f} Å³ per atom",
    )
    return figure.update_layout(
        xaxis={**AXIS, **titled("volume per atom (Å³)")},
        yaxis={**AXIS, **titled("E~ per atom (pseudo-eV)")},
    )


def above_each_lowest(contents: Contents) -> go.Figure:
    """E~ above the lowest of the composition, composition by composition.

    E~ of different compositions can't be compared. A point's ``customdata`` begins with its rank.
    """
    formulas = [Formula(point["formula"]).reduce()[0].format("metal") for point in contents.points]
    lowest: dict[str, float] = {}
    for formula, point in zip(formulas, contents.points, strict=True):
        lowest[formula] = min(point["energy"], lowest.get(formula, np.inf))
    points = [
        {**point, "reduced": escape(formula), "above": point["energy"] - lowest[formula]}
        for formula, point in zip(formulas, contents.points, strict=True)
    ]
    figure = _by_space_group(
        points,
        x=lambda point: point["reduced"],
        y=lambda point: point["above"],
        numbers="E~ %{y:.4f} pseudo-eV per atom above the lowest",
    )
    return figure.update_layout(
        xaxis={
            **AXIS,
            "type": "category",
            "categoryorder": "array",
            "categoryarray": [escape(formula) for formula in lowest],
        },
        yaxis={**AXIS, **titled("E~ per atom above the lowest (pseudo-eV)")},
    )


def _by_space_group(
    points: list[dict[str, Any]],
    x: Callable[[dict[str, Any]], float | str],
    y: Callable[[dict[str, Any]], float],
    numbers: str,
) -> go.Figure:
    """Unique structures as circles, coloured by space group.

    Args:
        points: the structures.
        x: where one lies across.
        y: and upwards.
        numbers: what is said of the two where the mouse is.
    """
    names = classes([point["space_group"] for point in points])
    figure = go.Figure()
    # the rest first, so that the named ones lie on top
    for name, colour in [(None, OTHER), *zip(names, COLOURS, strict=False)]:
        members = [
            point
            for point in points
            if (point["space_group"] == name if name else point["space_group"] not in names)
        ]
        if members:
            label = escape(name) if name else "other space groups"
            trace = _scatter(members, f"{label} · {len(members)}", colour, numbers)
            figure.add_trace(
                trace.update(x=[x(one) for one in members], y=[y(one) for one in members])
            )
    return figure.update_layout(
        **LAYOUT,
        legend={
            "title": {"text": "space group · structures", "font": {"size": 12}},
            "itemsizing": "constant",
            "font": {"size": 12},
        },
        margin={"l": 70, "r": 10, "t": 26, "b": 55},
        height=460,
    )


def _scatter(members: list[dict[str, Any]], name: str, colour: str, numbers: str) -> go.Scatter:
    return go.Scatter(
        mode="markers",
        name=name,
        marker={
            "color": colour,
            "size": sizes([point["found"] for point in members]),
            "opacity": 0.8,
            "line": {"width": 1, "color": "white"},
        },
        customdata=[
            [point["rank"], point["seed"], point["found"]]
            # plotly takes tags in text for markup
            + [escape(point[key] or "") for key in ("formula", "space_group", "match")]
            for point in members
        ],
        hovertemplate=(
            "<b>rank %{customdata[0]}</b>  %{customdata[3]}  %{customdata[4]} %{customdata[5]}<br>"
            f"{numbers}<br>"
            "found by %{customdata[2]} seeds, best by seed %{customdata[1]}<extra></extra>"
        ),
    )


def sizes(found: list[int]) -> list[float]:
    """Diameters of circles whose areas grow with the number of seeds, hiding no neighbours."""
    return list(np.clip(6 + 2.5 * np.sqrt(np.array(found) - 1.0), 6, 34).round(1).tolist())


def parity(contents: Contents) -> go.Figure:
    """Energy by physical potentials against E~, each above the composition's lowest.

    A point's ``customdata`` begins with its rank.
    """
    plain = [
        {
            **point,
            "energy_per_atom": point["energy"],
            "physical_energy_per_atom": point["physical"],
        }
        for point in contents.points
        if point["physical"] is not None
    ]
    pairs = above_lowest(plain)
    spread = [one["disagreement"] or 0.0 for _, _, one in pairs]
    figure = go.Figure(
        go.Scatter(
            x=[pseudo for pseudo, _, _ in pairs],
            y=[physical for _, physical, _ in pairs],
            error_y={"array": spread, "visible": any(spread), "thickness": 1, "width": 2},
            mode="markers",
            marker={"color": COLOURS[0], "size": 8, "opacity": 0.8},
            customdata=[
                [one["rank"], escape(one["formula"]), escape(one["space_group"])]
                for _, _, one in pairs
            ],
            hovertemplate=(
                "<b>%{customdata[1]}</b>  %{customdata[2]}<br>E~ %{x:.4f} pseudo-eV, "
                "%{y:.4f} eV per atom above the lowest<extra></extra>"
            ),
        )
    )
    figure.update_layout(
        **LAYOUT,
        xaxis={**AXIS, **titled("E~ above the lowest (pseudo-eV per atom)")},
        yaxis={**AXIS, **titled(f"{escape(contents.ranked_by)} above the lowest (eV per atom)")},
        margin={"l": 70, "r": 10, "t": 26, "b": 55},
        height=380,
    )
    return figure


def outcomes(contents: Contents) -> go.Figure:
    """How the attempted seeds ended."""
    attempted = max(contents.summary["attempted"], 1)
    rows = [("converged", contents.summary["converged"], CONVERGED)]
    rows += [
        (failure.reason.replace("_", " "), failure.count, colour)
        for failure, colour in zip(contents.failures, FAILED * 9, strict=False)
    ]
    figure = go.Figure(
        go.Bar(
            y=[escape(name) for name, _, _ in rows],
            x=[count for _, count, _ in rows],
            marker={"color": [colour for _, _, colour in rows]},
            text=[f"{count:,}  ({count / attempted:.1%})" for _, count, _ in rows],
            textposition="outside",
            cliponaxis=False,
            orientation="h",
            hoverinfo="skip",
        )
    )
    largest = max(count for _, count, _ in rows)
    figure.update_layout(
        **LAYOUT,
        xaxis={**AXIS, **titled("seeds"), "range": [0, 1.35 * max(largest, 1)]},
        yaxis={**AXIS, "autorange": "reversed", "ticks": "", "showgrid": False},
        margin={"l": 10, "r": 10, "t": 10, "b": 45},
        bargap=0.35,
        height=90 + 44 * len(rows),
    )
    return figure


def cost(contents: Contents, quantity: str, title: str) -> go.Figure:
    """Histogram of what a seed took, converged and failed seeds apart.

    Args:
        contents: of the page.
        quantity: ``seconds`` or ``evaluations``.
        title: of the axis.
    """
    kinds = [
        ("converged", getattr(contents.converged_cost, quantity), CONVERGED),
        ("failed", getattr(contents.failed_cost, quantity), FAILED[0]),
    ]
    # seeds differ by orders of magnitude; zero has no logarithm
    logs = [(name, np.log10(np.maximum(some, 1e-4)), colour) for name, some, colour in kinds]
    everything = np.concatenate([some for _, some, _ in logs])
    low, high = everything.min(initial=np.inf), everything.max(initial=-np.inf)
    if len(everything) == 0:
        low, high = 0.0, 1.0
    edges = np.linspace(low - 0.02, high + 0.02, _BINS + 1)
    figure = go.Figure()
    for name, some, colour in logs:
        if len(some):
            counts, _ = np.histogram(some, edges)
            figure.add_trace(
                go.Bar(
                    x=((edges[:-1] + edges[1:]) / 2).tolist(),
                    y=counts.tolist(),
                    width=edges[1] - edges[0],
                    name=f"{name}, median {10 ** np.median(some):.3g}",
                    marker={"color": colour, "line": {"width": 0.5, "color": "white"}},
                    customdata=(10 ** np.stack([edges[:-1], edges[1:]], axis=1)).tolist(),
                    hovertemplate="%{customdata[0]:.3g} to %{customdata[1]:.3g}: %{y} seeds"
                    "<extra></extra>",
                )
            )
    ticks = _round_numbers(edges[0], edges[-1])
    figure.update_layout(
        **LAYOUT,
        barmode="stack",
        xaxis={
            **AXIS,
            **titled(title),
            "tickvals": np.log10(ticks).tolist(),
            "ticktext": [f"{tick:g}" for tick in ticks],
        },
        yaxis={**AXIS, **titled("seeds")},
        legend={"orientation": "h", "y": 1.15, "x": 0},
        showlegend=True,
        margin={"l": 60, "r": 10, "t": 30, "b": 50},
        height=300,
    )
    return figure


def _round_numbers(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten between two logarithms; only the powers if these are many."""
    powers = range(int(np.floor(low)), int(np.ceil(high)) + 1)
    factors = (1, 2, 5) if high - low < 3 else (1,)
    numbers = [factor * 10.0**power for power in powers for factor in factors]
    return [number for number in numbers if low <= np.log10(number) <= high]
