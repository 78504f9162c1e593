"""What a molecule's composition says of its bonds."""

from collections.abc import Mapping

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
