"""Draw structures that a run found, one of each composition: a picture for a page or a talk.

python scripts/gallery.py RUN --number 15 --columns 5 --out docs/images/molecules.png

Molecules that pass every check are drawn in two dimensions above three; of crystals the best-ranked
structure of each composition, in its standard cell. Structures are drawn by OVITO (``pip install
ovito``).
"""

import argparse
import io
from pathlib import Path

import ase
import numpy as np
from ase.formula import Formula
from matplotlib import image
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rdkit import Chem
from rdkit.Chem.Draw import rdMolDraw2D
from rendering import legend, put

from rm_lammps.analysis.report.picture import picture
from rm_lammps.runs.frames import iterate
from rm_lammps.runs.layout import UNIQUE

_PIXELS = (360, 240)
_INCHES = 1.7


def chosen(folder: Path, number: int, draw: int) -> list[ase.Atoms]:
    """One structure of each composition, compositions drawn at random."""
    first: dict[str, ase.Atoms] = {}
    for atoms in iterate(folder / UNIQUE):
        if atoms.info.get("passes", True):
            first.setdefault(str(atoms.info["formula"]), atoms)
    frames = list(first.values())
    order = np.random.default_rng(draw).permutation(len(frames))[:number]
    return [frames[k] for k in sorted(order)]


def draw_smiles(smiles: str, axes: Axes) -> None:
    drawer = rdMolDraw2D.MolDraw2DCairo(*_PIXELS)
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, Chem.MolFromSmiles(smiles))
    drawer.FinishDrawing()
    axes.imshow(image.imread(io.BytesIO(drawer.GetDrawingText()), format="png"))


def draw_atoms(atoms: ase.Atoms, axes: Axes) -> None:
    shown = picture(atoms)
    if not atoms.pbc.any():
        # the two widest directions lie in the page
        centred = shown.positions - shown.positions.mean(axis=0)
        shown.positions = centred @ np.linalg.svd(centred, full_matrices=False)[2].T
    put(shown, axes, pixels=360)
    legend(shown, axes)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder of rm-generate, evaluated")
    parser.add_argument("--number", type=int, default=15)
    parser.add_argument("--columns", type=int, default=5)
    parser.add_argument("--draw", type=int, default=0, help="seed of the draw")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    frames = chosen(arguments.run, arguments.number, arguments.draw)
    if not frames:
        parser.error(f"{arguments.run} has no structure to draw")
    flat = "smiles" in frames[0].info
    rows = -(-len(frames) // arguments.columns) * (2 if flat else 1)
    size = (arguments.columns * _INCHES, rows * _INCHES * (0.8 if flat else 1.05))
    figure = Figure(figsize=size, layout="constrained")
    grid = np.reshape(figure.subplots(rows, arguments.columns), (rows, arguments.columns))
    for axes in grid.ravel():
        axes.set_axis_off()
    for number, atoms in enumerate(frames):
        row, column = divmod(number, arguments.columns)
        top = grid[row * (2 if flat else 1), column]
        formula = Formula(atoms.info["formula"]).format("latex")
        group = "" if flat else f"\n{atoms.info['space_group']}"
        top.set_title(formula + group, fontsize=8)
        if flat:
            draw_smiles(str(atoms.info["smiles"]), top)
        draw_atoms(atoms, grid[2 * row + 1, column] if flat else top)
    figure.savefig(arguments.out, dpi=110)


if __name__ == "__main__":
    main()
