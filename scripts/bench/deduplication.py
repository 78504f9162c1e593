"""Time to deduplicate a run, on any number of ranks.

    python scripts/bench/deduplication.py make FOLDER --num 10000
    python scripts/bench/deduplication.py time FOLDER
    mpirun -n 2 python scripts/bench/deduplication.py time FOLDER

``make`` writes what a run of that many seeds may leave: crystals in disguise (another cell,
rotated, shifted, atoms permuted, with the noise of a relaxation), among them a share of structures
that occur only once. The number of unique structures is known, and ``time`` checks it.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import ase
import ase.io
import numpy as np
from ase.build import bulk, make_supercell
from scipy.spatial.transform import Rotation

from rm_lammps.analysis.unique import write_unique
from rm_lammps.ranks import launched_ranks, on_root
from rm_lammps.runs.layout import GROUPS, STRUCTURES

CRYSTALS = [
    bulk("C", a=3.567, cubic=True),
    bulk("C", "bcc", a=2.3).repeat((2, 2, 1)),
    bulk("C", "fcc", a=3.1, cubic=True).repeat((2, 1, 1)),
    bulk("C", "sc", a=1.8).repeat(2),
]
CELLS = [np.eye(3), [[1, 1, 0], [0, 1, 0], [0, 0, 1]], [[1, 0, 0], [1, 1, 0], [0, -1, 1]]]
SINGLE = 0.1
"""Share of structures that occur only once."""


def disguised(atoms: ase.Atoms, rng: np.random.Generator) -> ase.Atoms:
    other = make_supercell(atoms, CELLS[rng.integers(len(CELLS))])
    other.set_cell(Rotation.random(rng=rng).apply(other.cell.array), scale_atoms=True)
    other.translate(3 * rng.standard_normal(3))
    other.positions += 0.005 * rng.standard_normal(other.positions.shape)
    other.wrap()
    return other[rng.permutation(len(other))]


def random_structure(rng: np.random.Generator) -> ase.Atoms:
    cell = 3.7 * (np.eye(3) + 0.15 * rng.standard_normal((3, 3)))
    return ase.Atoms("C8", scaled_positions=rng.random((8, 3)), cell=cell, pbc=True)


def make(folder: Path, num: int) -> None:
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    single = 0
    with (folder / STRUCTURES).open("w") as stream:
        for seed in range(num):
            if rng.random() < SINGLE:
                # energies far enough apart that each is surely a structure of its own
                atoms, energy = random_structure(rng), 0.02 * single
                single += 1
            else:
                kind = int(rng.integers(len(CRYSTALS)))
                atoms = disguised(CRYSTALS[kind], rng)
                energy = kind - 10 + 1e-4 * rng.standard_normal()
            n = len(atoms)
            atoms.info = {"seed": seed, "formula": "C8", "energy": energy * n}
            atoms.info |= {"energy_per_atom": energy, "volume_per_atom": atoms.get_volume() / n}
            ase.io.write(stream, atoms, format="extxyz", parallel=False)
    (folder / "expected.json").write_text(json.dumps({"unique": len(CRYSTALS) + single}))


def measure(folder: Path) -> None:
    comm = launched_ranks()
    on_root(comm, lambda: (folder / GROUPS).unlink(missing_ok=True))
    start, busy = time.perf_counter(), time.process_time()
    unique = write_unique(folder, comm)
    seconds = time.perf_counter() - start
    cpu = max(comm.allgather(time.process_time() - busy))
    memory = max(comm.allgather(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)) / 1024
    if comm.rank == 0:
        expected = json.loads((folder / "expected.json").read_text())["unique"]
        print(
            f"{len(unique.table)} structures, {len(unique)} unique (expected {expected}), "
            f"{comm.size} ranks: {seconds:.1f} s, {1e3 * seconds / len(unique.table):.2f} ms each, "
            f"{cpu:.1f} s of CPU time and {memory:.0f} MB a rank"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["make", "time"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--num", type=int, default=10_000)
    arguments = parser.parse_args()
    if arguments.what == "make":
        make(arguments.folder, arguments.num)
    else:
        measure(arguments.folder)


if __name__ == "__main__":
    main()
