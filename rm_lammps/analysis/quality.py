"""What generated crystals are worth where nothing is known to compare them with."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import ase
import numpy as np

from rm_lammps.analysis.composition_frames import CompositionFrames
from rm_lammps.chemistry.formula import reduced_formula
from rm_lammps.geometry import pairs_of
from rm_lammps.geometry.symmetry import space_group
from rm_lammps.ranks import Communicator, share_out
from rm_lammps.seeds.de_novo import charge_balanced
from rm_lammps.seeds.wyckoff import crystal_system
from rm_lammps.systems.crystal_matcher import rms

SHORTEST = 0.5
"""Å; no valid structure has atoms closer than this (Xie et al., ICLR 2022)."""


def structure_valid(atoms: ase.Atoms) -> bool:
    """Whether no two atoms are closer than 0.5 Å, periodic images included."""
    return len(pairs_of("d", atoms, SHORTEST)) == 0


class Known:
    """Structures of the training data by composition.

    Args:
        frames: the training data.
    """

    def __init__(self, frames: Iterable[ase.Atoms]) -> None:
        self._frames: dict[str, list[ase.Atoms]] = defaultdict(list)
        for atoms in frames:
            self._frames[_reduced(atoms)].append(atoms)

    def holds(self, atoms: ase.Atoms) -> bool:
        """Whether the structure is among them, by the field's matcher."""
        return any(rms(known, atoms) is not None for known in self._frames.get(_reduced(atoms), ()))


def judge(
    found: CompositionFrames, comm: Communicator, *, known: Known | None, balanced: bool
) -> dict[str, Any]:
    """Validity, uniqueness and novelty of the top-ranked structure of each composition.

    Args:
        found: structures of the run.
        comm: every rank of it calls this function.
        known: the training data; ``None``: novelty is not judged.
        balanced: judge the compositions too, which needs smact.

    Returns:
        Rates over all compositions asked for, one without any structure counts as invalid, and
        the verdict of each, ``structures``.
    """
    n = len(found.formulas)
    verdicts = share_out(comm, range(n), lambda k: _verdict(found, k, known, balanced))
    distinct = _distinct(found, verdicts)
    for formula, verdict, unique in zip(found.formulas, verdicts, distinct, strict=True):
        verdict |= {"formula": formula, "unique": unique}
    rates: dict[str, Any] = {"compositions": n}
    for key in ("structure_valid", "composition_valid", "valid", "novel", "unique"):
        values = [v[key] for v in verdicts]
        rates[key] = None if any(v is None for v in values) else sum(values) / n
    rates["unique_and_novel"] = (
        None if known is None else sum(v["novel"] and v["unique"] for v in verdicts) / n
    )
    groups = Counter(v["space_group"] for v in verdicts)
    rates["space_groups"] = {str(number): n for number, n in sorted(groups.items())}
    rates["crystal_systems"] = _systems(v["space_group"] for v in verdicts)
    rates["structures"] = verdicts
    return rates


def _verdict(
    found: CompositionFrames, composition: int, known: Known | None, balanced: bool
) -> dict[str, Any]:
    frames = found.best(1)(composition)
    atoms = found.atoms(frames[0]) if frames else None
    good = atoms is not None and structure_valid(atoms)
    neutral = charge_balanced(found.formulas[composition]) if balanced else None
    novel = None if known is None else atoms is not None and not known.holds(atoms)
    return {
        "structure_valid": good,
        "composition_valid": neutral,
        "valid": None if neutral is None else good and neutral,
        "novel": novel,
        "space_group": 0 if atoms is None else space_group(atoms).number,
    }


def _distinct(found: CompositionFrames, verdicts: Sequence[dict[str, Any]]) -> list[bool]:
    """Whether each composition's structure is one that no composition before it gave."""
    seen: dict[str, list[ase.Atoms]] = defaultdict(list)
    distinct = []
    for composition in range(len(verdicts)):
        frames = found.best(1)(composition)
        if not frames:
            distinct.append(False)
            continue
        atoms = found.atoms(frames[0])
        others = seen[_reduced(atoms)]
        distinct.append(all(rms(other, atoms) is None for other in others))
        if distinct[-1]:
            others.append(atoms)
    return distinct


def space_group_distribution(frames: Iterable[ase.Atoms]) -> dict[str, float]:
    """Share of each crystal system among given structures."""
    return _systems(space_group(atoms).number for atoms in frames)


def _systems(numbers: Iterable[int]) -> dict[str, float]:
    counts = Counter(crystal_system(number) for number in numbers)
    return {system: n / max(counts.total(), 1) for system, n in sorted(counts.items())}


def total_variation(a: dict[str, float], b: dict[str, float]) -> float:
    """Distance of two distributions, 0 to 1."""
    return float(0.5 * np.sum([abs(a.get(key, 0) - b.get(key, 0)) for key in {*a, *b}]))


def _reduced(atoms: ase.Atoms) -> str:
    return reduced_formula(Counter(atoms.get_chemical_symbols()))
