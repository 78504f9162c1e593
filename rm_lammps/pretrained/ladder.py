"""Ladders: models that are several potentials, each for a range of noise."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rm_lammps.errors import UserError, unusable_fields
from rm_lammps.files import MODEL_LEVELS, MODEL_PACKAGE

LEVEL_NAME = r"^[A-Za-z][A-Za-z0-9_-]*$"
"""What a level may be called."""


class Level(BaseModel):
    """One potential of a ladder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=LEVEL_NAME)
    noise: tuple[float, float] = Field(
        description="range of the displacements' standard deviation in its training, Å"
    )
    package: Path = Field(description="packaged model, relative to the folder")

    @model_validator(mode="after")
    def _ordered(self) -> "Level":
        low, high = self.noise
        if not 0 <= low < high:
            raise ValueError(f"noise {self.noise} must be a range 0 <= low < high")
        return self


class _Ladder(BaseModel):
    model_config = ConfigDict(extra="forbid")

    levels: tuple[Level, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> "_Ladder":
        names = [level.name for level in self.levels]
        if len(set(names)) < len(names):
            raise ValueError(f"levels need different names, not {', '.join(names)}")
        if self.levels[0].package != Path(MODEL_PACKAGE):
            raise ValueError(f"the first level must be the lowest, {MODEL_PACKAGE}")
        return self


def read_levels(folder: Path) -> tuple[Level, ...]:
    """Levels of the model in a folder, the lowest first; none where it has one potential alone.

    Raises:
        UserError: ``levels.json`` is not what it should be, or a level's package is missing.
    """
    file = folder / MODEL_LEVELS
    if not file.is_file():
        return ()
    try:
        levels = _Ladder.model_validate_json(file.read_text()).levels
    except ValidationError as error:
        raise UserError(
            f"{file} is not a ladder of levels:\n" + "\n".join(unusable_fields(error)),
            "Train the ladder again, or correct the file.",
        ) from error
    for level in levels:
        if not (folder / level.package).is_file():
            raise UserError(
                f"{file} names {level.package} for level {level.name}, which is missing.",
                "Copy the whole folder of the model.",
            )
    return levels


def write_levels(folder: Path, levels: Sequence[Level]) -> None:
    """Say which levels the model in a folder has, the lowest first.

    Raises:
        ValueError: levels of the same name, or the first is not the folder's own package.
    """
    text = _Ladder(levels=tuple(levels)).model_dump_json(indent=1)
    (folder / MODEL_LEVELS).write_text(text + "\n")
