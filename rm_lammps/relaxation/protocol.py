"""How a seed is relaxed."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Stage(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Minimise(_Stage):
    """Minimise the atoms in a fixed cell (``minimise.in``)."""

    stage: Literal["minimise"] = "minimise"
    ftol: float = Field(0.1, gt=0, description="largest force component, pseudo-eV/Å")
    steps: int = Field(60, ge=1, description="iterations at most")
    dmax: float = Field(0.3, gt=0, description="longest move in one line search, Å")


class BoxRounds(_Stage):
    """Minimise atoms and cell together, in short rounds (``box_round.in``).

    Rounds go on until forces and stress, evaluated afresh, pass the protocol's tolerances.
    Between rounds the cell is reduced.
    """

    stage: Literal["box"] = "box"
    rounds: int = Field(10, ge=1)
    steps: int = Field(40, ge=1, description="iterations at most, each round")
    dmax: float = Field(0.2, gt=0, description="longest move in one line search, Å")
    vmax: float = Field(0.02, gt=0, lt=1, description="largest volume change an iteration")


class Protocol(_Stage):
    """Stages, and when a structure counts as relaxed."""

    stages: tuple[Annotated[Minimise | BoxRounds, Field(discriminator="stage")], ...] = (
        Minimise(),
        BoxRounds(),
    )
    fmax: float = Field(0.02, gt=0, description="largest force on an atom, pseudo-eV/Å")
    max_stress: float = Field(0.3, gt=0, description="largest stress component, GPa")
    pressure: float = Field(0.0, description="external pressure in GPa of E~ units")
    volume: tuple[float, float] = Field(
        (0.3, 3.0), description="allowed volume, in units of the seed's"
    )
