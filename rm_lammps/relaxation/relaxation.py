"""One seed on its way to a structure."""

from collections.abc import Callable, Sequence
from pathlib import Path

import ase
import numpy as np
from ase.units import GPa
from numpy.typing import NDArray

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.errors import UserError
from rm_lammps.geometry import perturb
from rm_lammps.geometry.neighbours import pairs_of
from rm_lammps.relaxation.attempt import Attempt
from rm_lammps.relaxation.held import held_atoms, kept_atoms, without_motion
from rm_lammps.relaxation.keeping import Keeper, Place
from rm_lammps.relaxation.kept_symmetry import symmetric_change
from rm_lammps.relaxation.outcome import (
    DroppedError,
    Evaluation,
    Failure,
    Reason,
    Relaxed,
    StopError,
    classify,
)
from rm_lammps.relaxation.protocol import Protocol
from rm_lammps.relaxation.session import BAR_PER_GPA, LammpsSession
from rm_lammps.relaxation.stage import Search, Stage
from rm_lammps.systems import System, system_of

_SMALL_VOLUME = 1e-3
"""Å³."""
_ATOM_STEPS = 10_000_000
"""Between two looks at whether to go on: some minutes."""
_FUSED = 0.5
"""Of the shortest distance of two elements in the training data."""


class Relaxation:
    """One seed on its way.

    Args:
        session: that relaxes it.
        atoms: the seed.
        protocol: stages and tolerances.
        rng: for stages that draw numbers.
        dropped: asked between pieces of work; ``True`` ends them.
        system: what the seed is; by its periodicity unless given.
        keeper: of where it is, before any search.
    """

    def __init__(
        self,
        session: LammpsSession,
        atoms: ase.Atoms,
        protocol: Protocol,
        rng: np.random.Generator,
        dropped: Callable[[], bool],
        system: System | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        self.session = session
        self.protocol = protocol
        self.rng = rng
        self.pressure = protocol.pressure
        """External, GPa of E~ units; stages may change it."""
        self.system: System = system_of(atoms) if system is None else system
        self._dropped = dropped
        self._seed_volume = atoms.get_volume() if self.system.has_cell else 0.0
        self._atoms = atoms
        self._keeper = keeper
        self._place: Place | None = None if keeper is None else keeper.find()
        self._began = session.evaluations() - (self._place.evaluations if self._place else 0)
        self._stage = 0
        self._random = dict(rng.bit_generator.state)

    @property
    def statistics(self) -> DatasetStatistics:
        """Of the model's training data."""
        return self.session.bundle.statistics

    @property
    def strained(self) -> NDArray[np.bool_]:
        """Components of the strain that relax, shape (3, 3)."""
        free = np.array([axis in self.protocol.axes for axis in "xyz"])
        return self.system.strained & np.logical_and.outer(free, free)

    @property
    def pressure_bar(self) -> float:
        """External pressure in LAMMPS's unit."""
        return self.pressure * BAR_PER_GPA

    def run(self) -> tuple[ase.Atoms, Evaluation]:
        """Relax; returns the structure and its evaluation.

        Raises:
            StopError: the seed failed.
            DroppedError: the caller wanted an end.
        """
        if self.system.has_cell and not self._seed_volume > _SMALL_VOLUME:
            raise StopError(Reason.BAD_BOX, f"the seed's cell has a volume of {self._seed_volume}")
        stages = self.protocol.stages
        first = next((n for n, s in enumerate(stages) if isinstance(s, Search)), len(stages))
        best = self.attempt(self._atoms, stages[:first])
        # a search begins anew where it is interrupted
        self._keeper = self._place = None
        for stage in stages[first:]:
            if isinstance(stage, Search):
                best = stage.search(self, best)
            else:
                best = self.attempt(best.structure, (stage,))
        structure, result = best.finished()
        pieces = self.system.pieces(structure)
        if pieces > 1:
            raise StopError(Reason.FRAGMENTED, f"{pieces} pieces")
        self._check_distances(structure)
        return structure, result

    def attempt(self, atoms: ase.Atoms, stages: Sequence[Stage]) -> Attempt:
        """Run stages on a structure; a seed's failure is a value, as a search may mend it.

        Args:
            atoms: where to begin, Å.
            stages: none of them a search.
        """
        try:
            self._load(atoms)
            result = None
            for number, stage in enumerate(stages):
                if self._place is not None and number < self._place.stage:
                    continue
                self._enter(number)
                self.check_dropped()
                result = stage.run(self)
            result = result or self.session.evaluate()
            structure = self.session.structure()
        except StopError as stop:
            self.session.discard()
            return Attempt(atoms, stop=stop)
        if self.converged(result):
            return Attempt(structure, result)
        stress = self.excess_stress(result)
        detail = f"fmax {result.fmax:.3g} pseudo-eV/Å, stress {stress:.3g} GPa"
        return Attempt(structure, result, StopError(Reason.NOT_CONVERGED, detail))

    def _load(self, atoms: ase.Atoms) -> None:
        """Put a structure into LAMMPS, or what an earlier start of the run kept of it."""
        place, keeper = self._place, self._keeper
        if place is None or keeper is None:
            self.session.load(atoms, self.system)
            return
        restart = keeper.restart_file(place)
        self.session.resume(atoms, self.system, restart, np.array(place.rotation))
        self.rng.bit_generator.state = place.random

    def _enter(self, number: int) -> None:
        """Begin a stage, or go on with the one that an earlier start was in."""
        if self._place is not None and number > self._place.stage:
            self._place = None
        if self._keeper is not None:
            self._stage = number
            self._random = dict(self.rng.bit_generator.state)

    @property
    def steps_done(self) -> int:
        """Steps of this stage that an earlier start of the run has done."""
        return 0 if self._place is None else self._place.step

    @property
    def evaluations(self) -> int:
        """Energy and force evaluations since the seed."""
        return self.session.evaluations() - self._began

    def piece(self, atoms: int, steps: int) -> int:
        """Steps between two looks at whether to go on: fewer in cells of very many atoms."""
        return max(1, min(steps, _ATOM_STEPS // atoms))

    def reached(self, step: int, steps: int) -> None:
        """Say where a stage is, keep that where it is time, and ask whether to go on.

        Args:
            step: of the stage, done.
            steps: of all of it.

        Raises:
            DroppedError: it is not to go on; where it is, is kept.
        """
        keeper = self._keeper
        if keeper is None:
            self.check_dropped()
            return
        stages = self.protocol.stages
        name = f"{stages[self._stage].name} ({self._stage + 1} of {len(stages)} stages)"
        keeper.tell(f"{name}, step {step} of {steps}")
        dropped = self._dropped()
        if dropped or keeper.due():
            rotation = np.asarray(self.session.rotation).tolist()
            place = Place(self._stage, step, self._random, self.evaluations, rotation, "")
            keeper.keep(self.session, place)
        if dropped:
            raise DroppedError

    def converged(self, result: Evaluation) -> bool:
        """Whether forces and stress pass the protocol's tolerances."""
        return (
            result.fmax <= self.protocol.fmax
            and self.excess_stress(result) <= self.protocol.max_stress
        )

    def excess_stress(self, result: Evaluation) -> float:
        """Largest component of the stress beyond the pressure, of those that relax, GPa."""
        excess = result.stress + self.pressure * np.eye(3)
        return float(np.abs(excess[self.strained]).max(initial=0.0))

    def enthalpy(self, atoms: ase.Atoms, result: Evaluation) -> float:
        """E~ + pV, pseudo-eV per atom."""
        if not self.system.has_cell:
            return result.energy / len(atoms)
        work = self.pressure * GPa * atoms.get_volume()
        return (result.energy + work) / len(atoms)

    def merit(self, attempt: Attempt) -> float:
        """E~ + pV, pseudo-eV per atom, of what an attempt led to; infinite for a failure."""
        if attempt.stop is not None or attempt.result is None:
            return np.inf
        return self.enthalpy(attempt.structure, attempt.result)

    def perturbed(self, atoms: ase.Atoms, displacement: float, strain: float) -> ase.Atoms:
        """Displace atoms and strain the cell at random, within the symmetry if it is to be kept.

        Args:
            atoms: a structure, Å.
            displacement: standard deviation of each coordinate, Å.
            strain: standard deviation of each component of the strain.
        """
        strained = self.strained & (len(kept_atoms(atoms)) == 0)
        moved = perturb(atoms, displacement, strain, self.rng, strained)
        moved = without_motion(atoms, moved)
        if self.protocol.keep_symmetry:
            return symmetric_change(atoms, moved)
        return moved

    def check_volume(self) -> None:
        """Check that the cell is about as large as the seed's.

        Raises:
            StopError: it collapsed, or the atoms flew apart.
        """
        if not self.system.has_cell:
            return
        ratio = self.session.volume() / self._seed_volume
        low, high = self.protocol.volume
        if not low <= ratio <= high:
            reason = Reason.COLLAPSED if ratio < low else Reason.EXPANDED
            raise StopError(reason, f"volume {ratio:.2f} times the seed's")

    def _check_distances(self, atoms: ase.Atoms) -> None:
        """Check that no atoms are fused, where E~ has holes that no training data has seen.

        Raises:
            StopError: some are.
        """
        elements, kind = np.unique(atoms.get_chemical_symbols(), return_inverse=True)
        shortest = self.statistics.min_distance_matrix(elements, elements)
        first, second, distance = pairs_of("ijd", atoms, _FUSED * shortest.max())
        ratio = distance / shortest[kind[first], kind[second]]
        if (ratio < _FUSED).any():
            pair = int(ratio.argmin())
            names = f"{elements[kind[first[pair]]]} and {elements[kind[second[pair]]]}"
            raise StopError(Reason.FUSED, f"{names} {distance[pair]:.2f} Å apart")

    def check_dropped(self) -> None:
        """Ask whether to go on.

        Raises:
            DroppedError: no.
        """
        if self._dropped():
            raise DroppedError


def relax(
    session: LammpsSession,
    atoms: ase.Atoms,
    protocol: Protocol,
    rng: np.random.Generator | None = None,
    *,
    system: System | None = None,
    dropped: Callable[[], bool] = lambda: False,
    trajectory: Path | None = None,
    keeper: Keeper | None = None,
) -> Relaxed | Failure:
    """Relax a structure; whatever happens to it, the session goes on.

    Args:
        session: that relaxes it.
        atoms: the seed, Å; order of atoms is kept.
        protocol: stages and tolerances.
        rng: for stages that draw random numbers.
        system: what the seed is; by its periodicity unless given.
        dropped: asked between pieces of work, on every rank alike; ``True`` ends them.
        trajectory: extxyz file to write every tenth iteration into.
        keeper: of where the structure is, to go on from.

    Raises:
        DroppedError: ``dropped`` said so.
        UserError: atoms are held, and a stage would move them; nothing is free to move; or an
            energy term can't act on the structure.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    held = len(held_atoms(atoms))
    if len(kept_atoms(atoms)):
        protocol.check_holding()
        if held == len(atoms) and protocol.axes == "none" and protocol.spring is None:
            raise UserError(
                f"Nothing is free to move: all {held} atoms are held, and so is the cell.",
                "Hold fewer atoms, or give axes along which the cell may change.",
            )
    for term in protocol.terms:
        term.check_atoms(atoms.get_chemical_symbols())
    session.compose(protocol.terms, protocol.model_weight)
    session.restrict(protocol.axes, protocol.spring)
    session.discard()
    before = session.evaluations()
    try:
        with session.recording(trajectory):
            relaxation = Relaxation(session, atoms, protocol, rng, dropped, system, keeper)
            structure, result = relaxation.run()
        evaluations = relaxation.evaluations
        return Relaxed(
            structure,
            result.energy,
            result.fmax,
            relaxation.excess_stress(result),
            evaluations,
            result.terms,
        )
    except StopError as stop:
        return Failure(stop.reason, str(stop), session.evaluations() - before)
    except (DroppedError, UserError):
        raise
    except Exception as error:
        if session.shared and type(error).__name__ == "MPIAbortException":
            # an error of this rank alone: the others of the group still compute and wait for it
            raise
        # LAMMPS raises plain exceptions, and an instance that raised is not to be trusted
        session.restart()
        message = str(error).strip() or type(error).__name__
        for term in protocol.terms:
            term.explain(message, atoms.get_chemical_symbols())
        return Failure(classify(message), message, session.evaluations() - before)
