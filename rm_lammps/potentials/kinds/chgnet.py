"""chgnet (Deng et al., Nature Machine Intelligence 5, 1031 (2023)), weights in its package."""

import ase
from ase.calculators.calculator import Calculator

from rm_lammps.potentials.potential import POTENTIALS, CalculatorPotential
from rm_lammps.systems.crystal_matcher import to_pymatgen


@POTENTIALS.register
class Chgnet(CalculatorPotential):
    """chgnet on the CPU; its weights come with the package."""

    name = "chgnet"
    package = "chgnet"

    def calculator(self) -> Calculator:
        """Load the model."""
        from chgnet.model import CHGNetCalculator

        return CHGNetCalculator(use_device="cpu", verbose=False, on_isolated_atoms="error")

    def _energy(self, atoms: ase.Atoms) -> float:
        """Infinite where atoms see no neighbour, and for a cell that fell apart."""
        try:
            # without forces: a third of the time
            structure = to_pymatgen(atoms)
            return float(self._loaded.model.predict_structure(structure, task="e")["e"])
        except (RuntimeError, ValueError) as error:
            if isinstance(error, RuntimeError) and "bond graph" not in str(error):
                raise
            return float("inf")
