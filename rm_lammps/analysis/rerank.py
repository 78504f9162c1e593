"""Rank the best candidates anew by a physical potential.

E~ chooses among hundreds of structures at next to no cost, the potential then among a few.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

import ase
import ase.io
import numpy as np

from rm_lammps.analysis.composition_frames import CompositionFrames
from rm_lammps.analysis.plots import plot_screening
from rm_lammps.analysis.second_opinion import Judged, above, agreement, stability
from rm_lammps.files import replacing
from rm_lammps.potentials import POTENTIALS, Potential
from rm_lammps.ranks import Communicator, on_root, share_out
from rm_lammps.runs.layout import RERANKED, SCREENING
from rm_lammps.systems.matching import rms

_VOLUMES = tuple(1.12 ** np.arange(-2, 5))
"""Tried for each candidate, in units of its own: E~ knows shapes better than volumes, above all
those of open frameworks."""


@dataclass(frozen=True)
class Reranking:
    """How many candidates of each composition are evaluated, and how."""

    top: int = 20
    steps: int = 0
    """Steps of relaxation at most; 0 for the energy at the best of several volumes."""
    fmax: float = 0.1
    """eV/Å, where a relaxation ends."""
    potential: Potential = field(default_factory=lambda: POTENTIALS.make("chgnet"))


def judge(atoms: ase.Atoms, how: Reranking) -> Judged:
    """Evaluate a crystal at the best of several volumes, relaxed from there if asked for."""
    tried = [_at_volume(atoms, volume) for volume in _VOLUMES]
    energies = [how.potential.energy(some) for some in tried]
    best, energy = min(zip(tried, energies, strict=True), key=itemgetter(1))
    if how.steps == 0 or not np.isfinite(energy):
        return Judged(best, energy)
    relaxed, energy = how.potential.relaxed(best, fmax=how.fmax, steps=how.steps)
    if not np.isfinite(energy):
        return Judged(atoms, float("inf"))
    return Judged(relaxed, energy, rms(atoms, relaxed))


def _at_volume(atoms: ase.Atoms, factor: float) -> ase.Atoms:
    scaled = atoms.copy()
    scaled.set_cell(atoms.cell.array * factor ** (1 / 3), scale_atoms=True)
    return scaled


def rerank(
    folder: Path,
    found: CompositionFrames,
    references: Sequence[ase.Atoms],
    comm: Communicator,
    how: Reranking,
    known: Sequence[ase.Atoms] = (),
) -> dict[str, Any]:
    """Evaluate the best candidates of each composition and rank them with a potential's energy.

    It takes the place of E~ in ``rank_score``; votes and symmetry count as before. ``found`` learns
    the new order. ``reranked.extxyz`` in ``folder`` gets the candidates, for each composition
    lowest score first, with their energy in eV, e.g. ``chgnet_energy_per_atom``. ``screening.png``
    shows that against the ranking before.

    Args:
        folder: of the run.
        found: structures of the run.
        references: structures of the same compositions to compare energies with.
        comm: every rank of it calls this function.
        how: how many are evaluated, and how.
        known: structures whose convex hull tells how stable the candidates are; they are
            evaluated as they are.

    Returns:
        Cost, correlation with the ranking before, distances to the potential's minima, and energies
        relative to references of the same composition and to the hull.
    """
    how.potential.load()
    best = [(n, frame) for n in range(len(found.formulas)) for frame in found.best(how.top)(n)]

    def timed(candidate: tuple[int, int]) -> tuple[Judged, float]:
        begin = time.process_time()
        judged = judge(found.atoms(candidate[1]), how)
        return judged, time.process_time() - begin

    verdicts = share_out(comm, best, timed, "structures")
    seconds = sum(spent for _, spent in verdicts)
    candidates: dict[int, list[tuple[int, Judged]]] = {n: [] for n in range(len(found.formulas))}
    for (composition, frame), (judged, _) in zip(best, verdicts, strict=True):
        judged.score, judged.prior = found.score(frame), found.prior(frame)
        candidates[composition].append((frame, judged))
    levels = share_out(comm, references, lambda atoms: judge(atoms, how).energy)
    stable = stability(found, candidates, known, how.potential, comm) if known else {}
    for composition, some in candidates.items():
        order = sorted(some, key=lambda pair: pair[1].new_score)
        found.reorder(composition, [frame for frame, _ in order])
    on_root(comm, lambda: _write(folder / RERANKED, found, candidates, how.potential))
    on_root(comm, lambda: _draw(folder / SCREENING, list(candidates.values())))
    return {
        "potential": how.potential.name,
        "top": how.top,
        "steps": how.steps,
        "structures": sum(map(len, candidates.values())),
        "core_seconds_per_composition": seconds / max(len(found.formulas), 1),
        **agreement(list(candidates.values())),
        **above(found, candidates, references, levels),
        **stable,
    }


def _draw(picture: Path, candidates: Sequence[list[tuple[int, Judged]]]) -> None:
    scores: list[float] = []
    energies: list[float] = []
    for judged in candidates:
        finite = [c for _, c in judged if np.isfinite(c.energy)]
        best = min((c.score for c in finite), default=0.0)
        lowest = min((c.energy for c in finite), default=0.0)
        scores += [c.score - best for c in finite]
        energies += [c.energy - lowest for c in finite]
    plot_screening(scores, energies, picture)


def _write(
    path: Path,
    found: CompositionFrames,
    candidates: dict[int, list[tuple[int, Judged]]],
    potential: Potential,
) -> None:
    with replacing(path) as stream:
        for composition in sorted(candidates):
            judged = dict(candidates[composition])
            for rank, frame in enumerate(found.reranked(None)(composition), start=1):
                atoms = found.atoms(frame)
                candidate = judged[frame]
                atoms.info |= {"rank": rank, "rank_score": candidate.new_score}
                atoms.info[f"{potential.name}_energy_per_atom"] = candidate.energy
                ase.io.write(stream, atoms, format="extxyz", parallel=False)
