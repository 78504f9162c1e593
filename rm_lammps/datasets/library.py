"""Structures to put other elements into, in a compact file that travels with a model."""

import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product
from pathlib import Path

import ase
import numpy as np
from ase.cell import Cell
from ase.data import chemical_symbols
from numpy.typing import NDArray

from rm_lammps.chemistry.formula import reduced_formula
from rm_lammps.datasets.statistics import stoichiometry, symmetry_dataset
from rm_lammps.errors import UserError
from rm_lammps.files import replacing

_ELEMENTS = 2**8
"""More than there are elements."""
_ENERGY = "formation_energy_per_atom"
_STEPS = 2**16
"""Fractional coordinates are kept to 1/65536."""


class PrototypeLibrary:
    """Crystals, each with the number of its type.

    Types differ in the numbers of atoms of their elements, in space group or in Wyckoff letters;
    rm-train also tells apart what differs in its free parameters.

    Args:
        numbers: atomic numbers of all structures one after the other, shape (atoms,).
        fractions: fractional coordinates in units of 1/65536, shape (atoms, 3).
        cells: shape (n, 3, 3), Å.
        ends: where each structure's atoms end, shape (n,).
        types: of each structure, shape (n,).
        places: of the elements by atomic number, similar ones near each other, shape (119, any);
            those of :func:`pettifor_places` unless given.
        groups: space group of each structure, shape (n,); 0 where its cell is not primitive or
            spglib finds none, and for libraries of earlier versions.
        letters: Wyckoff letters of each structure's orbits, those of its elements in order of
            atomic number, shape (n,): ``"a bb"`` for one orbit of the first element, two of the
            second.
        lattices: lengths (Å) and angles (degrees) of each structure's conventional cell, shape
            (n, 6).
        names: by which the source knows each structure, ``mp-22862`` for example, shape (n,);
            empty where it has none, and for libraries of earlier versions.
        energies: of formation by the source, eV per atom, shape (n,); nan where unknown.
    """

    def __init__(
        self,
        numbers: NDArray[np.uint8],
        fractions: NDArray[np.uint16],
        cells: NDArray[np.float32],
        ends: NDArray[np.int64],
        types: NDArray[np.int64],
        places: NDArray[np.float32] | None = None,
        groups: NDArray[np.uint8] | None = None,
        letters: NDArray[np.str_] | None = None,
        lattices: NDArray[np.float32] | None = None,
        names: NDArray[np.str_] | None = None,
        energies: NDArray[np.float32] | None = None,
    ) -> None:
        self._numbers = numbers
        self._fractions = fractions
        self._cells = cells
        self._ends = ends
        self.types = types
        self.places = pettifor_places() if places is None else places
        n = len(ends)
        self.groups = np.zeros(n, dtype=np.uint8) if groups is None else groups
        self.letters = np.full(n, "") if letters is None else letters
        self.lattices = np.zeros((n, 6), dtype=np.float32) if lattices is None else lattices
        self.names = np.full(n, "") if names is None else names
        self.energies = np.full(n, np.nan, dtype=np.float32) if energies is None else energies

    def __len__(self) -> int:
        return len(self._ends)

    @classmethod
    def of(cls, frames: Sequence[ase.Atoms]) -> "PrototypeLibrary":
        """Collect crystals.

        Args:
            frames: all periodic; Å. ``info["material_id"]`` or ``info["name"]`` names one, and
                ``info["formation_energy_per_atom"]`` is kept.
        """
        found = [_Symmetry.of(atoms) for atoms in frames]
        _, types = np.unique([symmetry.type for symmetry in found], return_inverse=True)
        fractions = np.concatenate([atoms.get_scaled_positions() for atoms in frames])
        return cls(
            np.concatenate([atoms.numbers for atoms in frames]).astype(np.uint8),
            (np.rint(fractions * _STEPS).astype(np.int64) % _STEPS).astype(np.uint16),
            np.array([atoms.cell.array for atoms in frames], dtype=np.float32),
            np.cumsum([len(atoms) for atoms in frames]),
            types,
            groups=np.array([symmetry.group for symmetry in found], dtype=np.uint8),
            letters=np.array([symmetry.letters for symmetry in found]),
            lattices=np.array([symmetry.lattice for symmetry in found], dtype=np.float32),
            names=np.array([_name(atoms) for atoms in frames]),
            energies=np.array([atoms.info.get(_ENERGY, np.nan) for atoms in frames], np.float32),
        )

    def numbers(self, index: int) -> NDArray[np.uint8]:
        """Atomic numbers of one structure, shape (n,)."""
        return self._numbers[self._ends[index - 1] if index else 0 : self._ends[index]]

    def formula(self, index: int) -> str:
        """Reduced formula of one structure."""
        symbols = (chemical_symbols[number] for number in self.numbers(index))
        return reduced_formula(Counter(symbols))

    def by_counts(self) -> dict[tuple[int, ...], tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Structures by the numbers of atoms of their elements, smallest number first.

        Returns:
            For each such numbers, indices of the structures, shape (n,), and their elements in the
            order of the numbers, shape (n, number of elements).
        """
        owner = np.repeat(np.arange(len(self)), np.diff(self._ends, prepend=0))
        codes, counts = np.unique(owner * _ELEMENTS + self._numbers, return_counts=True)
        owner, elements = np.divmod(codes, _ELEMENTS)
        order = np.lexsort((elements, counts, owner))
        ends = np.searchsorted(owner, np.arange(1, len(self)))
        members: dict[tuple[int, ...], list[tuple[int, NDArray[np.int64]]]] = defaultdict(list)
        parts = (np.split(values[order], ends) for values in (counts, elements))
        for index, (of_each, own) in enumerate(zip(*parts, strict=True)):
            members[tuple(of_each.tolist())].append((index, own))
        return {
            of_each: (np.array([index for index, _ in some]), np.array([own for _, own in some]))
            for of_each, some in members.items()
        }

    def dissimilarity(self) -> NDArray[np.floating]:
        """Of each pair of elements by its places now: ln(1 + d²), d their distance."""
        differences = self.places[:, None] - self.places
        return np.asarray(np.log1p(np.square(differences).sum(axis=2)))

    def atoms(self, index: int) -> ase.Atoms:
        """One structure, Å."""
        numbers = self.numbers(index)
        fractions = self._fractions[self._ends[index] - len(numbers) : self._ends[index]]
        return ase.Atoms(
            numbers, scaled_positions=fractions / _STEPS, cell=self._cells[index], pbc=True
        )

    def save(self, path: Path) -> None:
        """Write the library.

        Raises:
            UserError: it can't be written.
        """
        with replacing(path, "wb") as stream:
            np.savez_compressed(
                stream,
                numbers=self._numbers,
                fractions=self._fractions,
                cells=self._cells,
                ends=self._ends,
                types=self.types,
                places=self.places,
                groups=self.groups,
                letters=self.letters,
                lattices=self.lattices,
                names=self.names,
                energies=self.energies,
            )

    @classmethod
    def load(cls, path: Path) -> "PrototypeLibrary":
        """Read a library.

        Raises:
            UserError: there is none, or it is damaged.
        """
        try:
            with np.load(path) as arrays:
                return cls(**arrays)
        except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise UserError(
                f"{path} is no library of prototypes: {error}", "Deploy the model again."
            ) from error


def _name(atoms: ase.Atoms) -> str:
    return str(atoms.info.get("material_id", atoms.info.get("name", "")))


@lru_cache(maxsize=1)
def pettifor_order() -> NDArray[np.int64]:
    """Pettifor's chemical order (J. Phys. C 19, 285 (1986)) by atomic number, shape (119,).

    Elements without a number there come last.
    """
    # pymatgen takes long to load, and many runs have no prototypes
    from pymatgen.core import Element

    known = [Element(symbol).mendeleev_no for symbol in chemical_symbols[1:104]]
    last = max(n for n in known if n)
    return np.array([last, *(n or last for n in known), *(15 * [last])], dtype=np.int64)


def pettifor_places() -> NDArray[np.float32]:
    """Places whose squared distance is the number of steps in Pettifor's order, shape (119, n)."""
    order = pettifor_order()
    return (order[:, None] > np.arange(order.max())).astype(np.float32)


@dataclass(frozen=True)
class _Symmetry:
    """What spglib says of a crystal."""

    type: str
    group: int = 0
    letters: str = ""
    lattice: tuple[float, ...] = 6 * (0.0,)

    @classmethod
    def of(cls, atoms: ase.Atoms) -> "_Symmetry":
        found = symmetry_dataset(atoms)
        if found is None:
            return cls(f"{stoichiometry(atoms)} 1")
        kind = f"{stoichiometry(atoms)} {found.number} {''.join(sorted(found.wyckoffs))}"
        if len(np.unique(found.mapping_to_primitive)) < len(atoms):
            return cls(kind)
        letters = []
        for number in np.unique(atoms.numbers):
            own = atoms.numbers == number
            orbits = np.unique(found.crystallographic_orbits[own])
            letters.append("".join(sorted(found.wyckoffs[k] for k in orbits)))
        lattice = Cell(found.std_lattice).cellpar()
        return cls(kind, found.number, " ".join(letters), tuple(lattice))


def ways_to_replace(counts: Sequence[int]) -> Iterator[list[int]]:
    """All ways to place elements: for each, its place among the structure's, rarest first.

    Args:
        counts: atoms of each element.
    """
    ranked = np.argsort(counts, kind="stable")
    ordered = np.array(counts)[ranked]
    blocks = [np.flatnonzero(ordered == n).tolist() for n in np.unique(ordered)]
    for choice in product(*(permutations(block) for block in blocks)):
        way = np.empty(len(counts), dtype=int)
        way[ranked] = [place for block in choice for place in block]
        yield way.tolist()


def best_replacement(
    dissimilarity: NDArray[np.floating],
    elements: NDArray[np.int64],
    ways: NDArray[np.int64],
    own: Sequence[int],
) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
    """For each structure, the way of replacing its elements that changes least.

    Args:
        dissimilarity: of each pair of elements, from :meth:`PrototypeLibrary.dissimilarity`.
        elements: of the structures, from :meth:`PrototypeLibrary.by_counts`, shape (n, their
            elements).
        ways: place among a structure's elements of each of the new ones, shape (ways, m).
        own: atomic numbers of the new elements, shape (m,).

    Returns:
        Atomic number that each new element replaces, shape (n, m), and the sum of the
        dissimilarities, shape (n,).
    """
    # shape (structures, ways)
    sums = dissimilarity[elements[:, ways], own].sum(axis=2)
    way, rows = sums.argmin(axis=1), np.arange(len(sums))
    return elements[rows[:, None], ways[way]], sums[rows, way]
