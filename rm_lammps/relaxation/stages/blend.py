"""Other weights of E~ and of the energy terms beside it."""

from collections.abc import Collection, Mapping
from math import isfinite

from pydantic import Field, field_validator

from rm_lammps.relaxation.relaxation import Relaxation
from rm_lammps.relaxation.stage import STAGES, Stage


@STAGES.register
class Blend(Stage):
    """Give E~ and energy terms other weights from here on.

    Several of them, with stages between, lead from E~ to a physical potential:
    ``[{stage: cell}, {stage: blend, weights: {E~: 0.5, pair: 0.5}}, {stage: cell},
    {stage: blend, weights: {E~: 0, pair: 1}}, {stage: cell}]``.
    """

    name = "blend"
    keeps_symmetry = True
    holds = True
    keeps_cell = True

    weights: dict[str, float] = Field(
        description="by label, E~ for the model; what is not named keeps its weight", min_length=1
    )

    @field_validator("weights")
    @classmethod
    def _numbers(cls, weights: dict[str, float]) -> dict[str, float]:
        for label, weight in weights.items():
            if not isfinite(weight):
                raise ValueError(f"the weight of {label} must be a number, not {weight}")
        return weights

    def check_energies(self, labels: Collection[str]) -> None:
        """Check that there are such energies."""
        if len(labels) < 2:
            raise ValueError("stage blend does something beside energy terms only")
        for label in self.weights:
            if label not in labels:
                raise ValueError(
                    f"stage blend weighs {label!r}, which is none of {', '.join(labels)}"
                )

    @property
    def weighs(self) -> Mapping[str, float]:
        """The weights."""
        return self.weights

    def run(self, relaxation: Relaxation) -> None:
        """Weigh what is in LAMMPS."""
        relaxation.session.weigh(self.weights)
