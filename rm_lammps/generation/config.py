"""What a generation run is: a YAML file with these fields, or flags of ``rm-generate``."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rm_lammps.errors import UserError
from rm_lammps.relaxation import Protocol
from rm_lammps.seeds import SeedConfig


class GenerationConfig(BaseModel):
    """One run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(description="shipped model by name, bundle or rm-train folder")
    formula: str = Field(description="content of one cell, e.g. Sr2O4")
    num: int = Field(64, ge=1, description="number of seeds")
    seed: int = Field(0, ge=0, description="of the run; same seed, same structures")
    device: str = "cpu"
    seeds: SeedConfig = SeedConfig()
    protocol: Protocol = Protocol()


def load_config(file: Path | None, flags: dict[str, Any]) -> GenerationConfig:
    """Combine a YAML file with flags, which win.

    Args:
        file: YAML with the fields of :class:`GenerationConfig`; the ``run.yaml`` of an earlier
            run does too.
        flags: field values; ``None`` for a flag that was not given.

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
    fields = {**fields, **{name: value for name, value in flags.items() if value is not None}}
    try:
        return GenerationConfig(**fields)
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        where = f" of {file}" if file else ""
        raise UserError(f"Unusable settings{where}:\n" + "\n".join(lines), _FIELDS) from error


_FIELDS = "Needed: --model and --formula (or these fields in --config); see rm-generate --help."
