"""Pictures of structures with bonds and a legend of elements, rendered by OVITO.

    pip install ovito

On a machine without a GPU, OVITO also needs ``libvulkan1`` and ``mesa-vulkan-drivers`` of Debian.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from ase.data.colors import jmol_colors
from matplotlib.axes import Axes
from matplotlib.image import imread
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from ovito.io.ase import ase_to_ovito
from ovito.modifiers import CreateBondsModifier, ReplicateModifier, WrapPeriodicImagesModifier
from ovito.pipeline import Pipeline, StaticSource
from ovito.vis import TachyonRenderer, Viewport
from pymatgen.core import Element

CAMERA = (-1.0, 0.82, -0.22)
_BOND = 1.2
"""Longest bond, in units of the sum of covalent radii."""
_EDGE = (0.25, 0.25, 0.25)
_COLOURS = jmol_colors.copy()
_COLOURS[1] = 0.82  # white would not be seen on white


def render(
    atoms: Atoms,
    file: Path,
    colours: NDArray[np.float64] | None = None,
    repeat: tuple[int, int, int] = (1, 1, 1),
    pixels: int = 620,
    longest: float | None = None,
    radius: float | None = None,
) -> None:
    """Draw a structure with its bonds.

    Args:
        atoms: with or without a cell.
        file: PNG to write, on white.
        colours: RGB of each atom, shape (n, 3); by default those of the elements.
        repeat: cells along each vector.
        pixels: edge of the picture.
        longest: bond, Å; by default from the covalent radii, and none between metals beside
            other elements.
        radius: of all atoms, Å; by default from the covalent radii.
    """
    plain = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    data = ase_to_ovito(plain)
    shown = _COLOURS[plain.numbers] if colours is None else colours
    size = 0.9 if _all_metals(plain) else 0.55
    sizes = size * covalent_radii[plain.numbers] if radius is None else np.full(len(plain), radius)
    data.particles_.create_property("Color", data=np.asarray(shown, dtype=float))
    data.particles_.create_property("Radius", data=sizes)
    pipeline = Pipeline(source=StaticSource(data=data))
    if plain.pbc.any():
        data.cell_.vis.line_width = 0.06
        data.cell_.vis.rendering_color = _EDGE
        pipeline.modifiers.append(WrapPeriodicImagesModifier())
        x, y, z = repeat
        pipeline.modifiers.append(ReplicateModifier(num_x=x, num_y=y, num_z=z, adjust_box=True))
    if longest is not None or not _all_metals(plain):
        pipeline.modifiers.append(_bonds(plain, longest))
    pipeline.add_to_scene()
    view = Viewport(type=Viewport.Type.Perspective, camera_dir=CAMERA, fov=0.45)
    view.zoom_all()
    renderer = TachyonRenderer(shadows=False, ambient_occlusion_brightness=0.9)
    size = (pixels, pixels)
    view.render_image(filename=str(file), size=size, background=(1, 1, 1), renderer=renderer)
    pipeline.remove_from_scene()


def _all_metals(atoms: Atoms) -> bool:
    """Packed spheres then say more than bonds."""
    return all(Element.from_Z(kind).is_metal for kind in set(atoms.numbers.tolist()))


def _bonds(atoms: Atoms, longest: float | None) -> CreateBondsModifier:
    kinds = sorted(set(atoms.numbers.tolist()))
    if longest is not None:
        bonds = CreateBondsModifier(cutoff=longest)
    else:
        bonds = CreateBondsModifier(mode=CreateBondsModifier.Mode.Pairwise)
        metals = {kind for kind in kinds if Element.from_Z(kind).is_metal}
        for k, first in enumerate(kinds):
            for second in kinds[k:]:
                # beside anions, what lies between two cations is no bond
                if {first, second} <= metals < set(kinds):
                    continue
                length = _BOND * (covalent_radii[first] + covalent_radii[second])
                bonds.set_pairwise_cutoff(chemical_symbols[first], chemical_symbols[second], length)
    bonds.vis.width = 0.26
    return bonds


def put(atoms: Atoms, axes: Axes, **how: object) -> None:
    """Render into axes of matplotlib, without margin."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "picture.png"
        render(atoms, file, **how)  # type: ignore[arg-type]
        axes.imshow(trimmed([file])[0])
    axes.set_axis_off()


def trimmed(files: Sequence[Path]) -> list[NDArray[np.float32]]:
    """Pictures without the white margin that all of them have."""
    pictures = [imread(file) for file in files]
    drawn = np.any([picture[..., :3].min(axis=2) < 1 for picture in pictures], axis=0)
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    return [picture[window] for picture in pictures]


def legend(atoms: Atoms, axes: Axes) -> None:
    """Name the elements of a picture below it."""
    handles = [
        Line2D(
            [],
            [],
            marker="o",
            linestyle="",
            markersize=5,
            color=_COLOURS[number],
            markeredgecolor="0.4",
            markeredgewidth=0.5,
            label=chemical_symbols[number],
        )
        for number in dict.fromkeys(atoms.numbers.tolist())
    ]
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.02),
        ncols=len(handles),
        frameon=False,
        fontsize=7,
        handletextpad=0.0,
        columnspacing=0.8,
    )
