"""Do E~ and the rank score tell good molecules from bad ones?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, rankdata

from rm_lammps.analysis.molecules.judge import Verdict
from rm_lammps.analysis.plots import COLOURS

FRACTIONS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class Ranking:
    """What molecules are ranked by, and whether they pass."""

    energy: NDArray[np.float64]
    """E~, pseudo-eV per atom, shape (n,)."""
    score: NDArray[np.float64]
    """``rank_score``, pseudo-eV per atom, shape (n,)."""
    place: NDArray[np.float64]
    """Place within the composition by score, 0 (lowest) to 1, shape (n,)."""
    passes: NDArray[np.bool_]
    """All checks passed, shape (n,)."""


def ranking(verdicts: Sequence[Verdict]) -> Ranking:
    """Collect what of converged molecules is ranked; those without E~ are left out."""
    ranked = [v for v in verdicts if v.energy_per_atom is not None]
    energy = np.array([v.energy_per_atom for v in ranked], dtype=float)
    score = np.array([v.rank_score for v in ranked], dtype=float)
    formulas = np.array([v.formula for v in ranked], dtype=str)
    place = np.zeros(len(ranked))
    for formula in set(formulas.tolist()):
        members = formulas == formula
        place[members] = (rankdata(score[members], method="average") - 0.5) / members.sum()
    return Ranking(energy, score, place, np.array([v.passes for v in ranked], dtype=bool))


def auc(score: NDArray[np.float64], passes: NDArray[np.bool_]) -> float | None:
    """Chance that a passing molecule scores lower than a failing one (area under the ROC curve).

    Args:
        score: lower is better, shape (n,).
        passes: shape (n,).

    Returns:
        ``None`` where all pass or none does. Ties count half (Mann-Whitney).
    """
    passing, failing = score[passes], score[~passes]
    if not (len(passing) and len(failing)):
        return None
    # the exact p-value, which nobody asked for, takes long
    above = mannwhitneyu(failing, passing, method="asymptotic").statistic
    return float(above / (len(passing) * len(failing)))


def roc(
    score: NDArray[np.float64], passes: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of failing and of passing molecules below each threshold, ascending from 0 to 1."""
    order = np.argsort(score, kind="stable")
    # molecules of one score are on the same side of any threshold
    last = np.append(np.diff(score[order]) > 0, [True])
    good = np.cumsum(passes[order])[last]
    bad = np.cumsum(~passes[order])[last]
    return (
        np.concatenate([[0], bad / max(bad[-1], 1)]),
        np.concatenate([[0], good / max(good[-1], 1)]),
    )


def kept(ranked: Ranking, fraction: float) -> NDArray[np.bool_]:
    """The lowest ``fraction`` of each composition by score, shape (n,)."""
    return ranked.place <= fraction


def keep_curve(ranked: Ranking) -> list[dict[str, float | int | None]]:
    """Pass rate among molecules kept by score, for each of ``FRACTIONS``.

    ``pass_rate`` keeps the lowest of each composition, ``pass_rate_overall`` the lowest of all,
    which are those up to ``rank_score``.
    """
    curve: list[dict[str, float | int | None]] = []
    for fraction in FRACTIONS:
        own = kept(ranked, fraction)
        threshold = float(np.quantile(ranked.score, fraction)) if len(own) else None
        overall = ranked.score <= threshold if threshold is not None else own
        curve.append(
            {
                "fraction": fraction,
                "kept": int(own.sum()),
                "pass_rate": _share(ranked.passes[own]),
                "pass_rate_overall": _share(ranked.passes[overall]),
                "rank_score": threshold,
            }
        )
    return curve


def _share(passes: NDArray[np.bool_]) -> float | None:
    return float(passes.mean()) if len(passes) else None


def plot_ranking(ranked: Ranking, picture: Path) -> None:
    """Draw ROC curves, scores of passing and failing molecules, and the pass rate among kept ones.

    Args:
        ranked: molecules with E~.
        picture: PNG to write.
    """
    figure = Figure(figsize=(10.5, 3.6), layout="constrained")
    curves, values, keeping = figure.subplots(1, 3)
    scores = {
        "rank score": ranked.score,
        "place within composition": ranked.place,
        "E~ per atom": ranked.energy,
    }
    for (name, score), colour in zip(scores.items(), COLOURS, strict=False):
        area = auc(score, ranked.passes)
        if area is not None:
            label = f"{name}, AUC {area:.2f}"
            curves.plot(*roc(score, ranked.passes), color=colour, label=label)
    curves.plot([0, 1], [0, 1], color="0.8", linewidth=0.8, zorder=0)
    curves.set(xlabel="share of failing molecules kept", ylabel="share of passing molecules kept")
    if curves.get_legend_handles_labels()[0]:
        curves.legend(frameon=False, fontsize=8)
    if len(ranked.score):
        edges = np.histogram_bin_edges(ranked.score, bins=40)
        for name, some, colour in (
            ("pass", ranked.score[ranked.passes], COLOURS[2]),
            ("fail", ranked.score[~ranked.passes], COLOURS[5]),
        ):
            values.hist(some, bins=edges, color=colour, alpha=0.6, label=f"{name}, {len(some)}")
        values.legend(frameon=False, fontsize=8)
        rates = [row["pass_rate"] for row in keep_curve(ranked)]
        keeping.plot(FRACTIONS, [np.nan if r is None else r for r in rates], "o-", color=COLOURS[0])
    values.set(xlabel="rank score (pseudo-eV per atom)", ylabel="molecules")
    keeping.set(
        xlabel="fraction kept of each composition",
        ylabel="pass rate among kept",
        ylim=(0, 1.03),
    )
    figure.savefig(picture, dpi=150)
