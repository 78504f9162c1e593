"""Give the known structures of a model their names and formation energies.

python scripts/name_prototypes.py rm_lammps/pretrained/crystals mp20_train.extxyz.gz more.extxyz.gz

For models that were trained before libraries kept them. The structures must be those that the model
was trained on; their info has ``material_id`` and ``formation_energy_per_atom`` (eV).
"""

import argparse
from pathlib import Path

import ase
import numpy as np

from rm_lammps.datasets import read_structures
from rm_lammps.datasets.library import PrototypeLibrary
from rm_lammps.files import MODEL_PROTOTYPES

_ENERGY = "formation_energy_per_atom"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    options = parser.parse_args()
    library = PrototypeLibrary.load(options.model / MODEL_PROTOTYPES)
    sources = [atoms for file in options.files for atoms in read_structures(file)]
    by_numbers: dict[bytes, list[ase.Atoms]] = {}
    for atoms in sources:
        by_numbers.setdefault(atoms.numbers.astype(np.uint8).tobytes(), []).append(atoms)
    names, energies = [], []
    for index in range(len(library)):
        own = library.atoms(index)
        near = [
            atoms
            for atoms in by_numbers.get(own.numbers.astype(np.uint8).tobytes(), [])
            if np.allclose(atoms.cell.array, own.cell.array, rtol=0, atol=1e-3)
            and _same_sites(atoms, own)
        ]
        names.append(str(near[0].info["material_id"]) if near else "")
        energies.append(float(near[0].info[_ENERGY]) if near else np.nan)
    library.names = np.array(names)
    library.energies = np.array(energies, dtype=np.float32)
    library.save(options.model / MODEL_PROTOTYPES)
    print(f"{sum(map(bool, names))} of {len(names)} are named")


def _same_sites(a: ase.Atoms, b: ase.Atoms) -> bool:
    difference = a.get_scaled_positions() - b.get_scaled_positions()
    return bool(np.abs(difference - np.rint(difference)).max() < 1e-3)


if __name__ == "__main__":
    main()
