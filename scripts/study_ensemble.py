"""Whether the mean E~ of two models ranks better than that of one.

python scripts/study_ensemble.py run --reference known.extxyz --model other

Evaluates the unique structures of a run of one model with another one, as they are, and counts the
references found among the k best by the first, by the second, and by the mean of both; what else
the run was ranked by stays.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import ase
import ase.io
import numpy as np
from mpi4py import MPI  # noqa: F401  (before LAMMPS)
from rich.progress import track

from rm_lammps.analysis.unique import read_unique
from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.systems.crystal_matcher import rms

PLACES = (1, 5, 20)


def contents(atoms: ase.Atoms) -> frozenset[tuple[str, int]]:
    return frozenset(atoms.symbols.formula.count().items())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder of rm-generate")
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--model", required=True, help="the second one")
    options = parser.parse_args()
    candidates = defaultdict(list)
    for atoms in read_unique(options.run):
        candidates[contents(atoms)].append(atoms)
    references = ase.io.read(options.reference, ":")
    # shape (references, scores, places)
    found = []
    with LammpsSession(find_bundle(options.model)) as session:
        for reference in track(references):
            own = candidates[contents(reference)]
            first = np.array([atoms.info["rank_score"] for atoms in own])
            change = np.empty(len(own))
            for k, atoms in enumerate(own):
                session.load(atoms)
                change[k] = session.evaluate().energy / len(atoms) - atoms.info["energy_per_atom"]
            right = np.array([rms(reference, atoms) is not None for atoms in own], dtype=bool)
            scores = (first, first + change, first + change / 2)
            found.append([[right[np.argsort(s)][:n].any() for n in PLACES] for s in scores])
    print(f"| ranked by | {' | '.join(f'{n} best' for n in PLACES)} |")
    print("| --- " * (1 + len(PLACES)) + "|")
    for name, rates in zip(("first", "second", "mean"), np.mean(found, axis=0), strict=True):
        print(f"| {name} | {' | '.join(f'{rate:.1%}' for rate in rates)} |")


if __name__ == "__main__":
    main()
