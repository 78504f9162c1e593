"""The order of candidates by physical potentials: it takes the place of that by E~ everywhere.

E~ chooses among hundreds of structures at next to no cost, the potentials then among a few.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ase
import numpy as np
from numpy.typing import NDArray
from pymatgen.analysis.structure_matcher import StructureMatcher

from rm_lammps.analysis.hull import AboveHull, Hull, Known
from rm_lammps.analysis.kept_opinions import KeptOpinions, Opinion, Question
from rm_lammps.analysis.standard_cells import TIGHT_SYMPREC
from rm_lammps.analysis.unique import UniqueSet, ranked_set, tight_facts
from rm_lammps.geometry.symmetry import SYMPREC, space_group
from rm_lammps.potentials import Potential
from rm_lammps.ranks import Communicator
from rm_lammps.runs.frames import FrameFile
from rm_lammps.runs.layout import STRUCTURES
from rm_lammps.runs.records import Fact
from rm_lammps.systems.crystal_matcher import rms
from rm_lammps.systems.identity import identify

SAME_ENERGY = 0.01
"""eV per atom, within which refined structures may be the same."""


@dataclass(frozen=True)
class SecondOpinion:
    """Which candidates are evaluated, by what."""

    potentials: Sequence[Potential]
    """Their mean energy takes the place of E~; at least one."""
    candidates: int = 20
    """Of each composition, the best by E~."""
    refine: Potential | None = None
    """Relaxes them first."""
    steps: int = 200
    """Of the relaxation, at most."""
    fmax: float = 0.05
    """eV/Å, where it ends."""
    known: Sequence[Known] = ()
    """Structures that the convex hull is made of."""
    hull: bool = True
    """Whether to look for energies above it."""
    prior: float = 1.0
    """How much votes and symmetry count beside the energy: they make up for what an energy of a
    structure that is not relaxed does not know."""

    @property
    def names(self) -> str:
        """Labels of the potentials."""
        return ",".join(potential.label for potential in self.potentials)


@dataclass
class Candidate:
    """A unique structure and what potentials say of it."""

    frame: int
    """Of ``structures.extxyz``, which leads its group."""
    atoms: ase.Atoms
    """As E~ left it."""
    before: float
    """What it was ranked by before."""
    parts: dict[str, float]
    """What of that was not E~, by name, pseudo-eV per atom."""
    energies: dict[str, float] = field(default_factory=dict)
    """eV per atom by potential; infinite where it has none."""
    volume: float = 0.0
    """Å³ per atom, at which the first potential has this energy."""
    refined: Opinion | None = None
    """Where the relaxation ended."""
    rms: float | None = None
    """From E~'s structure to there, in units of (V/N)^(1/3); ``None`` if that is another one."""
    disagreement: float | None = None
    """Standard deviation over the potentials of the energy above the candidate of the lowest mean;
    eV per atom."""
    above: AboveHull | None = None
    """By the mean over the potentials, each with a hull of its own."""
    above_spread: float | None = None
    """Standard deviation of that over the potentials, eV per atom."""

    @property
    def energy(self) -> float:
        """Mean over the potentials, eV per atom."""
        return float(np.mean(list(self.energies.values())))

    @property
    def score(self) -> float:
        """What it is ranked by now."""
        return self.energy + sum(self.parts.values())

    def facts(self, how: SecondOpinion) -> dict[str, Fact]:
        """What its frame says of it."""
        facts: dict[str, Fact] = {"ranked_by": how.names}
        for name, energy in self.energies.items():
            if np.isfinite(energy):
                facts[f"{key_of(name)}_energy_per_atom"] = energy
        if np.isfinite(self.energy):
            facts["physical_energy_per_atom"] = self.energy
            facts["physical_volume_per_atom"] = self.volume
        if self.disagreement is not None:
            facts["disagreement"] = self.disagreement
        if self.above is not None:
            if self.above.energy is not None:
                facts["above_hull"] = self.above.energy
            if self.above_spread is not None:
                facts["above_hull_disagreement"] = self.above_spread
            facts["hull_references"] = self.above.references
            if self.above.missing:
                facts["hull_missing"] = " ".join(self.above.missing)
        if how.refine is not None and self.refined is not None:
            facts["refined_by"] = how.refine.label
            facts["refined"] = "converged" if self.refined.converged else "not converged"
            if self.rms is not None:
                facts["refined_rms"] = self.rms
        return facts


def key_of(label: str) -> str:
    """A label as it may stand in a key."""
    return "".join(letter if letter.isalnum() else "_" for letter in label)


@dataclass(frozen=True)
class Opinions:
    """What potentials said of a run's candidates."""

    how: SecondOpinion
    candidates: Mapping[str, list[Candidate]]
    """By reduced formula, in the order before."""
    seconds: float
    """Of a core, that all took, references included."""
    known: Sequence[dict[str, Any]] = ()
    """Known structures that the hull is made of: ``name``, ``formula``, ``energies`` by potential
    (eV per atom)."""

    def of_frames(self) -> dict[int, Candidate]:
        """Candidates by frame."""
        return {one.frame: one for some in self.candidates.values() for one in some}


def order_by_potentials(
    folder: Path, unique: UniqueSet, comm: Communicator, how: SecondOpinion
) -> tuple[UniqueSet, Opinions]:
    """Rank unique structures anew.

    The best of each composition are evaluated, after a relaxation where one is asked for, and come
    first, by ``rank_score`` with the mean energy of the potentials in the place of E~. Candidates
    that a relaxation made the same become one.

    Args:
        folder: of the run; keeps the opinions.
        unique: ranked by E~.
        comm: every rank of it calls this function.
        how: what is evaluated, by what.

    Returns:
        The set in the new order, not yet written, and the opinions.

    Raises:
        UserError: on every rank: a potential can't be loaded, or there is no room.
    """
    kept = KeptOpinions(folder, comm)
    with FrameFile(folder / STRUCTURES, unique.table.begin) as frames:
        candidates = _chosen(unique, frames, how)
    everything = [one for some in candidates.values() for one in some]
    seconds = _refine(everything, kept, how)
    leader = unique.leader
    if how.refine is not None:
        candidates, leader = _merge(candidates, unique)
        everything = [one for some in candidates.values() for one in some]
    seconds += _evaluate(everything, kept, how)
    for some in candidates.values():
        _compare(some)
    known: list[dict[str, Any]] = []
    if how.hull:
        known, spent = _look_at_hull(candidates, kept, how)
        seconds += spent
    ordered = _reordered(unique, leader, candidates, how)
    return ordered, Opinions(how, candidates, seconds, known)


def _chosen(unique: UniqueSet, frames: FrameFile, how: SecondOpinion) -> dict[str, list[Candidate]]:
    table = unique.table
    candidates: dict[str, list[Candidate]] = defaultdict(list)
    for place in np.flatnonzero(unique.rank <= how.candidates).tolist():
        frame = int(unique.ranked[place])
        parts = {name: how.prior * float(some[place]) for name, some in unique.parts.items()}
        one = Candidate(frame, frames.atoms(frame), float(unique.score[place]), parts)
        candidates[table.formulas[table.composition[frame]]].append(one)
    return dict(candidates)


def _refine(candidates: Sequence[Candidate], kept: KeptOpinions, how: SecondOpinion) -> float:
    if how.refine is None:
        return 0.0
    questions = [
        Question(how.refine, one.atoms, "minimum", how.fmax, how.steps) for one in candidates
    ]
    opinions = kept.ask(questions, "refined structures")
    for one, opinion in zip(candidates, opinions, strict=True):
        if np.isfinite(opinion.energy):
            one.refined, one.rms = opinion, rms(one.atoms, opinion.atoms)
    return sum(opinion.seconds for opinion in opinions)


def _merge(
    candidates: Mapping[str, list[Candidate]], unique: UniqueSet
) -> tuple[dict[str, list[Candidate]], NDArray[np.int64]]:
    """Let candidates that became the same be one: the lowest, which all their seeds found."""
    matcher, leader = StructureMatcher(), unique.leader.copy()
    remaining: dict[str, list[Candidate]] = {}
    for formula, some in candidates.items():
        kept: list[Candidate] = []
        for one in sorted(some, key=_level):
            alike = next((other for other in kept if _same(other, one, matcher)), None)
            if alike is None:
                kept.append(one)
                continue
            leader[leader == one.frame] = alike.frame
            # what speaks for either speaks for both
            alike.before = min(alike.before, one.before)
            alike.parts = {name: min(value, one.parts[name]) for name, value in alike.parts.items()}
        remaining[formula] = sorted(kept, key=lambda one: one.before)
    return remaining, leader


def _level(one: Candidate) -> float:
    return float("inf") if one.refined is None else one.refined.energy


def _same(a: Candidate, b: Candidate, matcher: StructureMatcher) -> bool:
    if a.refined is None or b.refined is None:
        return False
    if abs(a.refined.energy - b.refined.energy) > SAME_ENERGY:
        return False
    return identify(a.refined.atoms).same(identify(b.refined.atoms), matcher)


def _evaluate(candidates: Sequence[Candidate], kept: KeptOpinions, how: SecondOpinion) -> float:
    questions, owners = [], []
    for one in candidates:
        for potential in how.potentials:
            if how.refine is not None and one.refined is not None:
                questions.append(Question(potential, one.refined.atoms))
            else:
                questions.append(Question(potential, one.atoms, "volume"))
            owners.append((one, potential))
    opinions = kept.ask(questions, "energies of structures")
    for (one, potential), opinion in zip(owners, opinions, strict=True):
        if not one.energies:
            one.volume = opinion.atoms.get_volume() / len(opinion.atoms)
        one.energies[potential.label] = opinion.energy
    return sum(opinion.seconds for opinion in opinions)


def _compare(candidates: Sequence[Candidate]) -> None:
    """Potentials differ by a constant of the composition; what is left says how sure they are."""
    finite = [one for one in candidates if np.isfinite(one.energy)]
    if not finite or len(finite[0].energies) < 2:
        return
    lowest = min(finite, key=lambda one: one.energy)
    for one in finite:
        differences = [one.energies[name] - lowest.energies[name] for name in one.energies]
        one.disagreement = float(np.std(differences))


def _look_at_hull(
    candidates: Mapping[str, list[Candidate]], kept: KeptOpinions, how: SecondOpinion
) -> tuple[list[dict[str, Any]], float]:
    """Fill in energies above the hull; what it is made of, and core-seconds."""
    everything = [(formula, one) for formula, some in candidates.items() for one in some]
    formulas = [formula for formula, _ in everything]
    hull = Hull(how.known, [frozenset(one.atoms.get_chemical_symbols()) for _, one in everything])
    questions = [
        Question(potential, known.atoms, "minimum", how.fmax, how.steps)
        if potential is how.refine
        else Question(potential, known.atoms)
        for potential in how.potentials
        for known in hull.known
    ]
    opinions = kept.ask(questions, "energies of known structures")
    found: list[list[AboveHull]] = []
    known: list[dict[str, Any]] = [
        {"name": one.name, "formula": one.atoms.get_chemical_formula(), "energies": {}}
        for one in hull.known
    ]
    for n, potential in enumerate(how.potentials):
        levels = [o.energy for o in opinions[n * len(hull.known) : (n + 1) * len(hull.known)]]
        for plain, level in zip(known, levels, strict=True):
            plain["energies"] |= {potential.label: level} if np.isfinite(level) else {}
        energies = [one.energies[potential.label] for _, one in everything]
        found.append(hull.above(formulas, energies, levels))
    for (_, one), above in zip(everything, zip(*found, strict=True), strict=True):
        values = [some.energy for some in above if some.energy is not None]
        whole = len(values) == len(above)
        mean = float(np.mean(values)) if whole else None
        one.above = AboveHull(mean, above[0].references, above[0].missing)
        if whole and len(values) > 1:
            one.above_spread = float(np.std(values))
    return known, sum(opinion.seconds for opinion in opinions)


def _reordered(
    unique: UniqueSet,
    leader: NDArray[np.int64],
    candidates: Mapping[str, list[Candidate]],
    how: SecondOpinion,
) -> UniqueSet:
    judged = {one.frame: one for some in candidates.values() for one in some}
    place = {int(frame): n for n, frame in enumerate(unique.ranked)}
    own = np.array([f for f in unique.ranked.tolist() if leader[f] == f], dtype=np.int64)
    rows = [place[frame] for frame in own.tolist()]
    parts = {name: values[rows].copy() for name, values in unique.parts.items()}
    groups = [unique.groups[row] for row in rows]
    score, evaluated = unique.score[rows].copy(), np.zeros(len(own), dtype=bool)
    facts: dict[int, dict[str, Fact]] = {}
    refined: dict[int, ase.Atoms] = {}
    for n, frame in enumerate(own.tolist()):
        facts[frame] = {**unique.facts.get(frame, {}), "ranked_by": "E~"}
        one = judged.get(frame)
        if one is None:
            continue
        for name, value in one.parts.items():
            parts[name][n] = value
        evaluated[n] = np.isfinite(one.score)
        score[n] = one.score if evaluated[n] else score[n]
        facts[frame] |= one.facts(how) if evaluated[n] else {}
        if one.refined is not None:
            atoms = refined[frame] = one.refined.atoms
            groups[n] = space_group(atoms, SYMPREC)
            facts[frame] |= tight_facts(space_group(atoms, TIGHT_SYMPREC))
    ordered = ranked_set(unique.table, leader, own, score, groups, parts, evaluated)
    return replace(ordered, facts=facts, refined=refined)
