"""Pictures of results."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ase
from ase.formula import Formula
from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a7a00", "#5b4fa2")
"""Told apart by colour-blind people too (Okabe and Ito, the yellow darkened)."""
OTHER = "#a8adb5"


def classes(values: Sequence[str | None]) -> list[str]:
    """The most frequent values, as many as there are colours, in order of first appearance."""
    given = [value for value in values if value is not None]
    frequent = sorted(set(given), key=lambda value: (-given.count(value), given.index(value)))
    return sorted(frequent[: len(COLOURS)], key=given.index)


def plot_energy_volume(
    structures: Sequence[dict[str, Any]], references: Sequence[ase.Atoms], picture: Path
) -> None:
    """Draw E~ against volume: one circle a structure, its area the number of times found.

    Colours tell references where there are any, space groups otherwise.

    Args:
        structures: unique structures as in ``evaluation.json``.
        references: structures looked for; their volumes are marked.
        picture: PNG to write.
    """
    key = "matches" if references else "space_group"
    drawn = [s for s in structures if s["volume_per_atom"] is not None]
    names = classes([s[key] for s in drawn])
    figure = Figure(figsize=(6, 4.2), layout="constrained")
    axes = figure.subplots()
    for name, colour in zip([None, *names], [OTHER, *COLOURS], strict=False):
        members = [s for s in drawn if (s[key] == name if name else s[key] not in names)]
        if members:
            axes.scatter(
                [s["volume_per_atom"] for s in members],
                [s["energy_per_atom"] for s in members],
                s=[min(12 + 8 * s["found"], 400) for s in members],
                color=colour,
                alpha=0.7,
                label=name or "other",
            )
    for atoms in references:
        axes.axvline(atoms.get_volume() / len(atoms), color="0.8", linewidth=0.8, zorder=0)
    axes.set(xlabel="volume per atom (Å³)", ylabel="E~ per atom (pseudo-eV)")
    if drawn:
        axes.legend(title="area: times found", frameon=False, markerscale=0.6)
    else:
        axes.text(0.5, 0.5, "no converged structures", ha="center", transform=axes.transAxes)
    figure.savefig(picture, dpi=150)


def plot_parity(structures: Sequence[dict[str, Any]], potentials: str, picture: Path) -> None:
    """Draw the energy by potentials against E~, each above the composition's lowest.

    Args:
        structures: unique structures as in ``evaluation.json``.
        potentials: what they are called.
        picture: PNG to write.
    """
    figure = Figure(figsize=(5, 4.2), layout="constrained")
    axes = figure.subplots()
    pairs = above_lowest(structures)
    axes.scatter(
        [pseudo for pseudo, _, _ in pairs],
        [physical for _, physical, _ in pairs],
        s=12,
        color=COLOURS[0],
        alpha=0.5,
        linewidths=0,
    )
    axes.set(
        xlabel="E~ above the composition's lowest (pseudo-eV per atom)",
        ylabel=f"{potentials}, above its lowest (eV per atom)",
    )
    figure.savefig(picture, dpi=150)


def above_lowest(
    structures: Sequence[dict[str, Any]],
) -> list[tuple[float, float, dict[str, Any]]]:
    """E~ and physical energy above the lowest of the composition, and the structure itself.

    Args:
        structures: as in ``evaluation.json``; those without a physical energy are left out.
    """
    by_formula: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in structures:
        if "physical_energy_per_atom" in one:
            by_formula[Formula(one["formula"]).reduce()[0].format("hill")].append(one)
    pairs = []
    for some in by_formula.values():
        pseudo = min(one["energy_per_atom"] for one in some)
        physical = min(one["physical_energy_per_atom"] for one in some)
        pairs += [
            (one["energy_per_atom"] - pseudo, one["physical_energy_per_atom"] - physical, one)
            for one in some
        ]
    return pairs
