"""The family of stages."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BeforeValidator, PlainSerializer, field_validator

from rm_lammps.errors import UserError
from rm_lammps.kinds import Family, Kind
from rm_lammps.systems import System

if TYPE_CHECKING:
    from rm_lammps.relaxation.attempt import Attempt
    from rm_lammps.relaxation.outcome import Evaluation
    from rm_lammps.relaxation.relaxation import Relaxation


class Stage(Kind, ABC):
    """One step of a protocol, done to the structure that is in LAMMPS."""

    keeps_symmetry: ClassVar[bool] = False
    """Whether it keeps a crystal's symmetry where the protocol asks for that."""
    wanders: ClassVar[bool] = False
    """Whether it leaves the minimum that a structure belongs to, as searches and noise do."""
    holds: ClassVar[bool] = False
    """Whether it leaves held atoms, and axes of the cell, as they are."""

    keeps_cell: ClassVar[bool] = False
    """Whether it leaves the whole cell as it is."""

    @classmethod
    def suits(cls, system: System) -> bool:  # noqa: ARG003
        """Whether it is for a system, by what this one is: any, unless a stage says otherwise."""
        return True

    def check(self, system: System) -> None:
        """Check that the stage suits what is relaxed.

        Raises:
            UserError: it is for other systems.
        """
        if not self.suits(system):
            raise UserError(
                f"Stage {self.name} is not for {system.plural}.",
                f"Stages for {system.plural}: {', '.join(stages_for(system))}.",
            )

    def check_energies(self, labels: Collection[str]) -> None:
        """Check that the energies that the stage names are there.

        Args:
            labels: of E~ and of the terms beside it.

        Raises:
            ValueError: one is not.
        """

    @property
    def weighs(self) -> Mapping[str, float]:
        """Weights that it gives to energies, by label."""
        return {}

    @property
    def parts(self) -> "tuple[Stage, ...]":
        """Stages that it runs itself."""
        return ()

    @abstractmethod
    def run(self, relaxation: "Relaxation") -> "Evaluation | None":
        """Do it.

        Args:
            relaxation: the seed on its way; its session holds the structure.

        Returns:
            The evaluation of the result, where the stage made one at its end.

        Raises:
            StopError: the seed failed.
            DroppedError: the caller wants no more of it.
        """


class Search(Stage, ABC):
    """A stage that tries further structures and keeps the best one."""

    wanders = True

    @abstractmethod
    def search(self, relaxation: "Relaxation", best: "Attempt") -> "Attempt":
        """Look for something better.

        Args:
            relaxation: the seed on its way.
            best: so far, or a failure that may be mended.
        """

    def run(self, relaxation: "Relaxation") -> None:
        """Not done to the structure in LAMMPS: see :meth:`search`."""
        raise TypeError(f"stage {self.name} searches")


class RelaxingSearch(Search, ABC):
    """A search that relaxes what it tries by stages of its own, which are its field ``relax``."""

    attempt_name: ClassVar[str]
    """What one of its tries is called."""

    if TYPE_CHECKING:
        # each has it among its fields, with a default of its own
        relax: "tuple[AnyStage, ...]"

    @field_validator("relax", check_fields=False)
    @classmethod
    def _no_search_within(cls, stages: tuple[Any, ...]) -> tuple[Any, ...]:
        for stage in stages:
            if isinstance(stage, Search):
                raise ValueError(f"stage {stage.name} can't be part of a {cls.attempt_name}")
        return stages

    @property
    def parts(self) -> tuple[Stage, ...]:
        """The stages after each try."""
        return self.relax

    def check(self, system: System) -> None:
        """Check the stages after each try too."""
        super().check(system)
        for stage in self.relax:
            stage.check(system)


STAGES: Family[Stage] = Family(
    "stage", field="stage", package="rm_lammps.relaxation.stages", group="rm_lammps.stages"
)

AnyStage = Annotated[Stage, BeforeValidator(STAGES.read), PlainSerializer(STAGES.plain)]
"""A field that takes any stage, from YAML or as an object."""


def stages_for(system: System) -> list[str]:
    """Names of the stages that are for a system."""
    return [kind.name for kind in STAGES if kind.suits(system)]
