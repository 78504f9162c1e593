"""Exchanges of elements between sites."""

import ase
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rm_lammps.relaxation.decorating import Decorating
from rm_lammps.relaxation.held import kept_atoms
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.relaxation.stage import STAGES, AnyStage
from rm_lammps.relaxation.stages.cell import CellMinimisation
from rm_lammps.settings import Words


@STAGES.register
class Swap(Decorating):
    """Exchange atoms of different elements, by the Metropolis rule, on E~ of the sites as they are.

    Each round tries exchanges at a temperature that falls to zero, then relaxes the best
    decoration that it met. The best relaxed structure is kept.
    """

    name = "swap"
    attempt_name = "swap"

    elements: Words = Field((), description="exchange these alone; default: all")
    relax: tuple[AnyStage, ...] = Field((CellMinimisation(),), description="stages after a round")

    def movable(self, atoms: ase.Atoms) -> NDArray[np.int64]:
        """Numbers of the atoms that may be exchanged; none where all are of one element."""
        symbols = np.array(atoms.get_chemical_symbols())
        chosen = np.isin(symbols, self.elements) if self.elements else np.ones(len(atoms), bool)
        chosen[kept_atoms(atoms)] = False
        found = np.flatnonzero(chosen)
        return found if len(np.unique(atoms.numbers[found])) > 1 else found[:0]

    def changed(
        self, atoms: ase.Atoms, movable: NDArray[np.int64], rng: np.random.Generator
    ) -> ase.Atoms:
        """Exchange the places of two atoms of different elements."""
        first = int(movable[rng.integers(len(movable))])
        others = movable[atoms.numbers[movable] != atoms.numbers[first]]
        pair = [first, int(others[rng.integers(len(others))])]
        exchanged = atoms.copy()
        exchanged.positions[pair] = atoms.positions[pair[::-1]]
        return exchanged

    def apply(self, session: LammpsSession, before: ase.Atoms, after: ase.Atoms) -> None:
        """Exchange the two atoms that are elsewhere, which is cheaper than all of them."""
        first, second = np.flatnonzero((before.positions != after.positions).any(axis=1))
        session.exchange(int(first), int(second))
