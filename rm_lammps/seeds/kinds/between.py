"""Seeds between two hosts: interfaces and grain boundaries."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import ase
import numpy as np
from pydantic import Field

from rm_lammps.errors import UserError
from rm_lammps.geometry import STIFF
from rm_lammps.seeds.hosts import cut_host, read_host
from rm_lammps.seeds.kinds.inside import InsideSeeds
from rm_lammps.seeds.seeder import SEEDS, Content, ModelFacts
from rm_lammps.seeds.selection import select
from rm_lammps.settings import Miller, Words

_UPRIGHT = 1e-3
"""Å; height of a vector that lies in the plane."""


@SEEDS.register
class BetweenSeeds(InsideSeeds):
    """Atoms placed at random in the gap between two hosts, each a slab.

    The fixed atoms of the lower host do not move. Those of the upper host move as one body: each
    seed shifts them at random within the plane, and the relaxation finds the width of the gap.
    """

    name = "between"
    suits = frozenset({"interface"})

    upper: Path = Field(description="file with the second host, above the gap")
    gap: float | None = Field(
        None, gt=0, description="width between the hosts, Å; default: by the volume of the formula"
    )
    mirror: bool = Field(
        False, description="mirror the upper host in the plane, for the boundary of two grains"
    )
    upper_miller: Miller | None = Field(
        None, description="indices of the upper host's surface; default: those of the lower one"
    )
    fix_upper: Words = Field(
        ("all",), description="atoms of the upper host that move as a whole, named as in fix"
    )
    shift: bool = Field(True, description="shift the upper host within the plane at random")
    mismatch: float = Field(
        0.05,
        ge=0,
        lt=1,
        description="by which the hosts' cells may differ within the plane; the upper is strained",
    )

    @cached_property
    def _uppers(self) -> dict[str, ase.Atoms]:
        return {}

    def _host(self, content: Content, model: ModelFacts) -> ase.Atoms:
        """Put the upper host above the lower one, as far away as the formula needs."""
        lower = super()._host(content, model)
        if model.system.name not in self._uppers:
            self._uppers[model.system.name] = self._upper(model, lower)
        upper = self._uppers[model.system.name].copy()
        gap = self.gap or _room_for(content, model, lower)
        top = float(lower.positions[:, 2].max())
        upper.positions[:, 2] += top + gap - upper.positions[:, 2].min()
        both = lower + upper
        # the lower host stays where its file has it
        below = float(lower.positions[:, 2].min())
        height = float(both.positions[:, 2].max()) + max(below, self.vacuum / 2)
        both.set_cell([lower.cell[0], lower.cell[1], [0, 0, height]])
        both.info["gap"] = (top, top + gap)
        return both

    def _upper(self, model: ModelFacts, lower: ase.Atoms) -> ase.Atoms:
        """Read the upper host, in the cell of the lower one."""
        host = read_host(self.upper, model)
        fixed = np.ones(len(host), dtype=bool)
        miller = self.upper_miller or self.miller
        if miller is not None:
            host, layer = cut_host(host, miller, self.layers, self.free, self.vacuum)
            # the free layers are those that face the gap
            fixed = layer < self.layers - self.free if self.mirror else layer >= self.free
        host = model.system.adopt_host(host)
        host.set_array(STIFF, select(self.fix_upper, host) & fixed)
        self._check_match(host, lower)
        if self.mirror:
            host.positions[:, 2] *= -1
        host.set_cell([lower.cell[0], lower.cell[1], host.cell[2]], scale_atoms=True)
        return host

    def _check_match(self, upper: ase.Atoms, lower: ase.Atoms) -> None:
        """Check that the hosts fit onto each other, and are both upright in LAMMPS's way.

        Raises:
            UserError: they don't.
        """
        for host, file in ((lower, self.host), (upper, self.upper)):
            if np.abs(host.cell.array[:2, 2]).max() > _UPRIGHT:
                raise UserError(
                    f"The surface normal of {file} is not along z.",
                    "Turn the structure, or cut a slab with miller.",
                )
        # of the strain that brings one plane to the other, whichever way they are turned
        plane, other = lower.cell.standard_form()[0], upper.cell.standard_form()[0]
        strain = np.linalg.solve(other.array[:2, :2], plane.array[:2, :2]) - np.eye(2)
        worst = float(np.abs(strain).max())
        if worst > self.mismatch:
            words = [
                f"{file} {a:.2f} and {b:.2f} Å at {angle:.1f} degrees"
                for file, (a, b, *_, angle) in (
                    (self.host, lower.cell.cellpar()),
                    (self.upper, upper.cell.cellpar()),
                )
            ]
            raise UserError(
                f"The hosts' cells differ by {100 * worst:.1f} % within the plane, and "
                f"{100 * self.mismatch:.1f} % are allowed: {', '.join(words)}.",
                "Give supercells that fit, or a larger mismatch: the upper host is strained by it.",
            )

    def _regions(self, host: ase.Atoms) -> tuple[str, ...]:
        """Where atoms begin: in the gap, unless other regions are given."""
        if self.where or "gap" not in host.info:
            return self.where
        low, high = host.info["gap"]
        return (f"z={low:.4f}:{high:.4f}",)

    def _drawn(
        self, host: ase.Atoms, rng: np.random.Generator
    ) -> tuple[ase.Atoms, Mapping[str, Any]]:
        """Shift the upper host within the plane."""
        low, high = host.info["gap"]
        if not self.shift:
            return host, {"gap": high - low}
        shares = rng.random(2)
        drawn = host.copy()
        drawn.positions[drawn.positions[:, 2] > (low + high) / 2] += shares @ host.cell.array[:2]
        shifted = {"shift_a": float(shares[0]), "shift_b": float(shares[1])}
        return drawn, {"gap": high - low, **shifted}


def _room_for(content: Content, model: ModelFacts, lower: ase.Atoms) -> float:
    """Width of a gap that the formula fills, with an atom's size between the hosts, Å."""
    volume = model.statistics.volume(content.composition)
    area = float(np.linalg.norm(np.cross(lower.cell[0], lower.cell[1])))
    atoms = sum(content.composition.values())
    return volume / area + (volume / atoms) ** (1 / 3)
