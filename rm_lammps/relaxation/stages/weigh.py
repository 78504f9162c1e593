"""Other weights of what guides a relaxation."""

from collections.abc import Mapping

from pydantic import Field

from rm_lammps.errors import UserError
from rm_lammps.relaxation.relaxation import Relaxation
from rm_lammps.relaxation.stage import STAGES, Stage


@STAGES.register
class Weigh(Stage):
    """Give energy terms other weights, and the pressure another value, from here on.

    A protocol has a schedule of guidance by several such stages: strong at first, nothing at the
    end, for example, so that what is found is a minimum of E~ alone.
    """

    name = "weigh"
    keeps_symmetry = True
    holds = True

    weights: Mapping[str, float] = Field(
        default_factory=dict,
        description="by the labels of the protocol's terms, and E~ for the model's own, e.g. "
        "{pair: 0.5}; others stay",
    )
    pressure: float | None = Field(
        None, allow_inf_nan=False, description="GPa of E~ units; default: as before"
    )

    def run(self, relaxation: Relaxation) -> None:
        """Set them."""
        relaxation.session.weigh(self.weights)
        if self.pressure is not None:
            if not relaxation.system.takes_pressure:
                raise UserError(
                    f"{relaxation.system.plural.capitalize()} have no cell that a pressure acts "
                    "on.",
                    "Leave out pressure.",
                )
            relaxation.pressure = self.pressure
