"""Hops of molecules: pieces joined, atoms moved elsewhere, double bonds flattened."""

import ase
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rm_lammps.chemistry.bonds import fragments
from rm_lammps.chemistry.valences import ValenceFaults, twisted_double_bonds, valence_faults
from rm_lammps.relaxation.held import Indices, held_atoms
from rm_lammps.relaxation.moves import flatten, join, relocate
from rm_lammps.relaxation.relaxation import Relaxation
from rm_lammps.relaxation.stage import STAGES, AnyStage
from rm_lammps.relaxation.stages.hops import Faults, Hops
from rm_lammps.relaxation.stages.minimise import Minimise
from rm_lammps.systems import System

_FLATTENING = 0.5
"""Share of hops that flatten a twisted double bond, where there is one."""
_INDIFFERENT = 0.2
"""Weight of an atom without faults where atoms are chosen by their faults."""


@STAGES.register
class MoleculeHops(Hops):
    """Hops for molecules, which count pieces before E~.

    If a molecule came apart, a hop puts its pieces together. Fewer pieces are better than a lower
    E~; with ``valences``, fewer unused valences are better than a lower E~ as well.
    """

    name = "molecule_hops"
    keeps_symmetry = False

    relocate: float = Field(
        0.0, ge=0, le=1, description="share of hops that move one or two atoms next to others"
    )
    valences: bool = Field(False, description="fewer unused valences are better than lower E~")
    relax: tuple[AnyStage, ...] = Field((Minimise(),), description="stages after each hop")

    @classmethod
    def suits(cls, system: System) -> bool:
        """Where nothing is periodic."""
        return not system.has_cell

    def hopped(self, relaxation: Relaxation, start: ase.Atoms) -> ase.Atoms:
        """Mend what is wrong, or rattle."""
        rng = relaxation.rng
        held = held_atoms(start)
        if len(held):
            return self._about_host(relaxation, start, held)
        if fragments(start).max() > 0:
            return join(start, relaxation.statistics, rng)
        faults = self._faults(start)
        if faults is not None and rng.random() < _FLATTENING:
            twisted = twisted_double_bonds(start, faults)
            if twisted:
                return flatten(start, faults.bonds, twisted[rng.integers(len(twisted))])
        if self.relocate and rng.random() < self.relocate:
            return self._relocated(relaxation, start, faults)
        return super().hopped(relaxation, start)

    def faults(self, structure: ase.Atoms) -> Faults:
        """Pieces beyond the first, unused valences, twisted double bonds."""
        pieces = int(fragments(structure).max())
        if not self.valences:
            return pieces, 0, 0
        faults = valence_faults(structure)
        return pieces, faults.number, len(twisted_double_bonds(structure, faults))

    def _faults(self, start: ase.Atoms) -> ValenceFaults | None:
        return valence_faults(start) if self.valences else None

    def _about_host(self, relaxation: Relaxation, start: ase.Atoms, held: Indices) -> ase.Atoms:
        """Bring atoms that hang on nothing to others, or move free ones; held atoms stay."""
        pieces = fragments(start)
        movable = ~np.isin(pieces, pieces[held])
        if not movable.any() and relaxation.rng.random() < self.relocate:
            movable[:] = True
            movable[held] = False
        if not movable.any():
            return relaxation.perturbed(start, self.displacement, self.strain)
        return self._relocated(relaxation, start, self._faults(start), movable)

    def _relocated(
        self,
        relaxation: Relaxation,
        start: ase.Atoms,
        faults: ValenceFaults | None,
        movable: NDArray[np.bool_] | None = None,
    ) -> ase.Atoms:
        """Move one or two atoms, rather from and to where there are faults, if these count."""
        statistics, rng = relaxation.statistics, relaxation.rng
        allowed = np.ones(len(start)) if movable is None else movable.astype(float)
        n_moved = min(int(rng.integers(1, 3)), int(allowed.sum()), len(start) - 1)
        if not n_moved:
            return start
        if faults is None:
            return relocate(start, n_moved, statistics, rng, weights=allowed)
        # an atom with too many neighbours is mended by moving one of these
        weights = _INDIFFERENT + faults.free + faults.excess + faults.bonds @ faults.excess
        attraction = _INDIFFERENT + faults.free
        weights = weights * allowed
        return relocate(start, n_moved, statistics, rng, weights=weights, attraction=attraction)
