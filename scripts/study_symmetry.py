"""How well the learned symmetry prior knows held-back crystals.

For each crystal of a file: its probability by the prior, and whether its template (space group and
Wyckoff positions of each element) is among 20 draws, beside draws without knowledge (uniform space
groups, as the kind `symmetric` makes them) and draws with the space groups of the training data.
Settings are chosen on one half of the structures, told by a hash of their identifiers, and reported
on the other:

    python scripts/study_symmetry.py --library prototypes.npz --data val.extxyz --half report
"""

import argparse
import zlib
from collections import Counter
from pathlib import Path

import ase
import numpy as np
from ase.data import chemical_symbols

from rm_lammps.datasets import read_structures
from rm_lammps.datasets.library import PrototypeLibrary
from rm_lammps.seeds.kinds.symmetric import draw_sites
from rm_lammps.seeds.symmetry_prior import SymmetryPrior, Template
from rm_lammps.seeds.wyckoff import letter_of, space_group_table

DRAWS = 20


def known_templates(frames: list[ase.Atoms]) -> list[tuple[dict[str, int], Template]]:
    """Composition and template of each crystal whose cell is primitive."""
    library = PrototypeLibrary.of(frames)
    found = []
    for index in np.flatnonzero(library.groups):
        # the library's letters stand in order of atomic number
        numbers, counts = np.unique(library.numbers(index), return_counts=True)
        composition = {chemical_symbols[n]: int(k) for n, k in zip(numbers, counts, strict=True)}
        template = int(library.groups[index]), tuple(str(library.letters[index]).split())
        found.append((composition, template))
    return found


def uniform(counts: list[int], rng: np.random.Generator, groups: np.ndarray) -> Template | None:
    """A template without knowledge: a space group of these, positions at random."""
    for _ in range(300):
        table = space_group_table(int(rng.choice(groups)))
        if not all(table.reachable(n) for n in counts):
            continue
        sites = draw_sites(table, counts, rng)
        if sites is not None:
            letters = [
                "".join(sorted(letter_of(table, p) for e, p in sites if e == k))
                for k in range(len(counts))
            ]
            return table.number, tuple(letters)
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--half", choices=("choose", "report"), default="choose")
    parser.add_argument("--number", type=int, default=1000)
    parser.add_argument("--alpha", type=float, nargs="*", default=[1.0])
    arguments = parser.parse_args()
    wanted = arguments.half == "report"
    frames = [
        atoms
        for atoms in read_structures(arguments.data)
        if bool(zlib.crc32(str(atoms.info["material_id"]).encode()) & 1) == wanted
    ][: arguments.number]
    known = known_templates(frames)
    print(f"{len(frames)} structures, {len(known)} in primitive cells")
    library = PrototypeLibrary.load(arguments.library)
    training = library.groups[library.groups > 1].astype(int)
    for name, groups in (("uniform groups", np.arange(2, 231)), ("groups of the data", training)):
        rng = np.random.default_rng(0)
        hits = sum(
            template in [uniform(list(c.values()), rng, groups) for _ in range(DRAWS)]
            for c, template in known
        )
        print(f"{name}: template among {DRAWS} draws {hits / len(known):.1%}")
    for alpha in arguments.alpha:
        prior = SymmetryPrior(library, votes_for_q=alpha)
        rng = np.random.default_rng(0)
        probabilities = np.array([prior.probability(c, t) for c, t in known])
        general = np.array([prior.generalised(c, t) for c, t in known])
        drawn = [Counter(prior.draw(c, rng) for _ in range(DRAWS)) for c, _ in known]
        hits = np.mean([t in some for (_, t), some in zip(known, drawn, strict=True)])
        groups_right = np.mean(
            [
                any(d is not None and d[0] == t[0] for d in some)
                for (_, t), some in zip(known, drawn, strict=True)
            ]
        )
        failed = np.mean([some[None] / DRAWS for some in drawn])
        print(
            f"learned, alpha {alpha}: among {DRAWS} draws {hits:.1%} "
            f"(space group {groups_right:.1%}), "
            f"mean log-likelihood {np.log(probabilities.clip(1e-30)).mean():.3f}, of Q alone "
            f"{np.log(general.clip(1e-30)).mean():.3f}, without template {failed:.1%}, "
            f"impossible {np.mean(probabilities == 0):.1%}"
        )


if __name__ == "__main__":
    main()
