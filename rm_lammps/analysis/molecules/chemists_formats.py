"""Molecules in the formats of chemists: SDF and SMILES."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import ase

_KEPT = ("rank", "rank_score", "found", "seed", "run", "energy_per_atom", "smiles", "inchikey")


def write_sdf(frames: Iterable[tuple[str, ase.Atoms]], path: Path, _: Any = None) -> None:
    """Write molecules with bonds, at the positions they were found in.

    Args:
        frames: molecules and their names; those whose bonds can't be told are left out.
        path: of the file.
    """
    from rdkit import Chem

    from rm_lammps.analysis.molecules.perceived_bonds import perceive

    with Chem.SDWriter(str(path)) as writer:
        for name, atoms in frames:
            mol = perceive(atoms).mol
            if mol is None:
                continue
            mol.SetProp("_Name", name)
            for key in _KEPT:
                if key in atoms.info:
                    mol.SetProp(key, str(atoms.info[key]))
            writer.write(mol)


def write_smiles(frames: Iterable[tuple[str, ase.Atoms]], path: Path, _: Any = None) -> None:
    """Write one SMILES a line, and the name of the molecule after a tab.

    Args:
        frames: unique molecules and their names.
        path: of the file.
    """
    lines = [
        f"{atoms.info['smiles']}\t{name}\n" for name, atoms in frames if "smiles" in atoms.info
    ]
    path.write_text("".join(lines))


def inchikey(smiles: str) -> str:
    """The InChIKey of a SMILES, by which databases know a molecule; empty where RDKit has none."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        return "" if mol is None else str(Chem.MolToInchiKey(mol))
