"""How well a run predicted known crystals, by the measures of the field.

A predicted structure matches a reference if pymatgen's ``StructureMatcher`` says so with ``stol``
0.5, ``ltol`` 0.3 and ``angle_tol`` 10; its root mean square displacement is in units of
(V/N)^(1/3). METRe and cRMSE are those of Martirossyan et al., arXiv 2509.12178.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import ase
import numpy as np

from rm_lammps.analysis.composition_frames import CompositionFrames
from rm_lammps.chemistry.formula import reduced_formula
from rm_lammps.geometry.symmetry import space_group
from rm_lammps.ranks import Communicator, share_out
from rm_lammps.seeds.wyckoff import crystal_system
from rm_lammps.systems.crystal_matcher import STOL, rms


@dataclass(frozen=True)
class Target:
    """A reference, and what was predicted for it."""

    reference: ase.Atoms
    own: tuple[int, ...]
    """Compositions of the run that asked for it."""
    alike: tuple[int, ...]
    """Those of the same reduced formula; METRe looks at all of them."""


def targets(references: Sequence[ase.Atoms], formulas: Sequence[str]) -> list[Target]:
    """Say which compositions of the run belong to each reference."""
    counts = [Counter(ase.formula.Formula(formula).count()) for formula in formulas]
    exact: dict[frozenset, list[int]] = defaultdict(list)
    reduced: dict[str, list[int]] = defaultdict(list)
    for number, count in enumerate(counts):
        exact[frozenset(count.items())].append(number)
        reduced[reduced_formula(count)].append(number)
    found = []
    for reference in references:
        count = Counter(reference.get_chemical_symbols())
        alike = tuple(reduced[reduced_formula(count)])
        own = tuple(exact[frozenset(count.items())])
        found.append(Target(reference, own or alike, alike))
    return found


def predict(
    found: CompositionFrames,
    references: Sequence[ase.Atoms],
    comm: Communicator,
    *,
    at: Sequence[int],
) -> dict[str, Any]:
    """Match rates and RMSE over all references.

    Args:
        found: structures of the run.
        references: what should have been found; one that the run did not ask for, or for which no
            seed converged, counts as missed.
        comm: every rank of it calls this function.
        at: numbers of candidates a composition.

    Returns:
        ``rates`` by selection, ``references`` (one entry each), ``groups`` (rates by number of
        atoms, of elements, and by crystal system).
    """
    goals = targets(references, found.formulas)
    selections: dict[str, Callable[[int], list[int]]] = {"1 top-ranked": found.best(1)}
    for k in at:
        selections[f"{k} seeds"] = found.first(k)
        selections[f"{k} top-ranked unique"] = found.best(k)
    selections["all seeds"] = found.best(None)
    rows = share_out(comm, goals, lambda goal: _row(goal, found, selections))
    return {
        "rates": {name: _rates(rows, name) for name in selections},
        "groups": _groups(rows, selections),
        "references": rows,
    }


def _row(
    target: Target, found: CompositionFrames, selections: dict[str, Callable[[int], list[int]]]
) -> dict[str, Any]:
    @cache
    def distance(frame: int) -> float | None:
        return rms(target.reference, found.atoms(frame))

    def best(compositions: tuple[int, ...], select: Callable[[int], list[int]]) -> float | None:
        distances = [distance(frame) for number in compositions for frame in select(number)]
        return min((d for d in distances if d is not None), default=None)

    def rank(select: Callable[[int], list[int]]) -> int | None:
        """Of the first match."""
        ranked = (pair for number in target.own for pair in enumerate(select(number), start=1))
        return next((n for n, frame in ranked if distance(frame) is not None), None)

    reference = target.reference
    group = space_group(reference)
    info = reference.info
    return {
        "name": str(info.get("name", info.get("material_id", reference.get_chemical_formula()))),
        "formula": reference.get_chemical_formula(),
        "atoms": len(reference),
        "elements": len(set(reference.numbers)),
        "space_group": group.number,
        "crystal_system": crystal_system(group.number),
        "attempted": int(found.seeds[list(target.own)].sum()),
        "rms": {name: best(target.own, select) for name, select in selections.items()},
        "rms_any": {name: best(target.alike, select) for name, select in selections.items()},
        "rank": rank(found.best(None)),
    }


def _rates(rows: Sequence[dict[str, Any]], name: str) -> dict[str, float | int | None]:
    """Rates over all references, the missed ones included."""
    matched = [row["rms"][name] for row in rows if row["rms"][name] is not None]
    anyone = [row["rms_any"][name] for row in rows]
    n = max(len(rows), 1)
    return {
        "references": len(rows),
        "matched": len(matched),
        "match_rate": len(matched) / n,
        "rmse": float(np.mean(matched)) if matched else None,
        "metre": sum(value is not None for value in anyone) / n,
        "crmse": float(np.mean([STOL if v is None else v for v in anyone])) if rows else None,
    }


def _groups(rows: Sequence[dict[str, Any]], selections: Any) -> dict[str, dict[str, Any]]:
    keys = {
        "atoms": lambda row: _range_of(row["atoms"]),
        "elements": lambda row: str(row["elements"]),
        "crystal_system": lambda row: row["crystal_system"],
    }
    grouped: dict[str, dict[str, Any]] = {}
    for key, value in keys.items():
        names = sorted({value(row) for row in rows})
        grouped[key] = {}
        for name in names:
            some = [row for row in rows if value(row) == name]
            rates = {
                s: sum(row["rms"][s] is not None for row in some) / len(some) for s in selections
            }
            grouped[key][name] = {"references": len(some), **rates}
    return grouped


def _range_of(n_atoms: int) -> str:
    low = next(low for low in (17, 13, 9, 5, 1) if n_atoms >= low)
    return f"{low:02d}-{low + 3:02d}" if n_atoms <= 20 else "over 20"
