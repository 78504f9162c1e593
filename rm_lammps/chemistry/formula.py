"""Chemical formulas and symbols as users type them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from math import gcd

from ase.data import atomic_numbers

from rm_lammps.errors import UserError

MAX_ATOMS = 1_000_000
"""Of one cell."""

ISOTOPES = {"D": 2.01410177812, "T": 3.01604928199}
"""Symbols of hydrogen's isotopes, and their masses, g/mol."""

_ALLOWED = (
    "Write symbols with whole numbers behind them, brackets where you like: C8, Sr2O4, Ca(OH)2, "
    "CuSO4·5H2O. It is the content of one cell (or of one molecule), not reduced."
)
_PART = re.compile(r"(?P<symbol>[A-Z][a-z]?)|(?P<open>[(\[])|(?P<close>[)\]])")
_COUNT = re.compile(r"\d+")
_PLAIN = re.compile(r"(?:[A-Z][a-z]?\d*|\(|\)\d*)+")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_DOT = re.compile(r"\s*[·⋅∙•*]\s*")
_CHARGE = re.compile(r"[+⁺⁻−–-]|[⁰¹²³⁴-⁹]")
_BRACKETS = {")": "(", "]": "["}
_LABEL = re.compile(r"(?P<mass>\d*)(?P<symbol>[A-Z][a-z]?)(?:\d*[+-]|[+-]\d*)?")
_LONGEST = 9
"""Digits of a count; more is no number of atoms."""


def count_atoms(formula: str) -> dict[str, int]:
    """Count the atoms of a formula, elements in the order in which they come first.

    Args:
        formula: symbols with whole numbers, round and square brackets, hydrates behind a ``·``;
            blanks and subscript digits are read too.

    Raises:
        UserError: charges, isotopes, coefficients, fractions, counts of zero, no element, or more
            than ``MAX_ATOMS`` atoms; the message says which and what is allowed.
    """
    text = formula.translate(_SUBSCRIPTS).strip()
    if not text:
        raise UserError("The formula is empty: it has 0 atoms.", _ALLOWED)
    counts: dict[str, int] = {}
    for number, part in enumerate(_DOT.split(text)):
        coefficient = _COUNT.match(part) if number else None
        times = _number(coefficient.group(), formula) if coefficient else 1
        rest = part[coefficient.end() :] if coefficient else part
        for symbol, n in _count_part(rest, formula).items():
            counts[symbol] = counts.get(symbol, 0) + times * n
    n_atoms = sum(counts.values())
    if n_atoms > MAX_ATOMS:
        raise UserError(f"{formula!r} has {n_atoms} atoms.", f"Give 1 to {MAX_ATOMS} atoms a cell.")
    return counts


def _count_part(text: str, formula: str) -> dict[str, int]:
    """Atoms between two dots of a hydrate's formula."""
    levels: list[tuple[str, dict[str, int]]] = [("", {})]
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        part = _PART.match(text, place)
        if part is None:
            raise _refused(formula, _why_not(text, place))
        place = part.end()
        found: dict[str, int] = {}
        if part["open"]:
            levels.append((part["open"], {}))
            continue
        if part["symbol"]:
            found = {_checked(part["symbol"], formula): 1}
        elif levels[-1][0] != _BRACKETS[part["close"]]:
            raise _refused(formula, "its brackets don't match")
        else:
            found = levels.pop()[1]
            if not found:
                raise _refused(formula, "it has empty brackets")
        times = 1
        if digits := _COUNT.match(text, place):
            times, place = _number(digits.group(), formula), digits.end()
        for symbol, n in found.items():
            levels[-1][1][symbol] = levels[-1][1].get(symbol, 0) + times * n
    if len(levels) > 1:
        raise _refused(formula, "its brackets don't match")
    if not levels[0][1]:
        raise _refused(formula, "a part of it is empty")
    return levels[0][1]


def _checked(symbol: str, formula: str) -> str:
    if symbol in ISOTOPES:
        raise _refused(formula, f"{symbol} is an isotope, and models know elements: write H")
    if symbol not in atomic_numbers or symbol == "X":
        raise _refused(formula, f"{symbol} is no chemical symbol")
    return symbol


def _number(digits: str, formula: str) -> int:
    if digits.startswith("0"):
        raise _refused(formula, f"{digits} is no number of atoms (is the O an oxygen?)")
    if len(digits) > _LONGEST:
        raise UserError(f"{formula!r} has too many atoms.", f"Give 1 to {MAX_ATOMS} atoms a cell.")
    return int(digits)


def _why_not(text: str, place: int) -> str:
    letter = text[place]
    if _CHARGE.search(letter):
        return "charges and sums don't belong in it"
    if letter.isdigit():
        return "a number stands before what it counts"
    if letter in ".,":
        return "a cell holds whole atoms (a hydrate's dot is ·)"
    if letter.islower():
        return f"no chemical symbol begins with {text[place : place + 2]!r}"
    return f"{letter!r} doesn't belong in it"


def _refused(formula: str, why: str) -> UserError:
    return UserError(f"{formula!r} is not a chemical formula: {why}.", _ALLOWED)


def plain_formula(formula: str) -> str:
    """The formula as ASE reads it too: no blanks, subscripts, square brackets or dots.

    Raises:
        UserError: as :func:`count_atoms`.
    """
    counts = count_atoms(formula)
    text = "".join(formula.translate(_SUBSCRIPTS).split())
    return text if _PLAIN.fullmatch(text) else formula_of(counts)


def formula_of(composition: dict[str, int]) -> str:
    """Write a composition as a formula, every number given: ``{"Na": 1, "Cl": 1} -> "Na1Cl1"``."""
    return "".join(f"{symbol}{n}" for symbol, n in composition.items())


def parse_formula(formula: str, species: Sequence[str]) -> dict[str, int]:
    """Count the atoms of a formula whose elements a model knows.

    Args:
        formula: e.g. ``"C8"`` or ``"Sr2O4"``: the content of one cell, not reduced.
        species: elements the model knows.

    Raises:
        UserError: as :func:`count_atoms`, or elements outside the model.
    """
    composition = count_atoms(formula)
    check_known(composition, species, f"in {formula!r}")
    return composition


def check_known(symbols: Iterable[str], species: Sequence[str], where: str) -> None:
    """Check that a model knows all elements.

    Args:
        symbols: to check.
        species: those that the model knows.
        where: the symbols stand, for the message, e.g. ``"in 'NaCl'"``.

    Raises:
        UserError: it doesn't; names those it lacks, and those it has.
    """
    unknown = [symbol for symbol in dict.fromkeys(symbols) if symbol not in species]
    if unknown:
        raise UserError(
            f"The model knows no {', '.join(unknown)} ({where}).",
            f"Elements of this model: {' '.join(species)}",
        )


def read_label(label: str) -> tuple[str, float | None]:
    """Element of an atom's label in a structure file, and its mass where an isotope is named.

    Reads symbols in any case, atomic numbers, ``D`` and ``T``, isotopes (``13C``), and ions
    (``Fe3+``, ``O-2``), whose charge E~ has no use for.

    Args:
        label: as in the file.

    Returns:
        The symbol, and the mass in g/mol or ``None`` for the usual one.

    Raises:
        ValueError: it names no element.
    """
    if label.isdecimal() and 1 <= int(label) < len(atomic_numbers) - 1:
        return next(s for s, number in atomic_numbers.items() if number == int(label)), None
    capital = label[:1].upper() + label[1:].lower() if label.isalpha() else label
    if capital in ISOTOPES:
        return "H", ISOTOPES[capital]
    found = _LABEL.fullmatch(capital)
    if found is None or found["symbol"] not in {*atomic_numbers, *ISOTOPES} - {"X"}:
        raise ValueError(f"{label!r} is no chemical element")
    if found["symbol"] in ISOTOPES:
        return "H", ISOTOPES[found["symbol"]]
    return found["symbol"], float(found["mass"]) if found["mass"] else None


def reduced_formula(composition: Mapping[str, int]) -> str:
    """Formula divided by its greatest common divisor, elements by alphabet.

    Equal crystals share one, whatever cell they are described in.

    Args:
        composition: atoms by element, e.g. ``{"Na": 4, "Cl": 4}`` for ``"Cl1Na1"``.
    """
    divisor = gcd(*composition.values())
    return "".join(f"{name}{composition[name] // divisor}" for name in sorted(composition))
