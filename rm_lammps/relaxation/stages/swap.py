"""Exchanges of elements between sites."""

import ase
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rm_lammps.relaxation.attempt import Attempt
from rm_lammps.relaxation.held import kept_atoms
from rm_lammps.relaxation.outcome import StopError
from rm_lammps.relaxation.relaxation import Relaxation
from rm_lammps.relaxation.stage import STAGES, AnyStage, RelaxingSearch
from rm_lammps.relaxation.stages.cell import CellMinimisation
from rm_lammps.settings import Words

_LEAST_GAIN = 1e-5
"""Pseudo-eV per atom; less is rounding."""


@STAGES.register
class Swap(RelaxingSearch):
    """Exchange atoms of different elements, by the Metropolis rule, on E~ of the sites as they are.

    Each round tries exchanges at a temperature that falls to zero, then relaxes the best
    decoration that it met. The best relaxed structure is kept.
    """

    name = "swap"
    attempt_name = "swap"
    holds = True

    number: int = Field(100, ge=1, description="exchanges tried, each round")
    rounds: int = Field(2, ge=1, description="at most; a round without gain is the last")
    temperature: float = Field(
        0.0, ge=0, description="at the start of a round, pseudo-eV; 0: downhill alone"
    )
    elements: Words = Field((), description="exchange these alone; default: all")
    relax: tuple[AnyStage, ...] = Field((CellMinimisation(),), description="stages after a round")

    def search(self, relaxation: Relaxation, best: Attempt) -> Attempt:
        """Exchange until a round gains nothing."""
        movable = self._movable(best.structure)
        if len(np.unique(best.structure.numbers[movable])) < 2:
            return best
        for _ in range(self.rounds):
            relaxation.check_dropped()
            start = best.structure
            decorated = self._exchanged(relaxation, start, movable)
            if decorated is None:
                if best.stop is None:
                    return best
                # the lowest decoration from the start, but not relaxed yet
                decorated = start
            trial = relaxation.attempt(decorated, self.relax)
            if not relaxation.merit(trial) < relaxation.merit(best) - _LEAST_GAIN:
                return best
            best = trial
        return best

    def _movable(self, atoms: ase.Atoms) -> NDArray[np.int64]:
        """Numbers of the atoms that may be exchanged."""
        symbols = np.array(atoms.get_chemical_symbols())
        chosen = np.isin(symbols, self.elements) if self.elements else np.ones(len(atoms), bool)
        chosen[kept_atoms(atoms)] = False
        return np.flatnonzero(chosen)

    def _exchanged(
        self, relaxation: Relaxation, start: ase.Atoms, movable: NDArray[np.int64]
    ) -> ase.Atoms | None:
        """The lowest decoration of the sites; ``None`` where the one at the start is."""
        rng, session = relaxation.rng, relaxation.session
        numbers = start.numbers
        order, lowest = np.arange(len(start)), None
        try:
            session.load(start)
            energy = least = session.evaluate().energy
            for number in range(self.number):
                pair = _unlike(numbers, movable, rng)
                session.exchange(*pair)
                other = session.evaluate().energy
                heat = self.temperature * (1 - number / self.number)
                if other > energy and not (
                    heat > 0 and rng.random() < np.exp((energy - other) / heat)
                ):
                    session.exchange(*pair)
                    continue
                order[list(pair)] = order[list(pair)[::-1]]
                energy = other
                if energy < least - _LEAST_GAIN:
                    least, lowest = energy, start.copy()
                    lowest.positions[:] = start.positions[order]
        except StopError:
            # two atoms of other elements may be too close for numbers
            session.discard()
        return lowest


def _unlike(
    numbers: NDArray[np.integer], movable: NDArray[np.int64], rng: np.random.Generator
) -> tuple[int, int]:
    """Two atoms of different elements, at random."""
    first = int(movable[rng.integers(len(movable))])
    others = movable[numbers[movable] != numbers[first]]
    return first, int(others[rng.integers(len(others))])
