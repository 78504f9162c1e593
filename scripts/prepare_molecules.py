"""Write training and test molecules: molecules of QM9, and other files beside them.

python scripts/prepare_molecules.py --qm9 14000 --add qm7_pbe0.extxyz.gz \
    --energy-key ae_pbe0_kcal --energy-unit kcal/mol --out molecules-data

Molecules of one SMILES (stereochemistry apart) stand together on one side of the split. Each frame
gets ``residual_energy_per_atom`` (eV): its energy less the sum over its atoms of what an atom of
that element has on average, by least squares over its source. Low is stable among molecules of the
same atoms; levels of theory can be mixed.
"""

import argparse
from collections import Counter
from pathlib import Path

import ase
import ase.io
import numpy as np
from ase import units

from rm_lammps.analysis.molecules.bonds import canonical, perceive
from rm_lammps.datasets import read_structures, validate
from rm_lammps.datasets.qm9 import read_qm9

UNITS = {
    "eV": 1.0,
    "Hartree": units.Hartree,
    "kcal/mol": units.kcal / units.mol,
    "kJ/mol": units.kJ / units.mol,
}
RESIDUAL = "residual_energy_per_atom"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--qm9", type=int, help="molecules of QM9 to draw (default: all)")
    parser.add_argument("--max-heavy", type=int, default=9, help="atoms other than H at most")
    parser.add_argument("--add", type=Path, nargs="*", default=[], help="files of other molecules")
    parser.add_argument("--energy-key", help="info key of the energy in these files")
    parser.add_argument("--energy-unit", choices=UNITS, default="eV")
    parser.add_argument("--test", type=float, default=0.05, help="fraction set aside")
    parser.add_argument("--seed", type=int, default=0, help="of the draw and of the split")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    frames = read_qm9(max_heavy=arguments.max_heavy, num=arguments.qm9, seed=arguments.seed)
    add_residual_energies(frames, "electronic_energy", "eV")
    for file in arguments.add:
        added = read_structures(file)
        for number, atoms in enumerate(added):
            atoms.info.setdefault("source", f"{file.name.split('.')[0]} {number}")
        if arguments.energy_key is not None:
            add_residual_energies(added, arguments.energy_key, arguments.energy_unit)
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


def add_residual_energies(frames: list[ase.Atoms], key: str, unit: str) -> None:
    """Note what the elements don't account for, by least squares over all molecules, eV an atom."""
    elements = sorted({int(number) for atoms in frames for number in atoms.numbers})
    counts = np.array([np.bincount(atoms.numbers, minlength=119)[elements] for atoms in frames])
    energies = np.array([atoms.info[key] for atoms in frames]) * UNITS[unit]
    per_element = np.linalg.lstsq(counts, energies, rcond=None)[0]
    residuals = (energies - counts @ per_element) / counts.sum(axis=1)
    for atoms, residual in zip(frames, residuals, strict=True):
        atoms.info[RESIDUAL] = round(float(residual), 6)
    print(f"residual energies: {residuals.std():.4f} eV per atom (standard deviation)")


def labelled(atoms: ase.Atoms) -> ase.Atoms | None:
    """The molecule with its labels alone; ``None`` if it falls into fragments."""
    bonds = perceive(atoms)
    if bonds.fragments != 1:
        return None
    published = canonical(str(atoms.info["smiles"])) if "smiles" in atoms.info else None
    bare = ase.Atoms(atoms.numbers, atoms.positions)
    bare.info["smiles"] = published or bonds.smiles
    bare.info |= {key: atoms.info[key] for key in ("source", RESIDUAL) if key in atoms.info}
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
