"""A disordered cell in numbers and curves, beside others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ase
import numpy as np
from ase.data import chemical_symbols

from rm_lammps.analysis.disorder.curves import (
    Curve,
    angles,
    pair_distributions,
    structure_factors,
)
from rm_lammps.analysis.disorder.network import LONGEST_RING, Network, enough_atoms
from rm_lammps.analysis.large_cells import density
from rm_lammps.datasets.shells import first_minimum
from rm_lammps.errors import UserError


@dataclass(frozen=True)
class Portrait:
    """What one cell looks like."""

    name: str
    atoms: int
    numbers: Mapping[str, float]
    """Single numbers by what they are: density, shares, energies."""
    curves: Mapping[str, Curve]

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "atoms": self.atoms,
            **{name: round(value, 6) for name, value in self.numbers.items()},
            "curves": {
                name: {"x": curve.x.round(4).tolist(), "y": curve.y.round(5).tolist()}
                for name, curve in self.curves.items()
            },
        }


def shell_of(atoms: ase.Atoms) -> float | None:
    """How far the neighbours of an atom reach in a cell of one element, Å; ``None`` in compounds.

    In compounds the lengths of bonds are those of covalent radii.
    """
    if len(set(atoms.numbers)) > 1 or not enough_atoms(atoms):
        return None
    return _end_of_shell(pair_distributions(atoms))


def _end_of_shell(g: Mapping[str, Curve]) -> float | None:
    (curve, *others) = g.values()
    return None if others else first_minimum(curve.x, curve.y)


def portray(
    atoms: ase.Atoms,
    name: str,
    extra: Mapping[str, float] | None = None,
    *,
    shell: float | None = None,
) -> Portrait:
    """Look at one cell.

    Args:
        atoms: periodic in three directions, Å.
        name: to call it by.
        extra: further numbers that are known of it, by what they are.
        shell: of :func:`shell_of`, alike for all that are compared; its own by default.

    Raises:
        UserError: it has too few atoms for curves and rings that mean something.
    """
    if not enough_atoms(atoms) or not atoms.pbc.all():
        raise UserError(
            f"{name} has {len(atoms)} atoms, too few for rings and distributions.",
            "Give periodic cells of at least 200 atoms, better thousands.",
        )
    g = pair_distributions(atoms)
    shell = _end_of_shell(g) if shell is None else shell
    network = Network.of(atoms, shell)
    rings = network.rings(np.random.default_rng(0))
    sizes = list(range(2, LONGEST_RING + 1))
    curves = {f"g(r) {pair}": curve for pair, curve in g.items()}
    curves |= {f"S(q) {of}": curve for of, curve in structure_factors(atoms, g).items()}
    curves |= {f"angle {of}": curve for of, curve in angles(network).items()}
    curves["rings"] = Curve(
        np.array(sizes, dtype=float), np.array([rings.get(n, 0.0) for n in sizes])
    )
    return Portrait(name, len(atoms), _numbers(atoms, network, shell) | dict(extra or {}), curves)


def _numbers(atoms: ase.Atoms, network: Network, shell: float | None) -> dict[str, float]:
    found = {"density (g/cm³)": density(atoms)}
    if shell is not None:
        found["neighbours up to (Å)"] = shell
    for number, shares in network.coordination().items():
        for neighbours, share in shares.items():
            found[f"{chemical_symbols[number]} with {neighbours} neighbours"] = share
    if network.compound:
        found["wrong bonds"] = network.wrong_share
    for number, shares in network.bridges().items():
        for bridges, share in shares.items():
            found[f"Q{bridges} of {chemical_symbols[number]}"] = share
    for number, share in network.edge_sharing().items():
        found[f"{chemical_symbols[number]} that shares an edge"] = share
    return found


@dataclass(frozen=True)
class Comparison:
    """How far cells are from samples, and how far these are from each other."""

    distances: Mapping[str, float]
    """Of each curve: root mean square difference from the samples' mean, mean over cells."""
    spreads: Mapping[str, float]
    """Of each curve: the same of each sample and the mean of the others; empty for one sample."""
    numbers: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Of each number: mean of the cells, and of the samples."""

    @property
    def ratios(self) -> dict[str, float]:
        """Distance in units of the spread."""
        return {
            name: self.distances[name] / spread
            for name, spread in self.spreads.items()
            if spread > 0 and name in self.distances
        }

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "distances": dict(self.distances),
            "spreads": dict(self.spreads),
            "ratios": self.ratios,
            "numbers": {name: list(pair) for name, pair in self.numbers.items()},
        }


def compare(cells: Sequence[Portrait], samples: Sequence[Portrait]) -> Comparison:
    """Put cells beside samples.

    Args:
        cells: at least one.
        samples: at least one; several tell the spread.
    """
    common = [name for name in samples[0].curves if all(name in s.curves for s in samples)]
    distances, spreads = {}, {}
    for name in common:
        curves = np.array([sample.curves[name].y for sample in samples])
        apart = [_rms(c.curves[name].y - curves.mean(axis=0)) for c in cells if name in c.curves]
        if apart:
            distances[name] = float(np.mean(apart))
        if len(samples) > 1:
            others = (curves.sum(axis=0) - curves) / (len(samples) - 1)
            spreads[name] = float(np.mean([_rms(row) for row in curves - others]))
    known = dict.fromkeys(name for one in (*samples, *cells) for name in one.numbers)
    return Comparison(
        distances, spreads, {name: (_mean(cells, name), _mean(samples, name)) for name in known}
    )


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _mean(portraits: Sequence[Portrait], name: str) -> float:
    return float(np.mean([one.numbers.get(name, 0.0) for one in portraits]))
