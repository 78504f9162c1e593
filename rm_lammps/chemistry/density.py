"""Density and volume."""

from collections import Counter
from collections.abc import Iterable

from ase.data import atomic_masses, atomic_numbers
from ase.units import kg

_UNIT = 1e27 / kg
"""Å³ that an atomic mass unit fills at 1 g/cm³."""


def volume_of(symbols: Iterable[str], density: float) -> float:
    """Volume that atoms fill, Å³.

    Args:
        symbols: chemical symbols of the atoms.
        density: g/cm³.
    """
    counts = Counter(symbols)
    mass = sum(n * atomic_masses[atomic_numbers[symbol]] for symbol, n in counts.items())
    return float(mass * _UNIT / density)
