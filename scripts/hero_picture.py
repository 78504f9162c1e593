"""A random box that becomes diamond: the picture of the README, from a real trajectory.

    pip install ovito && python scripts/hero_picture.py [--seed 2] [--out runs/hero]

Generates one seed of eight carbon atoms with the model ``diamond``, keeps its trajectory, and
renders some of its frames with bonds by OVITO. Atoms with four neighbours are blue, others orange.
"""

import argparse
import subprocess
from pathlib import Path

import ase.io
import numpy as np
import spglib
from ase import Atoms
from ase.neighborlist import neighbor_list
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rendering import render, trimmed

CHECKOUT = Path(__file__).resolve().parents[1]
BOND = 1.85
"""Longest bond, Å."""
FOURFOLD, OTHER = (0.18, 0.40, 0.68), (0.93, 0.55, 0.20)
FRAMES = 3


def trajectory(seed: int, out: Path) -> list[Atoms]:
    """Relax one seed and read its way."""
    command = ["rm-generate", "--model", "diamond", "--formula", "C8", "--preset", "quick"]
    command += ["--num", str(seed + 1), "--trajectories", str(seed), "--out", str(out)]
    subprocess.run(command, check=True)
    return ase.io.read(out / "trajectories" / f"seed-{seed:06d}.extxyz", ":")


def orientation(crystal: Atoms) -> NDArray[np.float64]:
    """Rotation after which the crystal's cubic axes are those of the picture, shape (3, 3)."""
    cell = (crystal.cell.array, crystal.get_scaled_positions(), crystal.numbers)
    return np.asarray(spglib.get_symmetry_dataset(cell, symprec=0.1).std_rotation_matrix)


def draw(atoms: Atoms, rotation: NDArray[np.float64], file: Path) -> int:
    """Draw one frame; returns how many of its atoms have four neighbours."""
    turned = atoms.copy()
    turned.set_cell(atoms.cell.array @ rotation.T, scale_atoms=True)
    fourfold = np.bincount(neighbor_list("i", turned, BOND), minlength=len(turned)) == 4
    colours = np.where(fourfold[:, None], FOURFOLD, OTHER)
    render(turned, file, colours, repeat=(2, 2, 2), longest=BOND, radius=0.42)
    return int(fourfold.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/hero"))
    options = parser.parse_args()
    frames = trajectory(options.seed, options.out)
    rotation = orientation(frames[-1])
    chosen = np.linspace(0, len(frames) - 1, FRAMES).round().astype(int)
    files = [options.out / f"frame-{number:03d}.png" for number in chosen]
    found = [
        draw(frames[number], rotation, file) for number, file in zip(chosen, files, strict=True)
    ]
    pictures = trimmed(files)
    height, width, _ = pictures[0].shape
    figure = Figure(figsize=(3.4 * FRAMES, 3.3 * height / width + 1.1), layout="constrained")
    panels = zip(figure.subplots(1, FRAMES), chosen, pictures, found, strict=True)
    for axes, number, picture, fourfold in panels:
        atoms = frames[number]
        axes.imshow(picture)
        axes.set_axis_off()
        energy = float(atoms.info["Potential_energy"]) / len(atoms)
        title = "random box" if number == 0 else f"iteration {atoms.info['Timestep']}"
        if number == chosen[-1] and fourfold == len(atoms):
            title = f"{title}: diamond"
        axes.set_title(title, fontsize=19)
        axes.text(
            0.5,
            -0.02,
            f"E~ {energy:.2f}, fourfold: {fourfold} of {len(atoms)}",
            transform=axes.transAxes,
            ha="center",
            va="top",
            fontsize=16,
        )
    figure.savefig(CHECKOUT / "docs" / "images" / "hero.png", dpi=80)


if __name__ == "__main__":
    main()
