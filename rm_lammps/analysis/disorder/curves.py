"""Curves of a disordered cell: pair distributions, structure factors, angles between bonds."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement

import ase
import numpy as np
from ase.data import chemical_symbols

from rm_lammps.analysis.disorder.blocks import pairs_in_blocks
from rm_lammps.analysis.disorder.network import Network
from rm_lammps.geometry import Array

_RANGE, _BINS = 10.0, 200
"""Of g(r): Å, and number."""
_Q = np.arange(0.8, 20.001, 0.05)
"""1/Å."""
_ANGLE_BINS = 90
_ANGSTROM = 41.78214
"""Of the parametrisation of X-ray form factors by electron scattering (Peng, Doyle and Turner)."""


@dataclass(frozen=True)
class Curve:
    """A function as points."""

    x: Array
    y: Array


def pair_distributions(atoms: ase.Atoms) -> dict[str, Curve]:
    """Partial g(r) of each two elements, ``"O-Si"``; up to 10 Å, or half of a small cell."""
    numbers = atoms.numbers
    species = sorted(np.unique(numbers).tolist(), key=lambda number: chemical_symbols[number])
    place = np.zeros(max(species) + 1, dtype=int)
    place[species] = np.arange(len(species))
    edges = np.linspace(0.0, _RANGE, _BINS + 1)
    histogram = np.zeros((len(species), len(species), _BINS))
    for pairs in pairs_in_blocks(atoms, _RANGE):
        a, b = place[numbers[pairs.first]], place[numbers[pairs.second]]
        bins = np.minimum((pairs.distances / _RANGE * _BINS).astype(int), _BINS - 1)
        flat = (a * len(species) + b) * _BINS + bins
        histogram += np.bincount(flat, minlength=histogram.size).reshape(histogram.shape)
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    counts = np.array([(numbers == number).sum() for number in species])
    middle = 0.5 * (edges[1:] + edges[:-1])
    result = {}
    for i, j in combinations_with_replacement(range(len(species)), 2):
        ideal = counts[i] * counts[j] / atoms.get_volume() * shells
        name = f"{chemical_symbols[species[i]]}-{chemical_symbols[species[j]]}"
        result[name] = Curve(middle, histogram[i, j] / ideal)
    return result


def structure_factors(atoms: ase.Atoms, g: Mapping[str, Curve]) -> dict[str, Curve]:
    """Total S(q) as neutrons and X-rays see it (Faber and Ziman), from partial g(r).

    The pair distributions are cut off softly where they end (Lorch's window).

    Args:
        atoms: the cell.
        g: its partial pair distributions.
    """
    density = len(atoms) / atoms.get_volume()
    symbols, counts = np.unique(atoms.get_chemical_symbols(), return_counts=True)
    shares = dict(zip(symbols.tolist(), (counts / len(atoms)).tolist(), strict=True))
    partials = {name: _transform(curve, density) for name, curve in g.items()}
    weights = {
        "neutron": {s: np.full(len(_Q), _neutron_length(s)) for s in shares},
        "X-ray": {s: _form_factor(s) for s in shares},
    }
    result = {}
    for name, of in weights.items():
        mean = sum(shares[s] * of[s] for s in shares)
        total = np.zeros(len(_Q))
        for pair, partial in partials.items():
            a, b = pair.split("-")
            twice = 1 if a == b else 2
            total += twice * shares[a] * shares[b] * of[a] * of[b] * partial
        result[name] = Curve(_Q, 1 + total / mean**2)
    return result


def _transform(curve: Curve, density: float) -> Array:
    r, h = curve.x, curve.y - 1
    step = r[1] - r[0]
    window = np.sinc(r / (r[-1] + 0.5 * step))
    kernel = np.sinc(np.outer(_Q, r) / np.pi)
    transformed: Array = 4 * np.pi * density * step * (kernel @ (r**2 * h * window))
    return transformed


def _neutron_length(symbol: str) -> float:
    """Coherent scattering length, fm."""
    from pymatgen.analysis.diffraction.neutron import ATOMIC_SCATTERING_LEN

    return float(ATOMIC_SCATTERING_LEN[symbol])


def _form_factor(symbol: str) -> Array:
    """Atomic form factor for X-rays, electrons, at each q."""
    from pymatgen.analysis.diffraction.xrd import ATOMIC_SCATTERING_PARAMS

    s2 = (_Q / (4 * np.pi)) ** 2
    a, b = np.array(ATOMIC_SCATTERING_PARAMS[symbol]).T
    electrons = ase.data.atomic_numbers[symbol]
    factor: Array = electrons - _ANGSTROM * s2 * (np.exp(-np.outer(s2, b)) @ a)
    return factor


def angles(network: Network) -> dict[str, Curve]:
    """Distribution of the angle between two bonds of an atom, per degree, ``"O-Si-O"``."""
    lengths = np.linalg.norm(network.vectors, axis=1)
    directions = network.vectors / lengths[:, None]
    edges = np.linspace(0.0, 180.0, _ANGLE_BINS + 1)
    found: dict[str, Array] = {}
    begins, degrees = network.begins[:-1], network.degrees
    for k in range(1, int(degrees.max(initial=1))):
        # of each atom's bonds, each with the one that stands k places behind it
        for j in range(int(degrees.max()) - k):
            (some,) = np.nonzero(degrees > j + k)
            one, two = begins[some] + j, begins[some] + j + k
            cosines = np.einsum("ni,ni->n", directions[one], directions[two]).clip(-1, 1)
            degree = np.degrees(np.arccos(cosines))
            ends = np.sort(
                [network.numbers[network.second[one]], network.numbers[network.second[two]]], axis=0
            )
            keys = np.stack([ends[0], network.numbers[some], ends[1]], axis=1)
            for key in np.unique(keys, axis=0):
                name = "-".join(chemical_symbols[number] for number in key)
                counted, _ = np.histogram(degree[(keys == key).all(axis=1)], edges)
                found[name] = found.get(name, np.zeros(_ANGLE_BINS)) + counted
    middle = 0.5 * (edges[1:] + edges[:-1])
    return {
        name: Curve(middle, counts / (counts.sum() * (edges[1] - edges[0])))
        for name, counts in sorted(found.items())
    }
