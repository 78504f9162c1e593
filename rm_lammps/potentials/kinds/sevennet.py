"""SevenNet (Park et al., J. Chem. Theory Comput. 20, 4857 (2024)), SevenNet-0 in its package."""

from ase.calculators.calculator import Calculator
from pydantic import Field

from rm_lammps.potentials.potential import POTENTIALS, CalculatorPotential


@POTENTIALS.register
class Sevennet(CalculatorPotential):
    """SevenNet on the CPU; the weights of SevenNet-0 come with the package."""

    name = "sevennet"
    package = "sevenn"

    model: str = Field("7net-0", description="its name among the models of sevenn, or a file")

    def calculator(self) -> Calculator:
        """Load the model."""
        from sevenn.calculator import SevenNetCalculator

        return SevenNetCalculator(self.model, device="cpu")
