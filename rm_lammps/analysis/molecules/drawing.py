"""Molecules as chemists draw them, by RDKit."""

import re

from rdkit import Chem
from rdkit.Chem.Draw import rdMolDraw2D

_WIDTH, _HEIGHT = 200, 150


def svg(smiles: str) -> str:
    """Draw a molecule in two dimensions.

    Args:
        smiles: as :func:`rm_lammps.analysis.molecules.perceived_bonds.perceive` gives it.

    Returns:
        An ``svg`` element to stand in an HTML page; empty where RDKit can't read the SMILES.
    """
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        return ""
    drawer = rdMolDraw2D.MolDraw2DSVG(_WIDTH, _HEIGHT)
    drawer.drawOptions().clearBackground = False  # type: ignore[assignment]
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol)
    drawer.FinishDrawing()
    text = drawer.GetDrawingText()
    # what makes it a file of its own has no place inside a page
    return re.sub(r"\s+(xmlns(:\w+)?|xml:space)='[^']*'", "", text[text.index("<svg") :])
