"""How often known structures are those of other compositions, and those of shared sites.

python scripts/study_prototypes.py mp20_val.extxyz.gz --compositions 600 --but reference.extxyz

For each structure drawn, the types that its composition's seeds begin from are compared with it,
without relaxation: first those of its own stoichiometry, then, if none matches, those that its cell
holds several times, and those whose sites its elements share. Prints how often each does, how
early, and the likelihood of that for various weights of the votes of the last two. With --pettifor
the votes are by Pettifor's order instead of what the model's library learned, with --types
by-symmetry for types that it did not split.
"""

import argparse
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import ase
import numpy as np
from rich.progress import track

from rm_lammps.datasets import DatasetStatistics, read_structures
from rm_lammps.datasets.library import PrototypeLibrary, pettifor_places
from rm_lammps.files import MODEL_PROTOTYPES, MODEL_STATISTICS
from rm_lammps.seeds import Prototypes
from rm_lammps.seeds.votes import DECORATED_WEIGHT, REPEATED_WEIGHT, Candidate
from rm_lammps.systems.crystal_matcher import rms

LEAST = 1e-4
"""Probability of what no vote was for."""
FIRST = (1, 2, 5, 10, 20)
KINDS = {"own": 20, "repeated": 10, "decorated": 30}
"""How many structures of each kind are compared."""


@dataclass(frozen=True)
class Outcome:
    """What was found for one structure."""

    votes: dict[str, float]
    """For structures of each kind, before they are weighed."""
    kind: str | None
    """Of the first structure that matches, looked for kind by kind."""
    share: float
    """Of the votes for its kind, those for its type; 1 for decorations, any of which may do."""
    place: float
    """In the order of votes."""


def kind_of(candidate: Candidate) -> str:
    if candidate.shares_sites:
        return "decorated"
    return "repeated" if candidate.cells > 1 else "own"


def look_up(
    known: ase.Atoms, prototypes: Prototypes, statistics: DatasetStatistics, seed: int
) -> Outcome:
    """Compare one structure with the seeds of its composition."""
    composition = known.symbols.formula.count()
    candidates = prototypes.votes.candidates(tuple(composition.items()))
    votes = dict.fromkeys(KINDS, 0.0)
    for candidate in {(c.index, c.replaced, c.cells): c for c in candidates}.values():
        votes[kind_of(candidate)] += candidate.share / candidate.weight
    for kind, most in KINDS.items():
        places = [n for n, c in enumerate(candidates) if kind_of(c) == kind]
        for place in places[:most]:
            rng = np.random.default_rng([seed, place])
            drawn = prototypes.draw(composition, statistics, rng, place)
            if drawn is None or rms(known, drawn) is None:
                continue
            found = candidates[place]
            share = 1.0 if kind == "decorated" else found.share / found.weight / votes[kind]
            return Outcome(votes, kind, share, place)
    return Outcome(votes, None, 0.0, np.inf)


def log_likelihood(outcomes: list[Outcome], weights: dict[str, float]) -> float:
    """Of all structures that matched something."""
    total = 0.0
    for outcome in outcomes:
        if outcome.kind is not None:
            votes = {kind: weights[kind] * outcome.votes[kind] for kind in KINDS}
            share = outcome.share * votes[outcome.kind] / sum(votes.values())
            total += np.log(max(share, LEAST))
    return total


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="known structures")
    parser.add_argument("--model", type=Path, default=Path("rm_lammps/pretrained/crystals"))
    parser.add_argument("--but", type=Path, help="not compositions of this file")
    parser.add_argument("--compositions", type=int, default=600)
    parser.add_argument("--draw", type=int, default=11, help="seed of the draw")
    parser.add_argument("--pettifor", action="store_true")
    parser.add_argument("--types", choices=("learned", "by-symmetry"), default="learned")
    options = parser.parse_args()
    library = PrototypeLibrary.load(options.model / MODEL_PROTOTYPES)
    if options.pettifor:
        library.places = pettifor_places()
    if options.types == "by-symmetry":
        library.types = PrototypeLibrary.of([library.atoms(k) for k in range(len(library))]).types
    prototypes = Prototypes(library)
    text = (options.model / MODEL_STATISTICS).read_text()
    statistics = DatasetStatistics.model_validate_json(text)
    frames = read_structures(options.data)
    left_out = (
        {a.get_chemical_formula() for a in read_structures(options.but)} if options.but else set()
    )
    usable = [
        atoms
        for atoms in frames
        if set(atoms.get_chemical_symbols()) <= set(statistics.species)
        and atoms.get_chemical_formula() not in left_out
    ]
    order = np.random.default_rng(options.draw).permutation(len(usable))[: options.compositions]
    outcomes = [look_up(usable[k], prototypes, statistics, int(k)) for k in track(order.tolist())]
    kinds = Counter(outcome.kind for outcome in outcomes)
    print(f"{len(outcomes)} structures: {kinds['own']} are among 20 types of their stoichiometry,")
    print(f"{kinds['repeated']} others among 10 that are there several times,")
    print(f"{kinds['decorated']} more among 30 structures whose sites are shared")
    shares = (np.mean([outcome.place < k for outcome in outcomes]) for k in FIRST)
    print("among the first", *(f"{k}: {share:.1%}" for k, share in zip(FIRST, shares, strict=True)))
    weights = {"own": 1.0, "repeated": REPEATED_WEIGHT, "decorated": DECORATED_WEIGHT}
    print("| weight | log likelihood, repeated | decorated |\n| --- | --- | --- |")
    for weight in (0.001, 0.003, 0.01, 0.02, 0.03, 0.1, 0.3, 1.0):
        both = (
            log_likelihood(outcomes, weights | {kind: weight}) for kind in ("repeated", "decorated")
        )
        print(f"| {weight} | {' | '.join(f'{value:.1f}' for value in both)} |")


if __name__ == "__main__":
    main()
