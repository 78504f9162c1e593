"""A NequIP or Allegro model in LAMMPS, through this package's pair style."""

from functools import cached_property
from pathlib import Path

import ase
from pydantic import Field

from rm_lammps.errors import UserError
from rm_lammps.potentials.potential import POTENTIALS, Minimum, Potential

_STRESS = 16.0
"""GPa, that the largest stress may be for each eV/Å that the largest force may be."""
_ROUND = 50
"""Steps after which the cell is reduced."""


@POTENTIALS.register
class Allegro(Potential):
    """A model that rm-deploy takes, evaluated and relaxed in LAMMPS.

    Its minimiser moves by forces alone, which have the symmetry of the structure.
    """

    name = "allegro"
    package = "rm_lammps"

    model: str = Field("", description="bundle of rm-deploy, or what it makes one of")

    @property
    def label(self) -> str:
        """Name of the model's file or folder."""
        return Path(self.model).name

    @property
    def identity(self) -> str:
        """Kind, and the checksums of the model's files."""
        return f"{super().identity} {sorted(self._session.bundle.manifest.files.items())}"

    @cached_property
    def _session(self):  # type: ignore[no-untyped-def]
        from rm_lammps.deployment.bundle import find_bundle
        from rm_lammps.relaxation.session import LammpsSession

        return LammpsSession(find_bundle(self.model))

    def load(self) -> None:
        """Start LAMMPS with the model; it is compiled on first use.

        Raises:
            UserError: there is no such model, or it can't be compiled here.
        """
        _ = self._session

    def energy(self, atoms: ase.Atoms) -> float:
        """Energy of a crystal as it is, eV per atom; infinite where it is no number.

        Raises:
            UserError: the model does not know an element.
        """
        from rm_lammps.relaxation.outcome import StopError

        self._check(atoms)
        try:
            self._session.load(atoms.copy())
            return float(self._session.evaluate().energy) / len(atoms)
        except StopError:
            self._session.discard()
            return float("inf")

    def relaxed(self, atoms: ase.Atoms, *, fmax: float, steps: int) -> Minimum:
        """Relax by the stage ``cell``: L-BFGS on atoms and cell together."""
        from rm_lammps.relaxation import Failure, Protocol
        from rm_lammps.relaxation.relaxation import relax
        from rm_lammps.relaxation.stage import STAGES

        self._check(atoms)
        stage = STAGES.find("cell").model_validate(
            {"rounds": max(steps // _ROUND, 1), "steps": min(steps, _ROUND)}
        )
        protocol = Protocol(stages=(stage,), fmax=fmax, max_stress=_STRESS * fmax)
        outcome = relax(self._session, atoms.copy(), protocol)
        if isinstance(outcome, Failure):
            return Minimum(atoms, self.energy(atoms), False)
        return Minimum(outcome.atoms, outcome.energy / len(atoms), True)

    def _check(self, atoms: ase.Atoms) -> None:
        known = self._session.bundle.manifest.species
        unknown = sorted(set(atoms.get_chemical_symbols()) - set(known))
        if unknown:
            raise UserError(
                f"The potential {self.label} knows no {', '.join(unknown)}.",
                f"Its elements: {' '.join(known)}.",
            )
