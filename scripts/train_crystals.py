"""Train the shipped model ``crystals`` and put it into the package.

python scripts/train_crystals.py mp20_train.extxyz.gz more.extxyz.gz --like mp20_val.extxyz.gz

Structures need ``formation_energy_per_atom`` (eV) in their info. Where the training data covers
the crystal systems unevenly, ``--like`` names a set with the right shares: structures of systems
that are rare in training are then shown more often. Nothing else of that set is used.

The shipped model's training ran on a GPU for eight minutes (`scripts/gpu/pack.py
runs/crystals.yaml=runs/crystals.extxyz` with the files that --only-data leaves), six times as long
as the preset's. A stopped script goes on with --resume.
"""

import argparse
from collections import Counter
from pathlib import Path

import ase
import ase.io
import spglib
from shipping import ship, train, write_variant

from rm_lammps.datasets import read_structures

ENERGY = "formation_energy_per_atom"
NAME = "material_id"
SHOWN = "shown"
SYSTEMS = (2, 15, 74, 142, 167, 194, 230)  # last space group of each, triclinic to cubic


def crystal_system(atoms: ase.Atoms) -> int:
    """Number of the crystal system, from 0 (triclinic) to 6 (cubic)."""
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    found = spglib.get_spacegroup(cell, symprec=0.1)
    number = int(found.rsplit("(", 1)[1].rstrip(")")) if found else 1
    return next(k for k, last in enumerate(SYSTEMS) if number <= last)


def prepare(files: list[Path], like: Path | None, data: Path) -> None:
    frames = [atoms for file in files for atoms in read_structures(file)]
    systems = [crystal_system(atoms) for atoms in frames]
    have = Counter(systems)
    wanted = Counter(map(crystal_system, read_structures(like))) if like else have
    kept = []
    for atoms, system in zip(frames, systems, strict=True):
        one = ase.Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
        share = wanted[system] / wanted.total() / (have[system] / have.total())
        one.info = {ENERGY: float(atoms.info[ENERGY]), SHOWN: round(share, 4)}
        if NAME in atoms.info:
            one.info[NAME] = atoms.info[NAME]
        kept.append(one)
    data.parent.mkdir(parents=True, exist_ok=True)
    ase.io.write(data, kept, format="extxyz")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--like", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/crystals"))
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--only-data", action="store_true", help="write the structures alone")
    options = parser.parse_args()
    data, config = (options.out.with_name(f"crystals.{end}") for end in ("extxyz", "yaml"))
    if not data.exists():
        prepare(options.files, options.like, data)
    write_variant("crystals", {"data": {"weight_key": SHOWN}}, config)
    if options.only_data:
        return
    train(str(config), data, options.out, resume=options.resume)
    ship(options.out, "crystals")


if __name__ == "__main__":
    main()
