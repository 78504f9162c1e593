"""Seeds inside something: a host's atoms, and others placed at random among them."""

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import ase
import numpy as np
from ase.constraints import FixAtoms
from numpy.typing import NDArray
from pydantic import Field

from rm_lammps.chemistry.formula import check_known
from rm_lammps.errors import UserError
from rm_lammps.geometry import Array, minimum_image, pairs_of, reduced
from rm_lammps.seeds.seeder import SEEDS, Content, ModelFacts, Seed, Seeder, SeedRequest
from rm_lammps.seeds.selection import select, within
from rm_lammps.seeds.surfaces import cut
from rm_lammps.settings import Miller, Words
from rm_lammps.systems import find_system

_CANDIDATES = 48
_POOLS = 8
_SHRINK = 0.95
_MARGIN = 3.0
"""Å around a molecule in which atoms are placed."""
_BONDED = 1.3
"""Reach for molecules, in units of the shortest distance."""
_OVERLAP = 0.6
"""Of the data's shortest distance: closer atoms of a host are a mistake."""
_PROBES = 4096
_ABOVE = 3.0
"""Å above a slab in which atoms begin."""


@SEEDS.register
class InsideSeeds(Seeder):
    """Atoms placed at random in or on a host, whose atoms stay as they are."""

    name = "inside"
    suits = frozenset({"crystal", "molecule", "layer", "slab"})

    host: Path = Field(description="file with the host structure")
    fix: Words = Field(
        ("all",),
        description="atoms of the host that stay where they are: all, none, elements, numbers "
        "from 0 (0-11), tag=1, regions in Å (z<5, z=2:7), with commas",
    )
    miller: Miller | None = Field(
        None, description="indices of a surface: the host is a slab cut from the file's crystal"
    )
    layers: int = Field(4, ge=1, le=100, description="thickness of the slab, in crystal cells")
    free: int = Field(1, ge=0, description="layers of the slab that don't stay, from the top")
    vacuum: float = Field(12.0, gt=0, description="from a slab to its image above, Å")
    remove: Words = Field((), description="atoms of the host to leave out, named likewise")
    where: Words = Field(
        (), description="regions that the other atoms begin in, all of them, e.g. z>8,z<12"
    )
    min_distance: float = Field(
        0.8, ge=0, le=1, description="in units of the pair's shortest distance in the data"
    )
    reach: float | None = Field(
        None,
        gt=1,
        description="begin no farther from another atom, in the same units; default: anywhere in "
        "crystals, 1.3 in molecules",
    )

    @cached_property
    def _hosts(self) -> dict[str, ase.Atoms]:
        return {}

    def total(self, content: Content, model: ModelFacts) -> Mapping[str, int]:
        """Atoms of host and formula together, by element."""
        symbols = self._host(model).get_chemical_symbols()
        added = [symbol for symbol, n in content.composition.items() for _ in range(n)]
        return dict(Counter([*symbols, *added]))

    def check(self, content: Content, model: ModelFacts) -> None:
        """Check the host, and that there is room where atoms are to begin."""
        host = self._host(model)
        _check_overlap(host, model, self.host)
        points = _points(host, _PROBES, np.random.default_rng(0))
        regions = self._regions(host)
        if not within(regions, points).any():
            raise UserError(
                f"There is no room for atoms where {','.join(regions)}: the host's cell does "
                "not reach there.",
                f"Its corners are from {_numbers(points.min(axis=0))} to "
                f"{_numbers(points.max(axis=0))} Å.",
            )

    def draw(self, request: SeedRequest) -> Seed:
        """Place the atoms of the formula one after the other."""
        host = self._host(request.model)
        statistics = request.model.statistics
        atoms = host.copy()
        for symbol, n in request.composition.items():
            for _ in range(n):
                near = statistics.min_distance_matrix([symbol], atoms.get_chemical_symbols())[0]
                atoms += ase.Atom(symbol, self._place(host, atoms, near, request.rng))
        return Seed(atoms, {"host_atoms": len(host)})

    def _place(
        self, host: ase.Atoms, atoms: ase.Atoms, near: Array, rng: np.random.Generator
    ) -> Array:
        """A place away from other atoms, and not too far; distances give way by 5 % at a time.

        Args:
            host: in whose cell it is.
            atoms: those that are there.
            near: shortest distance in the data from each, shape (n,), Å.
            rng: source of randomness.
        """
        periodic = bool(host.pbc.any())
        cell = reduced(host.cell.array) if periodic else None
        reach = self.reach or (None if periodic else _BONDED)
        least, regions = self.min_distance, self._regions(host)
        while True:
            for _ in range(_POOLS):
                points = _points(host, _CANDIDATES, rng)
                points = points[within(regions, points)]
                apart = points[:, None] - atoms.positions[None]
                if cell is not None:
                    apart = minimum_image(apart, cell)
                shares = np.linalg.norm(apart, axis=-1) / near
                fits = (shares >= least).all(axis=1)
                if reach is not None:
                    fits &= (shares <= max(reach, least / _SHRINK)).any(axis=1)
                if fits.any():
                    return np.asarray(points[np.flatnonzero(fits)[0]])
            least *= _SHRINK
            reach = None if reach is None else reach / _SHRINK

    def _slab(self, crystal: ase.Atoms) -> tuple[ase.Atoms, NDArray[np.bool_]]:
        """A slab cut from the crystal, and which of its atoms are below the free layers."""
        if not crystal.pbc.all():
            raise UserError("A surface is cut from a crystal.", "Leave out miller.")
        if self.free > self.layers:
            raise UserError(
                f"{self.free} layers are to be free, but the slab has {self.layers}.",
                "Give fewer free layers, or more layers.",
            )
        slab, layer = cut(crystal, self.miller or (0, 0, 0), self.layers, self.vacuum)
        return slab, layer < self.layers - self.free

    def _regions(self, host: ase.Atoms) -> tuple[str, ...]:
        """Where atoms begin: above a slab, unless other regions are given."""
        slab = self.miller is not None or (host.pbc.any() and not host.pbc.all())
        if self.where or not slab:
            return self.where
        top = float(host.positions[:, 2].max())
        return (f"z={top:.4f}:{top + _ABOVE:.4f}",)

    def _host(self, model: ModelFacts) -> ase.Atoms:
        """Read the host once."""
        name = model.system.name
        if name not in self._hosts:
            self._hosts[name] = self._read(model)
        return self._hosts[name]

    def _read(self, model: ModelFacts) -> ase.Atoms:
        from rm_lammps.datasets import read_structures  # which imports all of ase.io

        has_cell = model.system.has_cell
        frames = read_structures(self.host, find_system("crystal" if has_cell else "molecule"))
        if len(frames) > 1:
            raise UserError(
                f"{self.host} holds {len(frames)} structures; a host is one.",
                "Give a file with one structure.",
            )
        (found,) = frames
        check_known(sorted(set(found.get_chemical_symbols())), model.species, f"in {self.host}")
        cell = found.cell if has_cell else None
        host = ase.Atoms(found.numbers, found.positions, cell=cell, pbc=has_cell)
        host.set_tags(found.get_tags())
        lowest = np.ones(len(host), dtype=bool)
        if self.miller is not None:
            host, lowest = self._slab(host)
        host = model.system.adopt_host(host)
        held = select(self.fix, host) & lowest
        kept = ~select(self.remove, host)
        host, held = host[kept], held[kept]
        if held.any():
            host.set_constraint(FixAtoms(mask=held))
        return host


def _points(host: ase.Atoms, n: int, rng: np.random.Generator) -> Array:
    """Points anywhere in a host's cell, or in a box around a molecule, shape (n, 3), Å."""
    shares = rng.random((n, 3))
    if host.pbc.any():
        return np.asarray(shares @ host.cell.array)
    low, high = host.positions.min(axis=0) - _MARGIN, host.positions.max(axis=0) + _MARGIN
    return np.asarray(low + shares * (high - low))


def _check_overlap(host: ase.Atoms, model: ModelFacts, file: Path) -> None:
    """Refuse a host with atoms on top of each other."""
    symbols = host.get_chemical_symbols()
    elements = list(dict.fromkeys(symbols))
    limits = _OVERLAP * model.statistics.min_distance_matrix(elements, elements)
    of_each = np.array([elements.index(symbol) for symbol in symbols])
    i, j, distances = pairs_of("ijd", host, float(limits.max()))
    close = np.flatnonzero(distances < limits[of_each[i], of_each[j]])
    if len(close):
        first = close[0]
        raise UserError(
            f"Atoms {i[first]} ({symbols[i[first]]}) and {j[first]} ({symbols[j[first]]}) of "
            f"{file} are {distances[first]:.2f} Å apart, which is too close.",
            "Numbers are from 0. Mend the host, or leave atoms out with remove.",
        )


def _numbers(values: Array) -> str:
    return " ".join(f"{value:.1f}" for value in values)
