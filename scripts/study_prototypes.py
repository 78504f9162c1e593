"""How often known structures are those of other compositions, and those of shared sites.

python scripts/study_prototypes.py mp20_val.extxyz.gz --compositions 600 --but reference.extxyz

For each structure drawn, the types that its composition's seeds begin from are compared with it,
without relaxation: first those of its own stoichiometry, then, if none matches, those whose sites
its elements share. Prints how often either does, how early, and the likelihood of that for various
weights of the latter's votes. With --pettifor the votes are by Pettifor's order instead of what the
model's library learned, with --types by-symmetry for types that it did not split.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import ase
import numpy as np
from rich.progress import track

from rm_lammps.analysis.prediction import rms
from rm_lammps.datasets import DatasetStatistics, read_structures
from rm_lammps.datasets.prototypes import PrototypeLibrary, pettifor_places
from rm_lammps.files import MODEL_PROTOTYPES, MODEL_STATISTICS
from rm_lammps.seeds import Prototypes
from rm_lammps.seeds.votes import DECORATED_WEIGHT

LEAST = 1e-4
"""Probability of what no vote was for."""
FIRST = (1, 2, 5, 10, 20)


@dataclass(frozen=True)
class Outcome:
    """What was found for one structure."""

    own: float
    """Votes for types of the composition's own stoichiometry."""
    shared: float
    """Votes for those whose sites are shared, before they are weighed."""
    share: float | None
    """Of votes for the own types, that of the one that matches; ``None`` if none does."""
    decorated: bool
    """Whether a decoration matches where no own type does."""
    place: float
    """Of what matches, in the order of votes."""


def look_up(
    known: ase.Atoms, prototypes: Prototypes, statistics: DatasetStatistics, seed: int
) -> Outcome:
    """Compare one structure with the seeds of its composition."""
    composition = known.symbols.formula.count()
    candidates = prototypes.votes.candidates(tuple(composition.items()))
    once = {(c.index, c.replaced, c.cells): c for c in candidates}.values()
    own = sum(c.share for c in once if not c.shares_sites)
    shared = sum(c.share for c in once if c.shares_sites) / DECORATED_WEIGHT

    def first(shares_sites: bool, most: int) -> int | None:
        places = [n for n, c in enumerate(candidates) if c.shares_sites is shares_sites]
        for place in places[:most]:
            rng = np.random.default_rng([seed, place])
            drawn = prototypes.draw(composition, statistics, rng, place)
            if drawn is not None and rms(known, drawn) is not None:
                return place
        return None

    found = first(shares_sites=False, most=20)
    if found is not None:
        return Outcome(own, shared, candidates[found].share / own, decorated=False, place=found)
    found = first(shares_sites=True, most=30)
    place = np.inf if found is None else found
    return Outcome(own, shared, None, decorated=found is not None, place=place)


def log_likelihood(outcomes: list[Outcome], weight: float) -> float:
    """Of all structures that matched something."""
    total = 0.0
    for outcome in outcomes:
        all_votes = outcome.own + weight * outcome.shared
        if outcome.share is not None:
            total += np.log(max(outcome.share * outcome.own / all_votes, LEAST))
        elif outcome.decorated:
            total += np.log(max(weight * outcome.shared / all_votes, LEAST))
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
    own = sum(outcome.share is not None for outcome in outcomes)
    decorated = sum(outcome.decorated for outcome in outcomes)
    print(f"{len(outcomes)} structures: {own} are among 20 types of their own stoichiometry,")
    print(f"{decorated} others among 30 structures whose sites are shared")
    shares = (np.mean([outcome.place < k for outcome in outcomes]) for k in FIRST)
    print("among the first", *(f"{k}: {share:.1%}" for k, share in zip(FIRST, shares, strict=True)))
    print("| weight | log likelihood |\n| --- | --- |")
    for weight in (0.001, 0.003, 0.01, 0.02, 0.03, 0.1, 0.3, 1.0):
        print(f"| {weight} | {log_likelihood(outcomes, weight):.1f} |")


if __name__ == "__main__":
    main()
