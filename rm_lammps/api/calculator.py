"""E~ as a calculator of ASE."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ase
import numpy as np
from ase.calculators.calculator import CalculationFailed, all_changes
from ase.calculators.calculator import Calculator as AseCalculator
from ase.stress import full_3x3_to_voigt_6_stress
from ase.units import GPa

from rm_lammps.api.sessions import check_elements, session_for
from rm_lammps.geometry import Array
from rm_lammps.relaxation.outcome import StopError
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.systems import system_of


class Calculator(AseCalculator):
    """The pseudo-energy E~ of a model, for ASE's optimisers, dynamics and analysis.

    Everything is computed by the pair style in LAMMPS. Crystals (periodic in three directions) and
    molecules (in none) can be computed; their cells may be as skewed as they like. Calculators of
    one model share one LAMMPS in a process.

    | property | shape | unit and meaning |
    | --- | --- | --- |
    | `energy` | () | pseudo-eV; `free_energy` is the same |
    | `forces` | (n, 3) | pseudo-eV/Å |
    | `stress` | (6,) | pseudo-eV/Å³, (1/V) dE~/d(strain); xx, yy, zz, yz, xz, xy |
    | `energies` | (n,) | pseudo-eV, of each atom; their sum is `energy` |
    | `stresses` | (n, 6) | pseudo-eV/Å³, of each atom; their sum is `stress` |

    Molecules have neither `stress` nor `stresses`; `get_virials` is for them too.

    Args:
        model: shipped model by name, bundle of ``rm-deploy`` or folder of ``rm-train``. It is
            compiled on first use, which takes about a minute.
        device: ``cpu`` or ``cuda``.

    Raises:
        UserError: no such model, or it can't be compiled here; on calculation, if the structure
            has elements that the model does not know, or the periodicity of no system.

    Examples:
        >>> import rm_lammps as rm
        >>> from ase.build import bulk
        >>> diamond = bulk("C", a=3.567)
        >>> diamond.calc = rm.Calculator("diamond")
        >>> round(diamond.get_potential_energy() / len(diamond), 2)
        0.06
        >>> diamond.get_forces().shape, diamond.get_stress().shape
        ((2, 3), (6,))
        >>> diamond.calc.get_virials(diamond).shape
        (2, 3, 3)
    """

    name = "rm_lammps"
    # of a list, as ASE's own calculators have it
    implemented_properties = [  # noqa: RUF012
        "energy",
        "free_energy",
        "energies",
        "forces",
        "stress",
        "stresses",
    ]

    def __init__(self, model: str | Path = "diamond", *, device: str = "cpu") -> None:
        super().__init__()
        self.parameters.update(model=str(model), device=device)
        self._session: LammpsSession = session_for(model, device=device)
        self._virials: Array = np.zeros((0, 3, 3))

    def calculate(
        self,
        atoms: ase.Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Compute all properties that the structure has; ASE calls this.

        Args:
            atoms: the structure, Å.
            properties: what is asked for; all are computed together.
            system_changes: what is new since the last time.

        Raises:
            UserError: the model is not for this structure.
            ase.calculators.calculator.CalculationFailed: E~ is no finite number, as where two
                atoms are on one spot.
        """
        super().calculate(atoms, properties, system_changes)
        structure = self.atoms.copy()
        session = self._session
        check_elements(session, structure)
        system = system_of(structure)
        try:
            session.load(structure, system)
            result, energies, virials = session.evaluate_each()
        except StopError as error:
            session.discard()
            raise CalculationFailed(str(error)) from error
        except Exception as error:
            # LAMMPS raises plain exceptions, and an instance that raised is not to be trusted
            session.restart()
            raise CalculationFailed(str(error).strip()) from error
        turn = session.rotation
        self._virials = turn.T @ virials @ turn
        self.results: dict[str, Any] = {
            "energy": result.energy,
            "free_energy": result.energy,
            "energies": energies,
            "forces": result.forces @ turn,
        }
        if system.has_cell:
            stress = turn.T @ result.stress @ turn * GPa
            self.results["stress"] = full_3x3_to_voigt_6_stress(stress)
            self.results["stresses"] = (
                full_3x3_to_voigt_6_stress(-self._virials) / structure.get_volume()
            )

    def get_virials(self, atoms: ase.Atoms | None = None) -> Array:
        """Virial of each atom.

        Args:
            atoms: the structure; ``None`` for the one that was computed last.

        Returns:
            Shape (n, 3, 3), pseudo-eV. Their sum is minus the derivative of E~ with respect to
            strain: for a crystal, minus its volume times its stress.
        """
        self.get_property("energy", atoms)
        return self._virials.copy()
