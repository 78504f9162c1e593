"""What a physical potential says of a ranking: agreement, energies above references and hull."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import ase
import numpy as np

from rm_lammps.analysis.composition_frames import CompositionFrames
from rm_lammps.analysis.hull import energies_above_hull
from rm_lammps.chemistry.formula import reduced_formula
from rm_lammps.potentials import Potential
from rm_lammps.ranks import Communicator

METASTABLE = 0.1
"""eV per atom above the reference or the hull."""
_ON_HULL = 1e-3
"""eV per atom up to which a structure is not above them."""


@dataclass
class Judged:
    """A structure with its energy by a physical potential."""

    atoms: ase.Atoms
    energy: float
    """eV per atom; infinite where the potential gives none."""
    rms: float | None = None
    """From the structure to the potential's minimum, in units of (V/N)^(1/3); none if not relaxed,
    or if the minimum is another structure."""
    score: float = field(default=0.0)
    """What the candidate was ranked by before."""
    prior: float = field(default=0.0)
    """What of that was not E~."""

    @property
    def new_score(self) -> float:
        """What it is ranked by now."""
        return self.energy + self.prior


def stability(
    found: CompositionFrames,
    candidates: dict[int, list[tuple[int, Judged]]],
    known: Sequence[ase.Atoms],
    potential: Potential,
    comm: Communicator,
) -> dict[str, Any]:
    """Energies above the hull of what was ranked first before, and of the lowest candidates."""
    number = len(found.formulas)
    energies = [_energies(candidates[n]) for n in range(number)]
    both = [*(some[0] for some in energies), *map(min, energies)]

    above = energies_above_hull([*found.formulas] * 2, both, known, potential.energy, comm)
    first, best = above[:number], above[number:]
    rates = {name: _stable(some) for name, some in (("top_ranked", first), ("lowest", best))}
    return {"above_hull": rates, "energies_above_hull": first}


def _energies(judged: Sequence[tuple[int, Judged]]) -> list[float]:
    """Of the candidates of a composition, in the order of the ranking before; never empty."""
    return [candidate.energy for _, candidate in judged] or [float("inf")]


def _stable(above: Sequence[float | None]) -> dict[str, Any]:
    """Shares of all compositions; those without a hull or a structure are not stable."""
    values = np.array([np.inf if value is None else value for value in above])
    decided = values[np.isfinite(values)]
    return {
        "compositions": len(values),
        "decided": len(decided),
        "median": float(np.median(decided)) if len(decided) else None,
        "on_hull": float(np.mean(values <= _ON_HULL)),
        "within_0.1": float(np.mean(values <= METASTABLE)),
    }


def agreement(candidates: Sequence[list[tuple[int, Judged]]]) -> dict[str, Any]:
    """How well the ranking before tells the potential's."""
    from scipy.stats import spearmanr

    correlations, same_first, displacements = [], [], []
    for judged in candidates:
        energies = np.array([candidate.energy for _, candidate in judged])
        displacements += [c.rms for _, c in judged if c.rms is not None]
        if len(judged) < 2 or not np.isfinite(energies).all():
            continue
        same_first.append(bool(energies[0] == energies.min()))
        if len(judged) > 2:
            scores = [candidate.score for _, candidate in judged]
            correlations.append(float(spearmanr(scores, energies).statistic))
    finite = [c for c in correlations if np.isfinite(c)]
    return {
        "rank_correlation": float(np.mean(finite)) if finite else None,
        "same_first": float(np.mean(same_first)) if same_first else None,
        "compositions_with_choice": len(same_first),
        "rms_to_minimum": float(np.median(displacements)) if displacements else None,
    }


def above(
    found: CompositionFrames,
    candidates: dict[int, list[tuple[int, Judged]]],
    references: Sequence[ase.Atoms],
    levels: Sequence[float],
) -> dict[str, Any]:
    """Energies of the best candidates above the lowest reference of their composition."""
    lowest: dict[str, float] = defaultdict(lambda: float("inf"))
    for atoms, energy in zip(references, levels, strict=True):
        key = reduced_formula(Counter(atoms.get_chemical_symbols()))
        lowest[key] = min(lowest[key], energy)
    first, best = [], []
    for composition, formula in enumerate(found.formulas):
        key = reduced_formula(Counter(ase.formula.Formula(formula).count()))
        if not np.isfinite(lowest[key]):
            continue
        energies = _energies(candidates[composition])
        first.append(energies[0] - lowest[key])
        best.append(min(energies) - lowest[key])
    if not first:
        return {}
    return {
        "above_reference": {
            name: {
                "compositions": len(values),
                "median": float(np.median(values)),
                "not_above": float(np.mean(np.array(values) <= _ON_HULL)),
                "within_0.1": float(np.mean(np.array(values) <= METASTABLE)),
            }
            for name, values in (("top_ranked", first), ("lowest_of_candidates", best))
        }
    }
