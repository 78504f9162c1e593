"""What seeds look like."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class SeedConfig(BaseModel):
    """Distribution of seeds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["auto", "random", "symmetric", "prototype", "mixture", "perturbed"] = Field(
        "auto",
        description="auto: mixture for models of several elements and cells of up to 64 atoms, "
        "otherwise random",
    )
    weights: dict[Literal["random", "symmetric", "prototype"], float] = Field(
        {"prototype": 2.0, "symmetric": 1.0, "random": 1.0},
        description="mixture: relative frequency of each kind; without prototypes, of the others",
    )
    space_groups: Literal["uniform", "training"] = Field(
        "uniform", description="symmetric: how often each space group, P1 never"
    )
    volume: tuple[float, float] = Field(
        (0.9, 1.3), description="range, in units of the volume expected from the training data"
    )
    min_distance: float = Field(
        0.8, ge=0, le=1, description="in units of the pair's shortest distance in the data"
    )
    angle: tuple[float, float] = Field((60.0, 120.0), description="range of cell angles, degrees")
    aspect: float = Field(2.0, ge=1, description="largest ratio of two cell lengths")
    cloud: tuple[float, float] = Field(
        (0.9, 1.2), description="molecules: range of the radius, in units of the data's"
    )
    structure: Path | None = Field(None, description="perturbed: file with the structure")
    prototypes: Path | None = Field(
        None,
        description="prototype: file of structures whose elements are replaced; default: those "
        "that the model carries",
    )
    displacement: float = Field(
        0.3, ge=0, description="perturbed: standard deviation of each coordinate, Å"
    )
    strain: float = Field(
        0.05, ge=0, lt=0.5, description="perturbed: standard deviation of each component"
    )

    @model_validator(mode="after")
    def _possible(self) -> "SeedConfig":
        low, high = self.volume
        if not 0 < low <= high:
            raise ValueError(f"volume {self.volume} must be a range 0 < low <= high")
        low, high = self.cloud
        if not 0 < low <= high:
            raise ValueError(f"cloud {self.cloud} must be a range 0 < low <= high")
        low, high = self.angle
        if not 30 <= low <= high <= 150:
            raise ValueError(f"angle {self.angle} must be a range within 30 to 150 degrees")
        if (self.kind == "perturbed") != (self.structure is not None):
            raise ValueError("structure goes with kind: perturbed, and only with it")
        if min(self.weights.values(), default=0) < 0 or not sum(self.weights.values()) > 0:
            raise ValueError(f"weights {self.weights} must be positive numbers")
        if self.prototypes is not None and not self.may_use_prototypes:
            raise ValueError("prototypes goes with seeds of kind prototype, and only with them")
        return self

    @property
    def may_use_prototypes(self) -> bool:
        """Whether seeds of kind prototype are asked for."""
        mixed = self.kind in {"auto", "mixture"} and self.weights.get("prototype", 0) > 0
        return mixed or self.kind == "prototype"
