"""How many hydrogens a molecule can have, and has."""

from collections.abc import Mapping

import numpy as np
from ase.formula import Formula

from rm_lammps.chemistry.formula import formula_of, parse_formula
from rm_lammps.datasets import DatasetStatistics
from rm_lammps.errors import UserError

VALENCES = (
    dict.fromkeys(("H", "F", "Cl", "Br", "I"), 1)
    | dict.fromkeys(("O", "S", "Se"), 2)
    | dict.fromkeys(("B", "N", "P"), 3)
    | dict.fromkeys(("C", "Si"), 4)
)
"""Bonds of each element in a neutral molecule without radicals."""


def unsaturation(composition: Mapping[str, int]) -> float | None:
    """Rings plus double bonds (a triple bond counts twice) that a composition implies.

    Args:
        composition: atoms by element.

    Returns:
        A whole number, 0 or more, for molecules without radicals; ``None`` where an element has no
        valence in :data:`VALENCES`.
    """
    if not set(composition) <= set(VALENCES):
        return None
    return 1 + sum(n * (VALENCES[symbol] - 2) for symbol, n in composition.items()) / 2


def check_hydrogens(formula: str, composition: Mapping[str, int]) -> None:
    """Check that the atoms' valences can be satisfied in one connected, neutral molecule.

    Raises:
        UserError: they can't; names what would.
    """
    found = unsaturation(composition)
    if found is None:
        return
    if sum(composition.values()) == 1:
        (symbol,) = composition
        raise UserError(
            f"One atom of {symbol} is no molecule without radicals ({formula}).",
            "Give the formula of a molecule, hydrogens included, e.g. CH4; --heavy adds them.",
        )
    if found >= 0 and found == int(found):
        return
    hydrogens = composition.get("H", 0)
    most = int(hydrogens + 2 * found)
    allowed = f"{'even' if most % 2 == 0 else 'odd'} numbers up to {most}"
    raise UserError(
        f"No neutral molecule without radicals has the formula {formula}.",
        f"The number of hydrogens can be {allowed}." if most >= 0 else "Give fewer halogens.",
    )


def draw_hydrogens(
    heavy: str, number: int, statistics: DatasetStatistics, rng: np.random.Generator
) -> tuple[str, ...]:
    """Complete heavy atoms with as many hydrogens as molecules of that size have.

    Degrees of unsaturation are drawn as they come in training molecules whose number of heavy
    atoms is nearest.

    Args:
        heavy: formula without hydrogens, e.g. ``"C5NO"``.
        number: of formulas.
        statistics: of the training data.
        rng: source of randomness.

    Raises:
        UserError: hydrogens in ``heavy``, unknown elements, or a model of crystals.
    """
    if statistics.periodic or not statistics.molecular_formulas:
        raise UserError("Hydrogens are added to molecules; this model's data are not molecules.")
    composition = parse_formula(heavy, statistics.species)
    if "H" in composition:
        raise UserError(
            f"{heavy!r} has hydrogens already.", "Give it as --formula, or leave them out."
        )
    bare = unsaturation(composition)
    if bare is None:
        raise UserError(
            f"The valence of an element in {heavy!r} is not known.",
            f"Known: {' '.join(VALENCES)}. Otherwise give --formula.",
        )
    levels, shares = _unsaturations(sum(composition.values()), int(bare), statistics)
    text = formula_of(composition)
    return tuple(
        f"{text}H{hydrogens}" if (hydrogens := int(2 * (bare - level))) else text
        for level in rng.choice(levels, size=number, p=shares)
    )


def _unsaturations(
    n_heavy: int, most: int, statistics: DatasetStatistics
) -> tuple[np.ndarray, np.ndarray]:
    """Degrees of unsaturation up to ``most`` and their shares in molecules of this size."""
    counts: dict[int, dict[int, int]] = {}
    for formula, times in statistics.molecular_formulas.items():
        atoms = Formula(formula).count()
        found = unsaturation(atoms)
        if found is None or found != int(found) or not 0 <= found <= most:
            continue
        size = counts.setdefault(sum(atoms.values()) - atoms.get("H", 0), {})
        size[int(found)] = size.get(int(found), 0) + times
    if not counts:
        return np.array([most]), np.ones(1)
    nearest = counts[min(counts, key=lambda size: abs(size - n_heavy))]
    levels = np.array(sorted(nearest))
    shares = np.array([nearest[level] for level in levels], dtype=float)
    return levels, shares / shares.sum()
