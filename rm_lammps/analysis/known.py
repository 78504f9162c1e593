"""Known structures that a convex hull is made of."""

from collections.abc import Sequence
from pathlib import Path

import ase
import numpy as np

from rm_lammps.analysis.hull import Known
from rm_lammps.datasets import read_structures
from rm_lammps.datasets.library import PrototypeLibrary
from rm_lammps.files import MODEL_PROTOTYPES, pretrained_folder
from rm_lammps.systems import find_system

SHIPPED = "shipped"
"""The name of those that come with the model ``crystals``."""


def known_structures(sources: Sequence[str]) -> list[Known]:
    """Known structures of files, and those that ship.

    Args:
        sources: ``shipped``, or files in any format that ASE reads.

    Raises:
        UserError: a file is unusable.
    """
    known: list[Known] = []
    for source in sources:
        if source == SHIPPED:
            known += shipped()
            continue
        for number, atoms in enumerate(read_structures(Path(source), find_system("crystal"))):
            named = str(atoms.info.get("name", atoms.info.get("material_id", "")))
            known.append(Known(atoms, named or f"{Path(source).stem} {number}"))
    return known


def shipped() -> list[Known]:
    """The lowest structure of each composition of the training data of ``crystals``.

    Their formation energies are those of the Materials Project (CC BY 4.0).
    """
    library = shipped_library()
    lowest: dict[str, int] = {}
    for index in np.argsort(library.energies, kind="stable").tolist():
        if np.isfinite(library.energies[index]):
            lowest.setdefault(library.formula(index), index)
    return [
        Known(_plain(library.atoms(k)), str(library.names[k]), float(library.energies[k]))
        for k in sorted(lowest.values())
    ]


def shipped_library() -> PrototypeLibrary:
    """Crystals of the training data of ``crystals``."""
    return PrototypeLibrary.load(pretrained_folder() / "crystals" / MODEL_PROTOTYPES)


def _plain(atoms: ase.Atoms) -> ase.Atoms:
    return ase.Atoms(
        atoms.numbers, atoms.positions.astype(float), cell=atoms.cell.array.astype(float), pbc=True
    )
