"""What physical potentials say of the order by E~, in numbers for a whole run."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import ase
import numpy as np

from rm_lammps.analysis.physical import Candidate, Opinions
from rm_lammps.chemistry.formula import reduced_formula

METASTABLE = 0.1
"""eV per atom above the reference or the hull."""
_ON_HULL = 1e-3
"""eV per atom up to which a structure is not above them."""


def summary(
    opinions: Opinions, references: Sequence[ase.Atoms], levels: Sequence[float]
) -> dict[str, Any]:
    """What ``metrics.json`` says of the second opinion.

    Args:
        opinions: of the candidates.
        references: structures of the same compositions to compare energies with.
        levels: their energies by the mean of the potentials, eV per atom.
    """
    candidates, how = opinions.candidates, opinions.how
    number = max(len(candidates), 1)
    result = {
        "potentials": how.names,
        "refined_by": None if how.refine is None else how.refine.label,
        "candidates": how.candidates,
        "structures": sum(map(len, candidates.values())),
        "core_seconds_per_composition": opinions.seconds / number,
        **_agreement(list(candidates.values())),
        **_above_references(opinions, references, levels),
    }
    if how.hull:
        first, lowest = [], []
        for some in candidates.values():
            ranked = sorted(some, key=lambda one: one.score)
            first.append(_above(ranked[0]))
            lowest.append(_above(min(some, key=lambda one: one.energy)))
        result["above_hull"] = {"top_ranked": _stable(first), "lowest": _stable(lowest)}
    return result


def _above(one: Candidate) -> float | None:
    return None if one.above is None else one.above.energy


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


def _agreement(candidates: Sequence[list[Candidate]]) -> dict[str, Any]:
    """How well the ranking before tells the potentials'."""
    from scipy.stats import spearmanr

    correlations, same_first, displacements = [], [], []
    for judged in candidates:
        energies = np.array([one.energy for one in judged])
        displacements += [one.rms for one in judged if one.rms is not None]
        if len(judged) < 2 or not np.isfinite(energies).all():
            continue
        same_first.append(bool(energies[0] == energies.min()))
        if len(judged) > 2:
            scores = [one.before for one in judged]
            correlations.append(float(spearmanr(scores, energies).statistic))
    finite = [c for c in correlations if np.isfinite(c)]
    return {
        "rank_correlation": float(np.mean(finite)) if finite else None,
        "same_first": float(np.mean(same_first)) if same_first else None,
        "compositions_with_choice": len(same_first),
        "rms_to_minimum": float(np.median(displacements)) if displacements else None,
    }


def _above_references(
    opinions: Opinions, references: Sequence[ase.Atoms], levels: Sequence[float]
) -> dict[str, Any]:
    """Energies of the candidates above the lowest reference of their composition."""
    lowest: dict[str, float] = defaultdict(lambda: float("inf"))
    for atoms, energy in zip(references, levels, strict=True):
        key = reduced_formula(Counter(atoms.get_chemical_symbols()))
        lowest[key] = min(lowest[key], energy)
    before, first, best = [], [], []
    for formula, some in opinions.candidates.items():
        if not np.isfinite(lowest[formula]):
            continue
        before.append(some[0].energy - lowest[formula])
        first.append(min(some, key=lambda one: one.score).energy - lowest[formula])
        best.append(min(one.energy for one in some) - lowest[formula])
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
            for name, values in (
                ("ranked_first_by_E~", before),
                ("top_ranked", first),
                ("lowest_of_candidates", best),
            )
        }
    }
