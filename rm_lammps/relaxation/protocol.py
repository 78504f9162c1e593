"""How a seed is relaxed: a list of stages."""

from math import inf
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rm_lammps.errors import UserError
from rm_lammps.relaxation.stage import STAGES, AnyStage
from rm_lammps.relaxation.term import MODEL, AnyTerm, FixTerm
from rm_lammps.systems import System


def _default_stages() -> tuple[AnyStage, ...]:
    return STAGES.find("cell")(), STAGES.find("hops")()


class Protocol(BaseModel):
    """Stages, and when a structure counts as relaxed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stages: tuple[AnyStage, ...] = Field(default_factory=_default_stages, min_length=1)
    terms: tuple[AnyTerm, ...] = Field((), description="energies beside E~")
    model_weight: float = Field(
        1.0, allow_inf_nan=False, description="factor of E~ beside them; 0 for the terms alone"
    )
    fmax: float = Field(
        0.02, gt=0, allow_inf_nan=False, description="largest force on an atom, pseudo-eV/Å"
    )
    max_stress: float = Field(
        0.3, gt=0, allow_inf_nan=False, description="largest stress component, GPa"
    )
    pressure: float = Field(
        0.0,
        allow_inf_nan=False,
        description="external pressure; GPa where a physical term is the energy, else of E~ units",
    )
    axes: Literal["xyz", "xy", "xz", "yz", "x", "y", "z", "none"] = Field(
        "xyz",
        description="along which the cell may change; a lies along x, and b in the xy plane",
    )
    spring: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="constant of springs that tie held atoms to their places, pseudo-eV/Å²; "
        "default: they don't move",
    )
    keep_symmetry: bool = Field(
        False, description="keep the symmetry that seeds have; crystals only"
    )
    volume: tuple[float, float] = Field(
        (0.3, 3.0), description="allowed volume, in units of the seed's"
    )

    @model_validator(mode="after")
    def _possible(self) -> "Protocol":
        low, high = self.volume
        if not 0 <= low < high <= inf:
            raise ValueError(f"volume {self.volume} must be a range 0 <= low < high")
        labels = [term.known_as for term in self.terms]
        if len(set(labels)) < len(labels):
            raise ValueError(f"terms need different labels, not {', '.join(labels)}")
        if MODEL in labels:
            raise ValueError(f"{MODEL} is the model's own label")
        if not self.terms and self.model_weight != 1:
            raise ValueError("model_weight does something beside terms only")
        for stage in (part for outer in self.stages for part in (outer, *outer.parts)):
            stage.check_energies([MODEL, *labels])
        return self

    def check(self, system: System) -> None:
        """Check that stages and terms suit what is relaxed.

        Raises:
            UserError: one is for other systems, or there is no cell for a pressure to act on.
        """
        for stage in self.stages:
            stage.check(system)
        for term in self.terms:
            if not term.suits(system):
                raise UserError(f"Energy term {term.name} is not for {system.plural}.")
            if term.in_frame and self.axes == "xyz":
                raise UserError(
                    f"Energy term {term.name} acts at places within a cell that may change.",
                    "Give axes: none.",
                )
        if self.pressure and not system.takes_pressure:
            raise UserError(
                f"{system.plural.capitalize()} have no cell that it acts on: "
                "a pressure would do nothing.",
                "Leave out pressure.",
            )
        if self.pressure and self.axes == "none":
            raise UserError(
                "The cell stays as it is (axes: none): a pressure would do nothing.",
                "Leave out pressure, or give axes: xyz.",
            )
        if system.strained.any() and self.axes != "none":
            self._check_stress()
        if self.keep_symmetry:
            self._check_symmetry(system)
        if self.axes != "xyz":
            self.check_holding()
        if self.axes not in {"xyz", "none"}:
            self._check_axes(system)
        if self.spring is not None and self.axes not in {"none", "xyz"}:
            raise UserError(
                "Springs tie atoms to places in a cell that changes.", "Give axes: none."
            )

    def _check_stress(self) -> None:
        """Check that no cell changes while terms act that have no stress.

        Raises:
            UserError: one does.
        """
        weights = {t.known_as: t.weight for t in self.terms if isinstance(t, FixTerm)}
        for stage in (part for outer in self.stages for part in (outer, *outer.parts)):
            weights |= {label: w for label, w in stage.weighs.items() if label in weights}
            acting = [label for label, weight in weights.items() if weight]
            if acting and not stage.keeps_cell:
                raise UserError(
                    f"Energy term {acting[0]} has no stress, and stage {stage.name} changes the "
                    "cell.",
                    f"Give axes: none, or let stage blend set its weight to 0 before {stage.name}.",
                )

    def _check_axes(self, system: System) -> None:
        """Check that there is a cell to change along the axes asked for.

        Raises:
            UserError: there is none.
        """
        able = [axis for number, axis in enumerate("xyz") if system.strained[number, number]]
        if not set(self.axes) <= set(able):
            raise UserError(
                f"{system.plural.capitalize()} have no cell along {self.axes} that changes.",
                f"Give axes among {' '.join(able)}." if able else "Leave out axes.",
            )

    def check_holding(self) -> None:
        """Check that all stages leave held atoms and axes of the cell as they are.

        Raises:
            UserError: one does not.
        """
        for stage in (part for outer in self.stages for part in (outer, *outer.parts)):
            if not stage.holds:
                able = [kind.name for kind in STAGES if kind.holds]
                raise UserError(
                    f"Stage {stage.name} moves atoms that are to stay, or changes a cell that is "
                    "to stay.",
                    f"Stages that don't: {', '.join(able)}.",
                )

    def _check_symmetry(self, system: System) -> None:
        """Check that there is a space group to keep, and that all stages do.

        Raises:
            UserError: there is none, or a stage breaks it.
        """
        if not all(system.pbc):
            raise UserError(
                f"{system.plural.capitalize()} have no space group.",
                "Leave out what asks for symmetry.",
            )
        for stage in (part for outer in self.stages for part in (outer, *outer.parts)):
            if not stage.keeps_symmetry:
                able = [kind.name for kind in STAGES if kind.keeps_symmetry]
                raise UserError(
                    f"Stage {stage.name} doesn't keep symmetry.",
                    f"Stages that do: {', '.join(able)}; or give keep_symmetry: false.",
                )
