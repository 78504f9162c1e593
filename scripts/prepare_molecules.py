"""Write training and test molecules: molecules of QM9, and other files beside them.

python scripts/prepare_molecules.py --qm9 14000 --add qm7_pbe0.extxyz.gz --out molecules-data

Molecules of one SMILES (stereochemistry apart) stand together on one side of the split.
"""

import argparse
from collections import Counter
from pathlib import Path

import ase
import ase.io
import numpy as np

from rm_lammps.analysis.molecules.perceived_bonds import canonical, perceive
from rm_lammps.datasets import read_structures, validate
from rm_lammps.datasets.qm9 import read_qm9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--qm9", type=int, help="molecules of QM9 to draw (default: all)")
    parser.add_argument("--max-heavy", type=int, default=9, help="atoms other than H at most")
    parser.add_argument("--add", type=Path, nargs="*", default=[], help="files of other molecules")
    parser.add_argument("--test", type=float, default=0.05, help="fraction set aside")
    parser.add_argument("--seed", type=int, default=0, help="of the draw and of the split")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    frames = read_qm9(max_heavy=arguments.max_heavy, num=arguments.qm9, seed=arguments.seed)
    for file in arguments.add:
        added = read_structures(file)
        for number, atoms in enumerate(added):
            atoms.info.setdefault("source", f"{file.name.split('.')[0]} {number}")
        frames += added
    usable = [atoms for atoms in map(labelled, frames) if atoms is not None]
    validate(usable)
    print(f"{len(frames)} molecules read, {len(usable)} usable")
    arguments.out.mkdir(parents=True, exist_ok=True)
    parts = split([atoms.info["smiles"] for atoms in usable], arguments.test, arguments.seed)
    for name, part in zip(("train", "test"), parts, strict=True):
        chosen = [usable[k] for k in part]
        ase.io.write(arguments.out / f"{name}.extxyz", chosen, format="extxyz")
        elements = Counter(symbol for atoms in chosen for symbol in atoms.symbols)
        print(f"{name}: {len(chosen)} molecules, atoms {dict(elements)}")


def labelled(atoms: ase.Atoms) -> ase.Atoms | None:
    """The bare molecule with ``smiles`` and ``source``; ``None`` if it falls into fragments."""
    bonds = perceive(atoms)
    if bonds.fragments != 1:
        return None
    published = canonical(str(atoms.info["smiles"])) if "smiles" in atoms.info else None
    bare = ase.Atoms(atoms.numbers, atoms.positions)
    bare.info["smiles"] = published or bonds.smiles
    bare.info["source"] = atoms.info["source"]
    return bare if bare.info["smiles"] else None


def split(smiles: list[str], test: float, seed: int) -> tuple[list[int], list[int]]:
    """Indices of training and test molecules; ``test`` is the fraction of distinct SMILES."""
    distinct = sorted(set(smiles))
    chosen = np.random.default_rng(seed).permutation(len(distinct))[: round(test * len(distinct))]
    held_out = {distinct[k] for k in chosen}
    train = [k for k, one in enumerate(smiles) if one not in held_out]
    return train, [k for k, one in enumerate(smiles) if one in held_out]


if __name__ == "__main__":
    main()
