"""Density and volume."""

from collections import Counter
from collections.abc import Iterable, Mapping

from ase.data import atomic_masses, atomic_numbers
from ase.units import kg

_UNIT = 1e27 / kg
"""Å³ that an atomic mass unit fills at 1 g/cm³."""


def volume_of(atoms: Iterable[str] | Mapping[str, int], density: float) -> float:
    """Volume that atoms fill, Å³.

    Args:
        atoms: chemical symbols of all, or the number of each element.
        density: g/cm³.
    """
    counts = Counter(atoms)
    mass = sum(n * atomic_masses[atomic_numbers[symbol]] for symbol, n in counts.items())
    return float(mass * _UNIT / density)
