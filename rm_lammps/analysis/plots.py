"""Pictures of results."""

from collections.abc import Sequence
from pathlib import Path

import ase
from matplotlib.figure import Figure

from rm_lammps.analysis.matching import UniqueStructure


def plot_energy_volume(
    groups: Sequence[UniqueStructure], references: Sequence[ase.Atoms], picture: Path
) -> None:
    """Draw E~ against volume: one circle a structure, its area the number of times found.

    Args:
        groups: unique structures.
        references: structures looked for; their volumes are marked.
        picture: PNG to write.
    """
    figure = Figure(figsize=(6, 4.2), layout="constrained")
    axes = figure.subplots()
    names = sorted({group.reference for group in groups if group.reference is not None})
    for number, name in enumerate([*names, None]):
        members = [group for group in groups if group.reference == name]
        axes.scatter(
            [group.atoms.info["volume_per_atom"] for group in members],
            [group.atoms.info["energy_per_atom"] for group in members],
            s=[12 + 8 * len(group.seeds) for group in members],
            color="0.65" if name is None else f"C{number}",
            alpha=0.7,
            label=name or "other",
        )
    for atoms in references:
        axes.axvline(atoms.get_volume() / len(atoms), color="0.8", linewidth=0.8, zorder=0)
    axes.set(xlabel="volume per atom (Å³)", ylabel="E~ per atom (pseudo-eV)")
    axes.legend(title="area: times found", frameon=False)
    figure.savefig(picture, dpi=150)
