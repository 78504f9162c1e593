"""What a generation run is: a YAML file with these fields, or flags of ``rm-generate``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from rm_lammps.chemistry.formula import plain_formula
from rm_lammps.errors import UserError, unusable_fields
from rm_lammps.generation.presets import PRESETS, combine, fill_in_preset
from rm_lammps.relaxation import Protocol
from rm_lammps.seeds import SeedConfig

_COMPOSITIONS = ("formula", "formulas", "de_novo", "heavy")
_MOST_SEEDS = 10**9


class DeNovo(BaseModel):
    """Compositions like those of the training data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    compositions: int = Field(100, ge=1, le=10**6)
    elements: tuple[str, ...] | None = Field(
        None, description="only these elements; default: all of the training data"
    )
    max_atoms: int | None = Field(
        None, ge=1, description="default: 20 in a cell, as many as the data's in a molecule"
    )


class GenerationConfig(BaseModel):
    """One run: everything that its structures depend on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(description="shipped model by name, bundle or rm-train folder")
    formula: str | None = Field(None, description="content of one cell, e.g. Sr2O4")
    formulas: tuple[str, ...] | None = Field(
        None, min_length=1, description="several compositions instead, each with num seeds"
    )
    de_novo: DeNovo | None = Field(
        None, description="or compositions drawn from the statistics of the training data"
    )
    heavy: str | None = Field(
        None, description="or a molecule's heavy atoms, to which each seed adds its hydrogens"
    )
    z: tuple[int, int] | None = Field(
        None, description="range of formula units; each seed draws its own number"
    )
    atoms: int | None = Field(
        None, ge=1, description="repeat the formula to a cell of so many atoms, e.g. 1000"
    )
    num: int = Field(64, ge=1, le=10**9, description="number of seeds, of each composition")
    seed: int = Field(0, ge=0, description="of the run; same seed, same structures")
    device: str = "cpu"
    preset: str = Field(
        "",
        description="defaults of seeds and protocol, by default what suits the model: "
        + ", ".join(PRESETS),
    )
    seeds: SeedConfig = SeedConfig()
    protocol: Protocol = Protocol()

    @model_validator(mode="before")
    @classmethod
    def _fill_in_preset(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            return fields
        fields = dict(fields)
        # a protocol by name is the preset of that name
        if isinstance(fields.get("protocol"), str):
            fields["preset"] = fields.pop("protocol")
        return fill_in_preset(fields)

    @field_validator("formula", "formulas")
    @classmethod
    def _readable(cls, value: Any) -> Any:
        try:
            if isinstance(value, tuple):
                return tuple(map(plain_formula, value))
            return None if value is None else plain_formula(value)
        except UserError as error:
            raise ValueError(f"{error.problem} {error.hint}") from error

    @model_validator(mode="after")
    def _possible(self) -> "GenerationConfig":
        given = [name for name in _COMPOSITIONS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of {', '.join(_COMPOSITIONS)}; given: {given or 'none'}")
        if self.z is not None:
            if not 1 <= self.z[0] <= self.z[1]:
                raise ValueError(f"z {self.z} must be a range 1 <= low <= high")
            if self.atoms is not None or self.seeds.fixed_content:
                raise ValueError("z goes neither with atoms nor with a structure to perturb")
        if self.total > _MOST_SEEDS:
            raise ValueError(f"{self.total} seeds are more than {_MOST_SEEDS}")
        return self

    @property
    def compositions(self) -> int:
        """Number of compositions."""
        if self.de_novo is not None:
            return self.de_novo.compositions
        if self.heavy is not None:
            return self.num
        return 1 if self.formulas is None else len(self.formulas)

    @property
    def seeds_each(self) -> int:
        """Number of seeds of each composition."""
        return 1 if self.heavy is not None else self.num

    @property
    def total(self) -> int:
        """Number of seeds, those of the first composition first."""
        return self.seeds_each * self.compositions


@dataclass(frozen=True)
class Execution:
    """How a run is carried out; its structures don't depend on it."""

    ranks_per_structure: int = 1
    """Ranks that share a structure, by domain decomposition."""
    trajectories: tuple[int, ...] = ()
    """Seeds whose way is written to ``trajectories/``."""
    time_limit: float | None = None
    """Minutes after which no new seed starts."""
    grace: float = 10.0
    """Seconds that seeds in flight get to finish when the run is told to stop."""


def load_config(file: Path | None, flags: dict[str, Any]) -> GenerationConfig:
    """Combine a YAML file with flags, which win.

    Args:
        file: YAML with the fields of :class:`GenerationConfig`; the ``run.yaml`` of an earlier
            run does too.
        flags: field values, nested like the file's; ``None`` for a flag that was not given.

    Raises:
        UserError: no such file, or a field is missing, unknown or out of range.
    """
    fields: dict[str, Any] = {}
    if file is not None:
        try:
            fields = yaml.safe_load(file.read_text())
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise UserError(f"Can't read the configuration {file}: {error}") from error
        if not isinstance(fields, dict):
            raise UserError(f"{file} is not a mapping of fields to values.", _FIELDS)
        fields = fields.get("config", fields)
    fields = combine(fields, {name: value for name, value in flags.items() if value is not None})
    try:
        return GenerationConfig(**fields)
    except (ValidationError, TypeError) as error:
        lines = unusable_fields(error) if isinstance(error, ValidationError) else [f"  {error}"]
        where = f" of {file}" if file else ""
        raise UserError(f"Unusable settings{where}:\n" + "\n".join(lines), _FIELDS) from error


def read_formulas(file: Path) -> tuple[str, ...]:
    """Formulas of a text file, one a line; empty lines and what follows a ``#`` don't count.

    Raises:
        UserError: unreadable, a line that is no formula, or none in it.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Can't read the formulas in {file}: {error}") from error
    formulas = []
    for number, line in enumerate(lines, start=1):
        text = line.split("#")[0].strip()
        if not text:
            continue
        try:
            formulas.append(plain_formula(text))
        except UserError as error:
            raise UserError(f"{file}, line {number}: {error.problem}", error.hint) from error
    if not formulas:
        raise UserError(f"{file} holds no formulas.", "Write one a line, e.g. Sr2O4.")
    return tuple(formulas)


_FIELDS = (
    "Needed: --model and one of --formula, --formulas, --de-novo, --heavy (or these fields in "
    "--config); see rm-generate --help."
)
