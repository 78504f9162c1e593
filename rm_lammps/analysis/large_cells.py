"""What a large disordered cell looks like: density, neighbours, rings, pair distribution."""

from pathlib import Path
from typing import Any

import ase
import numpy as np
from ase.units import kg, m

from rm_lammps.chemistry.bonds import SHELL
from rm_lammps.datasets import DatasetStatistics
from rm_lammps.files import write_json
from rm_lammps.geometry import Array, pairs_of
from rm_lammps.runs.layout import SUPERCELLS
from rm_lammps.runs.merge import read_records

_RDF_RANGE, _RDF_BINS = 6.0, 120


def describe_all(folder: Path, num: int, statistics: DatasetStatistics) -> None:
    """Write ``supercells.json``: one entry for each converged seed.

    Args:
        folder: of the run, with its records.
        num: seeds of the run.
        statistics: of the training data; bonds of elements are 1.3 times its shortest distance.

    Raises:
        UserError: the file can't be written.
    """
    described = [
        {"seed": record.seed, **describe(record.frame(), statistics)}
        for record in read_records(folder, num)
        if record.converged
    ]
    write_json(folder / SUPERCELLS, described)


def describe(atoms: ase.Atoms, statistics: DatasetStatistics) -> dict[str, Any]:
    """Describe a large cell.

    Args:
        atoms: periodic structure, Å.
        statistics: of the training data.

    Returns:
        ``density`` (g/cm³), ``volume_per_atom`` (Å³), ``neighbours`` (share of atoms by number of
        neighbours), ``rings`` (share of the pairs of an atom's bonds by the length of the shortest
        ring through them), ``rdf`` (distances in Å and g(r)).
    """
    # pymatgen, which knows electronegativities, is slow to import
    from rm_lammps.analysis.disorder.network import Network

    symbol = atoms.get_chemical_symbols()[0]
    network = Network.of(atoms, SHELL * statistics.min_distance(symbol, symbol))
    counts = np.bincount(network.degrees)
    volume = atoms.get_volume()
    return {
        "density": density(atoms),
        "volume_per_atom": float(volume / len(atoms)),
        "neighbours": {str(n): float(c / len(atoms)) for n, c in enumerate(counts) if c},
        "rings": {str(n): share for n, share in network.rings(np.random.default_rng(0)).items()},
        "rdf": _rdf(atoms),
    }


def density(atoms: ase.Atoms) -> float:
    """Density of a crystal, g/cm³."""
    return float(atoms.get_masses().sum() / atoms.get_volume() / kg * 1e3 * m**3 / 1e6)


def _rdf(atoms: ase.Atoms) -> dict[str, list[float]]:
    distances: Array = pairs_of("d", atoms, _RDF_RANGE)
    counts, edges = np.histogram(distances, bins=_RDF_BINS, range=(0.0, _RDF_RANGE))
    shells = 4 / 3 * np.pi * np.diff(edges**3) * len(atoms) / atoms.get_volume()
    g = counts / (len(atoms) * shells)
    return {"r": (0.5 * (edges[1:] + edges[:-1])).round(4).tolist(), "g": g.round(4).tolist()}
