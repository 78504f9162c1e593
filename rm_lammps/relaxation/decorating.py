"""Searches for the elements that belong on the sites of a structure."""

from abc import abstractmethod

import ase
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rm_lammps.relaxation.attempt import Attempt
from rm_lammps.relaxation.outcome import StopError
from rm_lammps.relaxation.relaxation import Relaxation
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.relaxation.stage import RelaxingSearch

_LEAST_GAIN = 1e-5
"""Pseudo-eV per atom; less is rounding."""


class Decorating(RelaxingSearch):
    """A search that changes elements on the sites as they are, by the Metropolis rule.

    Each round tries changes at a temperature that falls to zero, then relaxes the best decoration
    that it met. The best relaxed structure is kept.
    """

    holds = True

    number: int = Field(100, ge=1, description="changes tried, each round")
    rounds: int = Field(2, ge=1, description="at most; a round without gain is the last")
    temperature: float = Field(
        0.0, ge=0, description="at the start of a round, pseudo-eV; 0: downhill alone"
    )

    relax_each: bool = Field(
        False,
        description="relax every change instead of looking at it on the sites as they are: for "
        "orders that a strain or a displacement of the sites makes the lowest",
    )

    @abstractmethod
    def movable(self, atoms: ase.Atoms) -> NDArray[np.int64]:
        """Numbers of the atoms whose elements may change, of which a change can be made."""

    @abstractmethod
    def changed(
        self, atoms: ase.Atoms, movable: NDArray[np.int64], rng: np.random.Generator
    ) -> ase.Atoms | None:
        """Another decoration of the sites, at random; ``None`` where this draw led to none."""

    def apply(self, session: LammpsSession, before: ase.Atoms, after: ase.Atoms) -> None:
        """Let LAMMPS have another decoration than before."""
        session.load(after)

    def offset(self, atoms: ase.Atoms) -> float:
        """What the composition adds to the energy, pseudo-eV."""
        return 0.0

    def check_elements(self, relaxation: Relaxation) -> None:
        """Check that the model knows what may come onto the sites.

        Raises:
            UserError: it does not.
        """

    def search(self, relaxation: Relaxation, best: Attempt) -> Attempt:
        """Change elements until a round gains nothing."""
        self.check_elements(relaxation)
        # an atom that has become another is still on one of the sites that were chosen
        movable = self.movable(best.structure)
        if not len(movable):
            return best
        for _ in range(self.rounds):
            relaxation.check_dropped()
            if self.relax_each:
                trial = self._walked(relaxation, best, movable)
                if trial is best:
                    return best
                best = trial
                continue
            decorated = self._decorated(relaxation, best.structure, movable)
            if decorated is None:
                if best.stop is None:
                    return best
                # the lowest decoration from the start, but not relaxed yet
                decorated = best.structure
            trial = relaxation.attempt(decorated, self.relax)
            if not self._merit(relaxation, trial) < self._merit(relaxation, best) - _LEAST_GAIN:
                return best
            best = trial
        return best

    def _merit(self, relaxation: Relaxation, attempt: Attempt) -> float:
        """E~ + pV and what the composition adds, pseudo-eV per atom."""
        return relaxation.merit(attempt) + self.offset(attempt.structure) / len(attempt.structure)

    def _walked(self, relaxation: Relaxation, best: Attempt, movable: NDArray[np.int64]) -> Attempt:
        """The best of a round whose changes are relaxed one by one."""
        rng, now = relaxation.rng, best
        for number in range(self.number):
            other = self.changed(now.structure, movable, rng)
            if other is None:
                continue
            relaxation.check_dropped()
            trial = relaxation.attempt(other, self.relax)
            rise = self._merit(relaxation, trial) - self._merit(relaxation, now)
            heat = self.temperature * (1 - number / self.number) / len(other)
            # a failure after a failure rises by no number
            if not rise <= 0 and not (heat > 0 and rng.random() < np.exp(-rise / heat)):
                continue
            now = trial
            gain = self._merit(relaxation, best) - self._merit(relaxation, now)
            if gain > _LEAST_GAIN:
                best = now
        return best

    def _decorated(
        self, relaxation: Relaxation, start: ase.Atoms, movable: NDArray[np.int64]
    ) -> ase.Atoms | None:
        """The lowest decoration of the sites; ``None`` where the one at the start is."""
        rng, session = relaxation.rng, relaxation.session
        now, lowest = start, None
        try:
            session.load(start)
            energy = least = session.evaluate().energy + self.offset(start)
            for number in range(self.number):
                other = self.changed(now, movable, rng)
                if other is None:
                    continue
                self.apply(session, now, other)
                found = session.evaluate().energy + self.offset(other)
                heat = self.temperature * (1 - number / self.number)
                if found > energy and not (
                    heat > 0 and rng.random() < np.exp((energy - found) / heat)
                ):
                    self.apply(session, other, now)
                    continue
                now, energy = other, found
                if energy < least - _LEAST_GAIN:
                    least, lowest = energy, now
        except StopError:
            # two atoms of other elements may be too close for numbers
            session.discard()
        return lowest
