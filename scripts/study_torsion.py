"""Does E~ keep double bonds flat? Twist those of known molecules, and compare with the labels.

python scripts/study_torsion.py test.extxyz --model molecules --model runs/other

Of each molecule with a C=C that is neither in a ring nor conjugated, one end is turned. The
response is the force along the way back, in units of the label: 1 brings the molecule back, 0 does
not see the twist.
"""

import argparse
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import ase
import numpy as np
import torch
from nequip.data import AtomicDataDict
from nequip.data.ase import from_ase
from nequip.data.transforms import ChemicalSpeciesToAtomTypeMapper, NeighborListTransform
from nequip.model.saved_models.load_utils import load_saved_model
from nequip.utils.global_state import set_global_state
from rdkit import Chem

from rm_lammps.analysis.molecules.perceived_bonds import perceive
from rm_lammps.chemistry.bonds import bonded
from rm_lammps.datasets import read_structures
from rm_lammps.pretrained.source import find_model
from rm_lammps.relaxation.moves import turn_about
from rm_lammps.response import matched_displacements
from rm_lammps.systems import find_system

Bond = tuple[int, int]
ANGLES = (10, 20, 30, 45, 60, 90)


def double_bond(atoms: ase.Atoms) -> Bond | None:
    """The first C=C outside of rings and conjugated systems."""
    mol = perceive(atoms).mol
    for bond in mol.GetBonds() if mol is not None else ():
        ends = bond.GetBeginAtom(), bond.GetEndAtom()
        isolated = not (bond.IsInRing() or bond.GetIsConjugated())
        carbon = all(atom.GetAtomicNum() == 6 for atom in ends)
        if bond.GetBondType() == Chem.BondType.DOUBLE and isolated and carbon:
            return ends[0].GetIdx(), ends[1].GetIdx()
    return None


class Forces:
    """Forces of a packaged model."""

    def __init__(self, name: str) -> None:
        set_global_state()
        source = find_model(name)
        self._model = load_saved_model(str(source.package)).eval()
        species, r_max = self._model.type_names, float(self._model.metadata["r_max"])
        self._transforms = (
            ChemicalSpeciesToAtomTypeMapper(model_type_names=list(species)),
            NeighborListTransform(r_max=r_max),
        )

    def __call__(self, frames: Sequence[ase.Atoms]) -> np.ndarray:
        """Forces on equal molecules, shape (frames, n, 3)."""
        samples = []
        for atoms in frames:
            sample = from_ase(atoms)
            for transform in self._transforms:
                sample = transform(sample)
            samples.append(sample)
        found = self._model(AtomicDataDict.batched_from_list(samples))
        return found[AtomicDataDict.FORCE_KEY].detach().numpy().reshape(len(frames), -1, 3)


def responses(molecules: Sequence[tuple[ase.Atoms, Bond]], model: Forces) -> np.ndarray:
    """Force along the way back in units of the label, shape (molecules, angles)."""
    rows = []
    for atoms, bond in molecules:
        bonds, frames, labels = bonded(atoms), [], []
        for degrees in ANGLES:
            other = turn_about(atoms, bonds, bond, np.radians(degrees))
            moved = other.positions - atoms.positions
            labels.append(
                matched_displacements(
                    atoms.positions,
                    moved,
                    atoms.numbers,
                    None,
                    find_system("molecule"),
                    permute=False,
                )
            )
            # nequip wants a cell that is not singular
            frames.append(ase.Atoms(other.numbers, other.positions, cell=np.eye(3), pbc=False))
        squares = np.sum(np.array(labels) ** 2, axis=(1, 2))
        rows.append(-np.sum(model(frames) * labels, axis=(1, 2)) / squares)
    return np.array(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="known molecules")
    parser.add_argument("--model", action="append", required=True, help="repeat to compare")
    parser.add_argument("--number", type=int, default=40, help="molecules at most")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    bonds = ((atoms, double_bond(atoms)) for atoms in read_structures(arguments.file))
    molecules = list(islice(((a, b) for a, b in bonds if b is not None), arguments.number))
    print(f"{len(molecules)} molecules; response, standard deviation in brackets")
    print("| degrees | " + " | ".join(f"{angle}" for angle in ANGLES) + " |")
    print("| --- " * (len(ANGLES) + 1) + "|")
    for name in arguments.model:
        back = responses(molecules, Forces(name))
        cells = (f"{column.mean():.2f} ({column.std():.2f})" for column in back.T)
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
