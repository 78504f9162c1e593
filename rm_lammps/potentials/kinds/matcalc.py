"""Universal potentials by the names that matcalc knows."""

from ase.calculators.calculator import Calculator
from pydantic import Field

from rm_lammps.errors import UserError
from rm_lammps.potentials.potential import POTENTIALS, CalculatorPotential


@POTENTIALS.register
class Matcalc(CalculatorPotential):
    """A universal potential that matcalc loads: MACE, MatterSim, ORB, UMA, GRACE, TensorNet ..."""

    name = "matcalc"
    package = "matcalc"

    model: str = Field("MACE-MPA-0-medium", description="its name in matcalc's list of models")

    @property
    def label(self) -> str:
        """The model's name."""
        return self.model

    def calculator(self) -> Calculator:
        """Let matcalc load the model, which may fetch its weights."""
        from matcalc import PESCalculator

        try:
            return PESCalculator.load_universal(self.model)
        except ValueError as error:
            raise UserError(f"matcalc can't load {self.model}: {error}") from error
