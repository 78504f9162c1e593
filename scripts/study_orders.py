"""Exchanges of elements judged by SevenNet instead of E~: part of docs/studies/inside.md.

    python scripts/study_orders.py [--num 10] [--changes 200] [COMPOUND ...]

Elements are at random on the sites of a known lattice at the volume that the training data of
``crystals`` lets expect. As in the stage ``swap``, two atoms of different elements are exchanged at
a time, by the Metropolis rule at a temperature that falls to zero, and the lowest decoration is
relaxed, here all by SevenNet-0. A seed counts if what comes out is the order that is known.
"""

import argparse
import sys
import time
from pathlib import Path

import ase
import numpy as np
from ase.filters import FrechetCellFilter
from ase.optimize import LBFGS

from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.geometry.symmetry import space_group

sys.path.insert(0, str(Path(__file__).parent / "bench"))
from inside import COPPER, STACKED, alike, ordered

KNOWN = {
    "Cu12Au4": (ordered("L1_2", "Au", "Cu", 3.75), COPPER.repeat((2, 2, 1))),
    "Ni12Al3Zn": (STACKED, COPPER.repeat((1, 1, 4))),
    "Cu4Au4": (ordered("L1_0", "Au", "Cu", 3.9), COPPER.repeat((2, 1, 1))),
}
"""The known order, and the sites."""
TEMPERATURE = 0.1
"""eV, at the start."""


def annealed(start: ase.Atoms, changes: int, rng: np.random.Generator) -> ase.Atoms:
    """The lowest decoration that exchanges meet on the sites as they are."""
    now, energy = start, start.get_potential_energy()
    lowest, least = now, energy
    for number in range(changes):
        first = int(rng.integers(len(now)))
        others = np.flatnonzero(now.numbers != now.numbers[first])
        pair = [first, int(others[rng.integers(len(others))])]
        other = now.copy()
        other.numbers[pair] = now.numbers[pair[::-1]]
        other.calc = start.calc
        found = other.get_potential_energy()
        heat = TEMPERATURE * (1 - number / changes)
        if found <= energy or rng.random() < np.exp((energy - found) / heat):
            now, energy = other, found
            if energy < least:
                lowest, least = now, energy
    return lowest


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("compounds", nargs="*", default=list(KNOWN))
    parser.add_argument("--num", type=int, default=10)
    parser.add_argument("--changes", type=int, default=200)
    arguments = parser.parse_args()
    import torch
    from sevenn.calculator import SevenNetCalculator

    torch.set_num_threads(1)
    calculator = SevenNetCalculator("7net-0", device="cpu")
    statistics = find_bundle("crystals").statistics
    print("| compound | seeds | as known | CPU s a seed | energies, eV per atom | groups |")
    print("| --- | ---: | ---: | ---: | --- | --- |")
    for name in arguments.compounds:
        known, sites = KNOWN[name]
        symbols, ends = ase.Atoms(name).get_chemical_symbols(), []
        begin = time.process_time()
        for seed in range(arguments.num):
            rng = np.random.default_rng(seed)
            atoms = ase.Atoms(
                list(rng.permutation(symbols)), sites.positions, cell=sites.cell, pbc=True
            )
            volume = statistics.volume({s: symbols.count(s) for s in set(symbols)})
            atoms.set_cell(
                atoms.cell.array * (volume / atoms.get_volume()) ** (1 / 3), scale_atoms=True
            )
            atoms.calc = calculator
            lowest = annealed(atoms, arguments.changes, rng)
            lowest.calc = calculator
            LBFGS(FrechetCellFilter(lowest), logfile=None).run(fmax=0.03, steps=60)
            ends.append(lowest)
        seconds = (time.process_time() - begin) / arguments.num
        hits = sum(alike(known)(atoms) for atoms in ends)
        energies = sorted(atoms.get_potential_energy() / len(atoms) for atoms in ends)
        shown = " ".join(f"{energy:.4f}" for energy in energies)
        groups = " ".join(sorted(space_group(atoms).symbol for atoms in ends))
        print(
            f"| {name} | {arguments.num} | {hits} | {seconds:.1f} | {shown} | {groups} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
