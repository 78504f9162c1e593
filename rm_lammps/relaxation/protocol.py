"""How a seed is relaxed: a list of stages."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from rm_lammps.errors import UserError


class _Stage(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rattle(_Stage):
    """Displace the atoms and strain the cell at random."""

    stage: Literal["rattle"] = "rattle"
    displacement: float = Field(0.3, ge=0, description="standard deviation a component, Å")
    strain: float = Field(0.0, ge=0, lt=0.5, description="standard deviation a component")


class Anneal(_Stage):
    """Langevin dynamics on E~ at a temperature that changes linearly (``anneal.in``).

    Temperatures are energies: an atom on a spring of 1 pseudo-eV/Å² moves sqrt(temperature) Å.
    """

    stage: Literal["anneal"] = "anneal"
    start: float = Field(0.1, gt=0, description="temperature at the start, pseudo-eV")
    end: float = Field(0.01, gt=0, description="temperature at the end, pseudo-eV")
    steps: int = Field(1000, ge=1)
    timestep: float = Field(0.002, gt=0, description="ps, with masses of 1 g/mol")
    damp: float = Field(0.05, gt=0, description="relaxation time of the temperature, ps")
    box: bool = Field(False, description="let the volume follow the pressure")


class Minimise(_Stage):
    """Minimise the atoms in a fixed cell (``minimise.in``)."""

    stage: Literal["minimise"] = "minimise"
    style: Literal["cg", "sd", "fire"] = "cg"
    ftol: float = Field(0.1, gt=0, description="largest force component, pseudo-eV/Å")
    steps: int = Field(60, ge=1, description="iterations at most")
    dmax: float = Field(0.3, gt=0, description="longest move in one iteration, Å")


class BoxRounds(_Stage):
    """Minimise atoms and cell together, in short rounds (``box_round.in``).

    Rounds go on until forces and stress, evaluated afresh, pass the protocol's tolerances.
    Between rounds the cell is reduced and its faces are put between atoms.
    """

    stage: Literal["box"] = "box"
    style: Literal["cg", "sd"] = "cg"
    rounds: int = Field(10, ge=1)
    steps: int = Field(40, ge=1, description="iterations at most, each round")
    dmax: float = Field(0.2, gt=0, description="longest move in one line search, Å")
    vmax: float = Field(0.02, gt=0, lt=1, description="largest volume change an iteration")
    settle: int = Field(
        0, ge=0, description="iterations of the atoms alone after each round; large cells need them"
    )


class Symmetrise(_Stage):
    """Move atoms and cell onto the symmetry they nearly have (spglib); the cell's content stays.

    Best followed by a stage that minimises: what a symmetry forbids, a minimisation keeps.
    """

    stage: Literal["symmetrise"] = "symmetrise"
    symprec: float = Field(0.1, gt=0, description="tolerance on positions, Å")


class Hops(_Stage):
    """Rattle the best structure so far, relax it, keep it if E~ (with pressure, E~ + pV) is lower.

    A seed that did not converge, or sits in a poor minimum, gets further tries. The pieces of a
    molecule that came apart are put together instead, and fewer pieces are better than lower E~;
    with ``valences``, fewer unused valences are too.
    """

    stage: Literal["hops"] = "hops"
    number: int = Field(10, ge=1, description="hops at most")
    patience: int = Field(2, ge=1, description="stop after so many in a row without gain")
    displacement: float = Field(0.5, ge=0, description="standard deviation a component, Å")
    strain: float = Field(0.05, ge=0, lt=0.5, description="standard deviation a component")
    relocate: float = Field(
        0.0,
        ge=0,
        le=1,
        description="molecules: share of hops that move one or two atoms next to others instead",
    )
    valences: bool = Field(
        False, description="molecules: fewer unused valences are better than lower E~"
    )
    enough: float | None = Field(None, description="stop below this E~, pseudo-eV per atom")
    relax: tuple[Annotated[Minimise | BoxRounds, Field(discriminator="stage")], ...] = (
        BoxRounds(),
    )


Stage = Annotated[
    Rattle | Anneal | Minimise | BoxRounds | Symmetrise | Hops, Field(discriminator="stage")
]


class Protocol(_Stage):
    """Stages, and when a structure counts as relaxed."""

    stages: tuple[Stage, ...] = Field((BoxRounds(), Hops()), min_length=1)
    fmax: float = Field(0.02, gt=0, description="largest force on an atom, pseudo-eV/Å")
    max_stress: float = Field(0.3, gt=0, description="largest stress component, GPa")
    pressure: float = Field(0.0, description="external pressure in GPa of E~ units")
    volume: tuple[float, float] = Field(
        (0.3, 3.0), description="allowed volume, in units of the seed's"
    )

    def check(self, *, periodic: bool) -> None:
        """Check that the stages suit what is relaxed.

        Args:
            periodic: crystals are relaxed, not molecules.

        Raises:
            UserError: a stage is for the other kind.
        """
        stages = [*self.stages, *(inner for s in self.stages for inner in getattr(s, "relax", ()))]
        if periodic:
            if any(isinstance(s, Hops) and (s.relocate or s.valences) for s in stages):
                raise UserError(
                    "Hops that relocate atoms or look at valences are for molecules, not crystals."
                )
            return
        unfit = {
            stage.stage
            for stage in stages
            if isinstance(stage, BoxRounds | Symmetrise)
            or (isinstance(stage, Anneal) and stage.box)
        }
        if unfit or self.pressure:
            what = f"unusable stages {', '.join(sorted(unfit))}" if unfit else "no pressure"
            raise UserError(
                f"Molecules have no cell: {what}.",
                "Use --preset molecules, or stages minimise, rattle, anneal, hops over minimise.",
            )
