"""Seeds inside something: a host's atoms, and others placed at random among them."""

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import ase
import numpy as np
from pydantic import Field

from rm_lammps.errors import UserError
from rm_lammps.geometry import Array, minimum_image, reduced
from rm_lammps.seeds.hosts import check_overlap, cut_host, in_words, points_in, read_host
from rm_lammps.seeds.seeder import SEEDS, Content, ModelFacts, Seed, Seeder, SeedRequest
from rm_lammps.seeds.selection import select, within
from rm_lammps.settings import Miller, Words

_CANDIDATES = 48
_POOLS = 8
_SHRINK = 0.95
_BONDED = 1.3
"""Reach for molecules, in units of the shortest distance."""
_PROBES = 4096
_ABOVE = 3.0
"""Å above a slab in which atoms begin."""


@SEEDS.register
class InsideSeeds(Seeder):
    """Atoms at random places in or on a host, whose atoms stay where they are."""

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
    remove: Words = Field((), description="atoms of the host to leave out, named as in fix")
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
        symbols = self._host(content, model).get_chemical_symbols()
        added = [symbol for symbol, n in content.composition.items() for _ in range(n)]
        return dict(Counter([*symbols, *added]))

    def check(self, content: Content, model: ModelFacts) -> None:
        """Check the host, and that there is room where atoms are to begin."""
        host = self._host(content, model)
        check_overlap(host, model, self.host)
        points = points_in(host, _PROBES, np.random.default_rng(0))
        regions = self._regions(host)
        if not within(regions, points).any():
            raise UserError(
                f"There is no room for atoms where {','.join(regions)}: the host's cell does "
                "not reach there.",
                f"Its corners are from {in_words(points.min(axis=0))} to "
                f"{in_words(points.max(axis=0))} Å.",
            )

    def draw(self, request: SeedRequest) -> Seed:
        """Place the atoms of the formula one after the other."""
        host, origin = self._drawn(self._host(request.content, request.model), request.rng)
        statistics = request.model.statistics
        atoms = host.copy()
        for symbol, n in request.composition.items():
            for _ in range(n):
                near = statistics.min_distance_matrix([symbol], atoms.get_chemical_symbols())[0]
                atoms += ase.Atom(symbol, self._place(host, atoms, near, request.rng))
        return Seed(atoms, {"host_atoms": len(host), **origin})

    def _drawn(
        self, host: ase.Atoms, rng: np.random.Generator
    ) -> tuple[ase.Atoms, Mapping[str, Any]]:
        """The host of one seed, and what to keep of how it was drawn."""
        return host, {}

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
                points = points_in(host, _CANDIDATES, rng)
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

    def _regions(self, host: ase.Atoms) -> tuple[str, ...]:
        """Where atoms begin: above a slab, unless other regions are given."""
        slab = self.miller is not None or (host.pbc.any() and not host.pbc.all())
        if self.where or not slab:
            return self.where
        top = float(host.positions[:, 2].max())
        return (f"z={top:.4f}:{top + _ABOVE:.4f}",)

    def _host(self, content: Content, model: ModelFacts) -> ase.Atoms:
        """Read the host once."""
        name = model.system.name
        if name not in self._hosts:
            self._hosts[name] = self._read(model)
        return self._hosts[name]

    def _read(self, model: ModelFacts) -> ase.Atoms:
        host = read_host(self.host, model)
        lowest = np.ones(len(host), dtype=bool)
        if self.miller is not None:
            host, layer = cut_host(host, self.miller, self.layers, self.free, self.vacuum)
            lowest = layer < self.layers - self.free
        host = model.system.adopt_host(host)
        held = select(self.fix, host) & lowest
        kept = ~select(self.remove, host)
        host, held = host[kept], held[kept]
        if held.any():
            from ase.constraints import FixAtoms  # slow to import

            host.set_constraint(FixAtoms(mask=held))
        return host
