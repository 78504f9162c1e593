"""A random box that becomes diamond: the picture of the README, from a real trajectory.

    pip install ovito && python scripts/hero_picture.py [--seed 1] [--out runs/hero]

Generates one seed of eight carbon atoms with the model ``diamond``, keeps its trajectory, and
renders some of its frames with bonds by OVITO. Atoms with four neighbours are blue, others orange.
"""

import argparse
import subprocess
from collections.abc import Sequence
from pathlib import Path

import ase.io
import numpy as np
import spglib
from ase import Atoms
from ase.neighborlist import neighbor_list
from matplotlib.figure import Figure
from matplotlib.image import imread
from numpy.typing import NDArray
from ovito.io.ase import ase_to_ovito
from ovito.modifiers import (
    CreateBondsModifier,
    ReplicateModifier,
    WrapPeriodicImagesModifier,
)
from ovito.pipeline import Pipeline, StaticSource
from ovito.vis import TachyonRenderer, Viewport

CHECKOUT = Path(__file__).resolve().parents[1]
BOND = 1.85
"""Longest bond, Å."""
FOURFOLD, OTHER = (0.18, 0.40, 0.68), (0.93, 0.55, 0.20)
FRAMES = 4
PIXELS = 620


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


def render(atoms: Atoms, rotation: NDArray[np.float64], file: Path) -> int:
    """Draw one frame; returns how many of its atoms have four neighbours."""
    turned = atoms.copy()
    turned.info.clear()
    turned.set_cell(atoms.cell.array @ rotation.T, scale_atoms=True)
    fourfold = np.bincount(neighbor_list("i", turned, BOND), minlength=len(turned)) == 4
    data = ase_to_ovito(turned)
    data.particles_.create_property(
        "Color", data=np.where(fourfold[:, None], FOURFOLD, OTHER).astype(float)
    )
    data.particles_.create_property("Radius", data=np.full(len(turned), 0.42))
    data.cell_.vis.line_width = 0.06
    data.cell_.vis.rendering_color = (0.25, 0.25, 0.25)
    pipeline = Pipeline(source=StaticSource(data=data))
    pipeline.modifiers.append(WrapPeriodicImagesModifier())
    pipeline.modifiers.append(ReplicateModifier(num_x=2, num_y=2, num_z=2, adjust_box=True))
    bonds = CreateBondsModifier(cutoff=BOND)
    bonds.vis.width = 0.26
    pipeline.modifiers.append(bonds)
    pipeline.add_to_scene()
    view = Viewport(type=Viewport.Type.Perspective, camera_dir=(-1, 0.82, -0.22), fov=0.45)
    view.zoom_all()
    view.render_image(
        filename=str(file),
        size=(PIXELS, PIXELS),
        background=(1, 1, 1),
        renderer=TachyonRenderer(shadows=False, ambient_occlusion_brightness=0.9),
    )
    pipeline.remove_from_scene()
    return int(fourfold.sum())


def trimmed(files: Sequence[Path]) -> list[NDArray[np.float32]]:
    """Pictures without the white margin that all of them have."""
    pictures = [imread(file) for file in files]
    drawn = np.any([picture[..., :3].min(axis=2) < 1 for picture in pictures], axis=0)
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    return [picture[window] for picture in pictures]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/hero"))
    options = parser.parse_args()
    frames = trajectory(options.seed, options.out)
    rotation = orientation(frames[-1])
    chosen = np.linspace(0, len(frames) - 1, FRAMES).round().astype(int)
    files = [options.out / f"frame-{number:03d}.png" for number in chosen]
    found = [
        render(frames[number], rotation, file) for number, file in zip(chosen, files, strict=True)
    ]
    figure = Figure(figsize=(3.4 * FRAMES, 3.3), layout="constrained")
    panels = zip(figure.subplots(1, FRAMES), chosen, trimmed(files), found, strict=True)
    for axes, number, picture, fourfold in panels:
        atoms = frames[number]
        axes.imshow(picture)
        axes.set_axis_off()
        energy = float(atoms.info["Potential_energy"]) / len(atoms)
        title = "random box" if number == 0 else f"iteration {atoms.info['Timestep']}"
        if number == chosen[-1]:
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
