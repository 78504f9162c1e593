"""Chemical formulas as users type them."""

from collections.abc import Mapping, Sequence

from ase.formula import Formula

from rm_lammps.errors import UserError

MAX_ATOMS = 1_000_000


def parse_formula(formula: str, species: Sequence[str]) -> dict[str, int]:
    """Count the atoms of a formula, in its own order of elements.

    Args:
        formula: e.g. ``"C8"`` or ``"Sr2O4"``: the content of one cell, not reduced.
        species: elements the model knows.

    Raises:
        UserError: not a formula, no atoms, or elements outside the model.
    """
    try:
        composition = Formula(formula).count()
    except Exception as error:
        raise UserError(
            f"{formula!r} is not a chemical formula.", "Write the cell's content, e.g. Sr2O4."
        ) from error
    n_atoms = sum(composition.values())
    if not 1 <= n_atoms <= MAX_ATOMS or min(composition.values()) < 1:
        raise UserError(f"{formula!r} has {n_atoms} atoms.", f"Give 1 to {MAX_ATOMS} atoms a cell.")
    unknown = [symbol for symbol in composition if symbol not in species]
    if unknown:
        raise UserError(
            f"The model knows no {', '.join(unknown)} (in {formula!r}).",
            f"Elements of this model: {' '.join(species)}",
        )
    return composition


def to_formula(composition: Mapping[str, int]) -> str:
    """Write a composition as a formula, in its own order: ``Sr2O4``, and ``C1`` for one atom."""
    return "".join(f"{symbol}{n}" for symbol, n in composition.items())
