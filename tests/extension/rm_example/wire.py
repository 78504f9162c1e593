"""Wires: periodic along one direction, with vacuum around them."""

from collections.abc import Mapping
from typing import ClassVar

import ase
from pydantic import Field

from rm_lammps.systems import SYSTEMS, System


@SYSTEMS.register
class Wire(System):
    """Periodic along z only; the period relaxes."""

    name = "wire"
    plural = "wires"
    pbc = (False, False, True)
    fallback = "random"
    presets: ClassVar = {
        "wires": {
            "protocol": {
                "stages": [{"stage": "minimise", "ftol": 0.5}, {"stage": "box"}],
                "fmax": 0.5,
                "max_stress": 5.0,
            }
        }
    }

    vacuum: float = Field(6.0, gt=0, description="around the atoms of a seed, Å")

    def preset(self, n_species: int) -> str:
        """Take the wires' own, whatever the model."""
        return "wires"

    def seed_kinds(self, n_species: int, n_atoms: int) -> Mapping[str, float]:
        """Begin from random crystals."""
        return {"random": 1.0}

    def adopt(self, seed: ase.Atoms) -> ase.Atoms:
        """Cut the crystal loose along x and y."""
        wire = ase.Atoms(seed.numbers, seed.positions, cell=seed.cell, pbc=self.pbc)
        wire.center(vacuum=self.vacuum, axis=(0, 1))
        return wire

    def smallest(self, symbol: str) -> ase.Atoms:
        """Put two atoms beside each other."""
        cell = [10.0, 10.0, 3.0]
        return ase.Atoms([symbol] * 2, [[5, 5, 0], [6.5, 5, 0]], cell=cell, pbc=self.pbc)
