"""Any calculator of ASE, by the name of what makes it."""

from importlib import import_module
from typing import Any

from ase.calculators.calculator import Calculator
from pydantic import Field

from rm_lammps.errors import UserError
from rm_lammps.potentials.potential import POTENTIALS, CalculatorPotential


@POTENTIALS.register
class AseCalculator(CalculatorPotential):
    """A calculator of ASE, made by a class or function that can be imported."""

    name = "ase"

    make: str = Field(
        "ase.calculators.lj:LennardJones", description="class or function, MODULE:NAME"
    )
    arguments: dict[str, Any] = Field({}, description="what it is called with, by name")

    @property
    def label(self) -> str:
        """The name of the class or function."""
        return self.make.rpartition(":")[2]

    def calculator(self) -> Calculator:
        """Import and call it."""
        module, _, name = self.make.partition(":")
        try:
            maker = getattr(import_module(module), name)
        except AttributeError as error:
            raise UserError(f"{module} has no {name}.", "Give MODULE:NAME.") from error
        return maker(**self.arguments)
