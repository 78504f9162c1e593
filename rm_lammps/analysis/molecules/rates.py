"""How many molecules pass what: counts, and shares of attempted and of converged seeds."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from rm_lammps.analysis.molecules.checks import check_names
from rm_lammps.analysis.molecules.judge import Verdict


def count(
    verdicts: Sequence[Verdict], attempted: int, training: Collection[str] | None
) -> dict[str, Any]:
    """Counts of a set of molecules.

    Args:
        verdicts: of the converged ones.
        attempted: seeds; never fewer.
        training: SMILES of the training set, if novelty is asked for.

    Returns:
        Plain data; each count's share of attempted and of converged under ``of_attempted`` and
        ``of_converged``.
    """
    counts = {
        "bonds": sum(v.smiles is not None for v in verdicts),
        "connected": sum(v.fragments == 1 for v in verdicts),
        "valid": sum(v.valid for v in verdicts),
        "passes": sum(v.passes for v in verdicts),
        "not_failed": sum(v.not_failed for v in verdicts),
    }
    checks = {name: sum(v.checks.get(name) is True for v in verdicts) for name in check_names()}
    undecided = Counter(name for v in verdicts for name in v.undecided)
    distinct = {v.smiles for v in verdicts if v.passes}
    return {
        "attempted": attempted,
        "converged": len(verdicts),
        **counts,
        "checks": checks,
        "undecided": dict(undecided),
        "distinct": len(distinct),
        "unique_rate": len(distinct) / counts["passes"] if counts["passes"] else None,
        "novel": None if training is None else len(distinct - set(training)),
        "of_attempted": _shares(counts, checks, attempted),
        "of_converged": _shares(counts, checks, len(verdicts)),
        "problems": dict(Counter(_kind(v) for v in verdicts if not v.valid).most_common()),
        "xtb": _energies(verdicts),
    }


def by_formula(
    verdicts: Sequence[Verdict], attempted: Mapping[str, int], training: Collection[str] | None
) -> dict[str, dict[str, Any]]:
    """:func:`count` of each composition, in the order of ``attempted``."""
    members: dict[str, list[Verdict]] = {formula: [] for formula in attempted}
    for verdict in verdicts:
        members[verdict.formula].append(verdict)
    return {formula: count(some, attempted[formula], training) for formula, some in members.items()}


def _shares(counts: dict[str, int], checks: dict[str, int], total: int) -> dict[str, float | None]:
    return {name: n / total if total else None for name, n in {**counts, **checks}.items()}


def _kind(verdict: Verdict) -> str:
    if verdict.fragments > 1:
        return "fragments"
    words = verdict.problem.split()
    # RDKit's messages name atoms
    return " ".join(word for word in words if not any(c.isdigit() for c in word))[:60]


def _energies(verdicts: Sequence[Verdict]) -> dict[str, Any] | None:
    """Medians over passing molecules, the number of failures, molecules that changed bonds."""
    if all(v.xtb is None for v in verdicts):
        return None
    relaxed = [v.xtb for v in verdicts if v.passes and v.xtb is not None]
    some = relaxed or None
    return {
        "passing": sum(v.passes for v in verdicts),
        "relaxed": len(relaxed),
        "converged": sum(x.converged for x in relaxed),
        "same_bonds": sum(x.same_bonds for x in relaxed),
        "median_drop": float(np.median([x.drop for x in relaxed])) if some else None,
        "largest_drop": max(x.drop for x in relaxed) if some else None,
        "median_rmsd": float(np.median([x.rmsd for x in relaxed])) if some else None,
        "largest_rmsd": max(x.rmsd for x in relaxed) if some else None,
    }
