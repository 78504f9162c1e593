"""What a generation run is: a YAML file, flags of ``rm-generate``, or arguments from Python."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from rm_lammps.chemistry.formula import plain_formula
from rm_lammps.errors import UserError, checked
from rm_lammps.generation.presets import fill_in_preset
from rm_lammps.generation.run_fields import SYSTEM, Execution, RunFields, nested
from rm_lammps.relaxation import Protocol
from rm_lammps.runs.request import number_of_compositions, seeds_of_each
from rm_lammps.seeds import SeedConfig
from rm_lammps.settings import combine, given, read_settings
from rm_lammps.systems import AnySystem

_COMPOSITIONS = ("formula", "formulas", "de_novo", "chemical_system", "heavy")
_MOST_SEEDS = 10**9


class GenerationConfig(RunFields):
    """One run: everything that its structures depend on."""

    system: AnySystem | None = Field(None, description=SYSTEM)
    seeds: SeedConfig = SeedConfig()
    protocol: Protocol = Protocol()

    @model_validator(mode="before")
    @classmethod
    def _fill_in_preset(cls, fields: Any) -> Any:
        return fill_in_preset(nested(fields)) if isinstance(fields, dict) else fields

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
        return number_of_compositions(self.model_dump(include={*_COMPOSITIONS, "num"}))

    @property
    def seeds_each(self) -> int:
        """Number of seeds of each composition."""
        return seeds_of_each(self.model_dump(include={*_COMPOSITIONS, "num"}))

    @property
    def total(self) -> int:
        """Number of seeds, those of the first composition first."""
        return self.seeds_each * self.compositions


@dataclass(frozen=True)
class Order:
    """A run as it was asked for."""

    config: GenerationConfig
    execution: Execution
    folder: Path
    """For its results."""


def load_run(source: Path | str | Mapping[str, Any] | None, settings: Mapping[str, Any]) -> Order:
    """Combine a YAML file with flags or arguments, which win: one way for all of them.

    Args:
        source: YAML file with the fields of :class:`GenerationConfig`, those of
            :class:`Execution` and ``out``, or a mapping of them; the ``run.yaml`` of an earlier
            run does too.
        settings: the same fields, ``None`` for those that were not given.

    Raises:
        UserError: no such file, or a field is missing, unknown or out of range.
    """
    where = f"settings of {source}" if isinstance(source, (str, Path)) else "settings"
    read = read_settings(source)
    read = read.get("config", read)
    try:
        fields = combine(nested(read), nested(given(settings)))
    except (TypeError, ValueError) as error:
        raise UserError(f"Unusable {where}: {error}", _FIELDS) from error
    folder = fields.pop("out", None)
    if folder is None:
        raise UserError("No folder for the results.", "Give one with --out DIR.")
    carried = {name: fields.pop(name) for name in Execution.model_fields if name in fields}
    return Order(
        checked(GenerationConfig, fields, where, _FIELDS),
        checked(Execution, carried, where, _FIELDS),
        Path(folder),
    )


_FIELDS = (
    "Needed: --model and one of --formula, --formulas, --de-novo, --chemical-system, --heavy (or "
    "these fields in a YAML file); see rm-generate --help."
)
