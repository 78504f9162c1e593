"""The stages of a protocol, run in a LAMMPS session."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import ase
import numpy as np
from ase.spacegroup.symmetrize import refine_symmetry
from ase.units import GPa

from rm_lammps.geometry import fragments
from rm_lammps.relaxation.moves import flatten, join, relocate
from rm_lammps.relaxation.outcome import DroppedError, Failure, Reason, Relaxed, StopError, classify
from rm_lammps.relaxation.protocol import (
    Anneal,
    BoxRounds,
    Hops,
    Minimise,
    Protocol,
    Rattle,
    Symmetrise,
)
from rm_lammps.relaxation.valences import ValenceFaults, twisted_double_bonds, valence_faults
from rm_lammps.seeds.perturbed import perturb

if TYPE_CHECKING:
    from rm_lammps.relaxation.session import Evaluation, LammpsSession

# refine_symmetry sets this to false and, where it was not set, leaves it so: from then on spglib
# would raise exceptions where it finds nothing
os.environ.setdefault("SPGLIB_OLD_ERROR_HANDLING", "true")

BAR_PER_GPA = 1.0e4
KELVIN_PER_EV = 1 / 8.617333262e-5
_ANNEAL_SEGMENT = 200
_LARGEST_RANDOM = 900_000_000
"""Of the seeds that LAMMPS takes for its random numbers."""
_GAIN = 1e-4
"""Pseudo-eV per atom; less is the convergence tolerance's noise."""
_SMALL_VOLUME = 1e-3
_NO_FAULTS = (0, 0, 0)
_FLATTENING = 0.5
"""Share of hops that flatten a twisted double bond, where there is one."""
_INDIFFERENT = 0.2
"""Weight of an atom without faults where atoms are chosen by their faults."""


class Relaxation:
    """One seed on its way.

    Args:
        session: that relaxes it.
        atoms: the seed.
        protocol: stages and tolerances.
        rng: for stages that draw numbers.
        dropped: asked between pieces of work; ``True`` ends them.
    """

    def __init__(
        self,
        session: "LammpsSession",
        atoms: ase.Atoms,
        protocol: Protocol,
        rng: np.random.Generator,
        dropped: Callable[[], bool],
    ) -> None:
        self._session = session
        self._protocol = protocol
        self._rng = rng
        self._dropped = dropped
        self._periodic = bool(atoms.pbc.all())
        self._seed_volume = atoms.get_volume() if self._periodic else 0.0
        self._atoms = atoms

    def run(self) -> tuple[ase.Atoms, "Evaluation"]:
        """Relax; returns the structure and its evaluation.

        Raises:
            StopError: the seed failed.
            DroppedError: the caller wanted an end.
        """
        if self._periodic and not self._seed_volume > _SMALL_VOLUME:
            raise StopError(Reason.BAD_BOX, f"the seed's cell has a volume of {self._seed_volume}")
        stages = self._protocol.stages
        hops = next((n for n, stage in enumerate(stages) if isinstance(stage, Hops)), len(stages))
        best = self._attempt(self._atoms, stages[:hops])
        for stage in stages[hops:]:
            if isinstance(stage, Hops):
                best = self._hop(stage, best)
            else:
                best = self._attempt(_structure(best), (stage,))
        if isinstance(best, StopError):
            raise best
        if not self._periodic and (others := fragments(best[0]).max()):
            raise StopError(Reason.FRAGMENTED, f"{others + 1} pieces")
        return best

    def _attempt(
        self, atoms: ase.Atoms, stages: tuple
    ) -> "tuple[ase.Atoms, Evaluation] | StopError":
        """Run stages on a structure; a seed's failure is a value, as a hop may mend it."""
        session = self._session
        try:
            session.load(atoms)
            result = None
            for stage in stages:
                result = self._stage(stage)
            result = result or session.evaluate()
            structure = session.structure()
            if not self._converged(result):
                stress = self._excess_stress(result)
                detail = f"fmax {result.fmax:.3g} pseudo-eV/Å, stress {stress:.3g} GPa"
                failed = StopError(Reason.NOT_CONVERGED, detail)
                failed.structure = structure
                return failed
            return structure, result
        except StopError as stop:
            session.discard()
            stop.structure = atoms
            return stop

    def _stage(self, stage: object) -> "Evaluation | None":
        """Run one stage; returns the evaluation of its result if it made one."""
        self._check_dropped()
        if isinstance(stage, Rattle):
            session = self._session
            session.load(self._rattled(session.structure(), stage.displacement, stage.strain))
        elif isinstance(stage, Minimise):
            self._session.set(
                style=stage.style, ftol=stage.ftol, steps=stage.steps, dmax=stage.dmax
            )
            self._session.include("minimise.in")
        elif isinstance(stage, BoxRounds):
            return self._box_rounds(stage)
        elif isinstance(stage, Anneal):
            self._anneal(stage)
        elif isinstance(stage, Symmetrise):
            symmetric = self._session.structure()
            refine_symmetry(symmetric, symprec=stage.symprec)
            self._session.load(symmetric)
        return None

    def _anneal(self, stage: Anneal) -> None:
        self._session.set(
            start=stage.start * KELVIN_PER_EV,
            end=stage.end * KELVIN_PER_EV,
            timestep=stage.timestep,
            damp=stage.damp,
            random=int(self._rng.integers(1, _LARGEST_RANDOM)),
            integrator="nph" if stage.box else "nve",
            barostat=(
                f"iso {self._pressure_bar} {self._pressure_bar} {20 * stage.damp}"
                if stage.box
                else ""
            ),
        )
        self._session.include("anneal.in")
        for begin in range(0, stage.steps, _ANNEAL_SEGMENT):
            self._check_dropped()
            end = min(begin + _ANNEAL_SEGMENT, stage.steps)
            self._session.command(f"run {end - begin} start 0 stop {stage.steps} post no")
            self._check_volume()
        self._session.include("anneal_end.in")

    def _box_rounds(self, stage: BoxRounds) -> "Evaluation | None":
        self._session.set(
            style=stage.style,
            # LAMMPS looks at components, the protocol at vectors
            ftol=self._protocol.fmax / np.sqrt(3),
            dmax=stage.dmax,
            vmax=stage.vmax,
            pressure=self._pressure_bar,
        )
        for _ in range(stage.rounds):
            self._check_dropped()
            self._session.set(steps=stage.steps)
            self._session.include("box_round.in")
            self._check_volume()
            if stage.settle:
                # with thousands of atoms the line search of box/relax gives up early
                self._session.set(steps=stage.settle)
                self._session.include("minimise.in")
            result = self._session.evaluate()
            if self._converged(result):
                return result
            self._session.tidy_cell()
        return None

    def _hop(
        self, stage: Hops, best: "tuple[ase.Atoms, Evaluation] | StopError"
    ) -> "tuple[ase.Atoms, Evaluation] | StopError":
        vain = 0
        faults, energy = self._merit(best, stage)
        for _ in range(stage.number):
            enough = stage.enough is not None and faults == _NO_FAULTS and energy < stage.enough
            if vain >= stage.patience or enough:
                break
            trial = self._attempt(self._hopped(_structure(best), stage), stage.relax)
            merit = self._merit(trial, stage)
            if merit < (faults, energy - _GAIN):
                best, (faults, energy), vain = trial, merit, 0
            else:
                vain += 1
        return best

    def _hopped(self, start: ase.Atoms, stage: Hops) -> ase.Atoms:
        statistics = self._session.bundle.statistics
        if not self._periodic and fragments(start).max() > 0:
            return join(start, statistics, self._rng)
        faults = valence_faults(start) if stage.valences else None
        if faults is not None and self._rng.random() < _FLATTENING:
            twisted = twisted_double_bonds(start, faults)
            if twisted:
                return flatten(start, faults.bonds, twisted[self._rng.integers(len(twisted))])
        if stage.relocate and self._rng.random() < stage.relocate:
            return self._relocated(start, faults)
        return self._rattled(start, stage.displacement, stage.strain)

    def _relocated(self, start: ase.Atoms, faults: ValenceFaults | None) -> ase.Atoms:
        """Move one or two atoms, rather from and to where there are faults, if these count."""
        statistics = self._session.bundle.statistics
        n_moved = min(int(self._rng.integers(1, 3)), len(start) - 1)
        if not n_moved:
            return start
        if faults is None:
            return relocate(start, n_moved, statistics, self._rng)
        # an atom with too many neighbours is mended by moving one of these
        weights = _INDIFFERENT + faults.free + faults.excess + faults.bonds @ faults.excess
        attraction = _INDIFFERENT + faults.free
        return relocate(
            start, n_moved, statistics, self._rng, weights=weights, attraction=attraction
        )

    def _merit(
        self, best: "tuple[ase.Atoms, Evaluation] | StopError", stage: Hops
    ) -> tuple[tuple[int, int, int], float]:
        """What a hop lowers: pieces, unused valences, twisted double bonds, E~ + pV per atom."""
        if isinstance(best, StopError):
            return (sys.maxsize, 0, 0), np.inf
        if self._periodic:
            return _NO_FAULTS, self._enthalpy(best)
        pieces, free, twisted = int(fragments(best[0]).max()), 0, 0
        if stage.valences:
            faults = valence_faults(best[0])
            free, twisted = faults.number, len(twisted_double_bonds(best[0], faults))
        return (pieces, free, twisted), self._enthalpy(best)

    def _rattled(self, atoms: ase.Atoms, displacement: float, strain: float) -> ase.Atoms:
        return perturb(atoms, displacement, strain, self._rng)

    @property
    def _pressure_bar(self) -> float:
        return self._protocol.pressure * BAR_PER_GPA

    def _excess_stress(self, result: "Evaluation") -> float:
        return float(np.abs(result.stress + self._protocol.pressure * np.eye(3)).max())

    def _converged(self, result: "Evaluation") -> bool:
        return (
            result.fmax <= self._protocol.fmax
            and self._excess_stress(result) <= self._protocol.max_stress
        )

    def _enthalpy(self, best: "tuple[ase.Atoms, Evaluation]") -> float:
        """E~ + pV, pseudo-eV per atom."""
        atoms, result = best
        if not self._periodic:
            return result.energy / len(atoms)
        work = self._protocol.pressure * GPa * atoms.get_volume()
        return (result.energy + work) / len(atoms)

    def _check_volume(self) -> None:
        if not self._periodic:
            return
        ratio = self._session.volume() / self._seed_volume
        low, high = self._protocol.volume
        if not low <= ratio <= high:
            reason = Reason.COLLAPSED if ratio < low else Reason.EXPANDED
            raise StopError(reason, f"volume {ratio:.2f} times the seed's")

    def _check_dropped(self) -> None:
        if self._dropped():
            raise DroppedError


def relax(
    session: "LammpsSession",
    atoms: ase.Atoms,
    protocol: Protocol,
    rng: np.random.Generator,
    dropped: Callable[[], bool],
) -> Relaxed | Failure:
    """Relax a seed in a session; see :meth:`LammpsSession.relax`."""
    before = session.evaluations()
    try:
        structure, result = Relaxation(session, atoms, protocol, rng, dropped).run()
        stress = float(np.abs(result.stress + protocol.pressure * np.eye(3)).max())
        evaluations = session.evaluations() - before
        return Relaxed(structure, result.energy, result.fmax, stress, evaluations)
    except StopError as stop:
        return Failure(stop.reason, str(stop), session.evaluations() - before)
    except DroppedError:
        raise
    except Exception as error:
        if session.shared and type(error).__name__ == "MPIAbortException":
            # an error of this rank alone: the others of the group still compute and wait for it
            raise
        # LAMMPS raises plain exceptions, and an instance that raised is not to be trusted
        session.restart()
        message = str(error).strip() or type(error).__name__
        return Failure(classify(message), message, session.evaluations() - before)


def _structure(best: "tuple[ase.Atoms, Evaluation] | StopError") -> ase.Atoms:
    if not isinstance(best, StopError):
        return best[0]
    if best.structure is None:
        raise best
    return best.structure
