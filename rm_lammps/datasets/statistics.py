"""What seeds need to know of the training data; it travels with the model."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import pi, sqrt
from typing import Any

import ase
import numpy as np
import spglib
from ase.data import atomic_numbers
from pydantic import BaseModel, ConfigDict, model_validator

from rm_lammps.datasets.shells import Shells, shells_of
from rm_lammps.geometry import Array, pairs_of
from rm_lammps.systems import AnySystem, System, system_of

_SYMPREC = 0.1


def pair_key(a: str, b: str) -> str:
    """Name of an element pair, the same for both orders: ``pair_key("O", "C") == "C-O"``."""
    return "-".join(sorted((a, b)))


class DatasetStatistics(BaseModel):
    """Statistics of a set of equilibrium structures."""

    model_config = ConfigDict(extra="forbid")

    n_structures: int
    system: AnySystem
    """What the structures are."""
    species: list[str]
    """Chemical symbols in order of atomic number."""
    max_atoms: int
    volume_per_element: dict[str, float]
    """Å³ per atom, non-negative least squares; empty for systems without a cell."""
    min_distances: dict[str, float]
    """Å, keyed by :func:`pair_key`; pairs that never meet within the cutoff are absent."""
    cutoff: float
    """Å, the cutoff of the two entries below and of ``min_distances``."""
    neighbours_per_atom: float
    neighbours_per_element: dict[str, float]
    space_groups: dict[str, int] = {}
    """Structures by number of their space group (spglib, 0.1 Å); empty for systems that have none,
    and for models of earlier versions, like the two entries below."""
    stoichiometries: dict[str, int] = {}
    """Structures by the numbers of atoms of their elements in a cell, ascending: ``"1-1-3"``."""
    structures_per_element: dict[str, int] = {}
    """Structures that hold an element."""
    molecular_formulas: dict[str, int] = {}
    """Structures without a cell by formula, in Hill's order; empty for others."""
    gyration_radius: float = 0.0
    """Å, mean over structures without a cell of radius of gyration / (number of atoms)^(1/3); 0 for
    others."""
    shells: Shells | None = None
    """Neighbours in large cells; ``None`` for others, and for models of earlier versions."""

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_versions(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and "periodic" in fields:
            fields = dict(fields)
            fields["system"] = "crystal" if fields.pop("periodic") else "molecule"
        return fields

    @classmethod
    def of(
        cls, frames: Sequence[ase.Atoms], system: System | None = None, *, cutoff: float
    ) -> "DatasetStatistics":
        """Collect the statistics.

        Args:
            frames: validated structures.
            system: what they are; by their periodicity unless given.
            cutoff: neighbours within this distance count, Å.

        """
        system = system_of(frames[0]) if system is None else system
        has_cell, species = system.has_cell, _species(frames)
        distances: dict[str, float] = {}
        neighbours: dict[str, list[float]] = {s: [0.0, 0.0] for s in species}
        for atoms in frames:
            _count_pairs(atoms, cutoff, distances, neighbours)
        total_atoms = sum(n for n, _ in neighbours.values())
        total_neighbours = sum(m for _, m in neighbours.values())
        return cls(
            n_structures=len(frames),
            system=system,
            species=species,
            max_atoms=max(len(atoms) for atoms in frames),
            volume_per_element=_volumes(frames, species, system) if has_cell else {},
            min_distances=dict(sorted(distances.items())),
            cutoff=cutoff,
            neighbours_per_atom=total_neighbours / total_atoms,
            neighbours_per_element={s: m / n for s, (n, m) in neighbours.items()},
            space_groups=_space_groups(frames) if system.has_space_group else {},
            stoichiometries=_stoichiometries(frames),
            structures_per_element=_structures_per_element(frames, species),
            molecular_formulas={} if has_cell else _molecular_formulas(frames),
            gyration_radius=0.0 if has_cell else _gyration_radius(frames),
            shells=shells_of(frames, cutoff),
        )

    def cloud_radius(self, n_atoms: int) -> float:
        """Radius of a uniform ball with the mean radius of gyration of such molecules, Å."""
        return sqrt(5 / 3) * self.gyration_radius * n_atoms ** (1 / 3)

    def volume(self, composition: Mapping[str, int]) -> float:
        """Estimate the volume of a cell with this composition, Å³."""
        return sum(n * self.volume_per_element[symbol] for symbol, n in composition.items())

    def min_distance(self, a: str, b: str) -> float:
        """Shortest distance between two elements in the data, Å.

        Pairs that never met get the mean of the two elements' own contacts, from the data where
        there are any and from the volume per atom otherwise.
        """
        known = self.min_distances.get(pair_key(a, b))
        return known if known is not None else 0.5 * (self._contact(a) + self._contact(b))

    def min_distance_matrix(self, rows: Iterable[str], columns: Collection[str]) -> Array:
        """Shortest distance of each pair of elements, Å, shape (rows, columns)."""
        return np.array([[self.min_distance(a, b) for b in columns] for a in rows])

    def _contact(self, symbol: str) -> float:
        own = self.min_distances.get(pair_key(symbol, symbol))
        if own is not None:
            return own
        volume = self.volume_per_element.get(symbol, 0.0)
        if volume > 0:
            return 2.0 * (3.0 * volume / (4.0 * pi)) ** (1 / 3)
        return min(d for pair, d in self.min_distances.items() if symbol in pair.split("-"))


def _molecular_formulas(frames: Iterable[ase.Atoms]) -> dict[str, int]:
    return dict(sorted(Counter(atoms.get_chemical_formula("hill") for atoms in frames).items()))


def _gyration_radius(frames: Sequence[ase.Atoms]) -> float:
    extents = [np.sqrt(atoms.positions.var(axis=0).sum()) for atoms in frames]
    return float(np.mean(np.divide(extents, np.cbrt([len(atoms) for atoms in frames]))))


def _species(frames: Iterable[ase.Atoms]) -> list[str]:
    symbols = {symbol for atoms in frames for symbol in atoms.get_chemical_symbols()}
    return sorted(symbols, key=atomic_numbers.__getitem__)


def _space_groups(frames: Sequence[ase.Atoms]) -> dict[str, int]:
    counts: Counter[int] = Counter()
    for atoms in frames:
        found = symmetry_dataset(atoms)
        if found is not None:
            counts[found.number] += 1
    return {str(number): n for number, n in sorted(counts.items())}


def symmetry_dataset(atoms: ase.Atoms) -> Any:
    """What spglib says of a crystal, within 0.1 Å; ``None`` where it finds nothing."""
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    return spglib.get_symmetry_dataset(cell, symprec=_SYMPREC)


def stoichiometry(atoms: ase.Atoms) -> str:
    """Numbers of atoms of the elements, ascending: ``"1-1-3"``."""
    return "-".join(map(str, sorted(Counter(atoms.numbers.tolist()).values())))


def _stoichiometries(frames: Iterable[ase.Atoms]) -> dict[str, int]:
    return dict(sorted(Counter(map(stoichiometry, frames)).items()))


def _structures_per_element(frames: Iterable[ase.Atoms], species: Sequence[str]) -> dict[str, int]:
    counts = Counter(symbol for atoms in frames for symbol in set(atoms.get_chemical_symbols()))
    return {symbol: counts[symbol] for symbol in species}


def _count_pairs(
    atoms: ase.Atoms,
    cutoff: float,
    distances: dict[str, float],
    neighbours: dict[str, list[float]],
) -> None:
    symbols = np.array(atoms.get_chemical_symbols())
    i, j, d = pairs_of("ijd", atoms, cutoff)
    for symbol in set(symbols):
        neighbours[symbol][0] += float((symbols == symbol).sum())
        neighbours[symbol][1] += float((symbols[i] == symbol).sum())
    if len(d) == 0:
        return
    pairs = np.array([symbols[i], symbols[j]])
    pairs.sort(axis=0)
    codes, inverse = np.unique(pairs, axis=1, return_inverse=True)
    shortest = np.full(codes.shape[1], np.inf)
    np.minimum.at(shortest, inverse.ravel(), d)
    for (a, b), distance in zip(codes.T, shortest, strict=True):
        key = pair_key(str(a), str(b))
        distances[key] = min(distances.get(key, np.inf), float(distance))


def _volumes(
    frames: Sequence[ase.Atoms], species: Sequence[str], system: System
) -> dict[str, float]:
    column = {symbol: k for k, symbol in enumerate(species)}
    counts = np.zeros((len(frames), len(species)))
    for row, atoms in enumerate(frames):
        for symbol, n in atoms.symbols.formula.count().items():
            counts[row, column[symbol]] = n
    from scipy.optimize import nnls  # slow to import, and generation needs none of it

    volumes, _ = nnls(counts, np.array([system.volume(atoms) for atoms in frames]))
    return {symbol: float(v) for symbol, v in zip(species, volumes, strict=True)}
