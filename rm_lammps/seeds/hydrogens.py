"""How many hydrogens a molecule can have, and has."""

import numpy as np
from ase.formula import Formula

from rm_lammps.chemistry.composition import VALENCES, unsaturation
from rm_lammps.chemistry.formula import formula_of, parse_formula
from rm_lammps.datasets import DatasetStatistics
from rm_lammps.errors import UserError


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
    if not statistics.molecular_formulas:
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
