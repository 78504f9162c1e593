"""Annealed denoising of atoms and cell."""

from typing import Literal

from pydantic import Field, model_validator

from rm_lammps.relaxation.kept_symmetry import set_operations
from rm_lammps.relaxation.relaxation import Relaxation
from rm_lammps.relaxation.stage import STAGES, Stage

_SEGMENT = 50
"""Steps between looks at the volume, at the shape of the cell and at whether to go on."""
_LARGEST_RANDOM = 2_000_000_000


@STAGES.register
class Denoise(Stage):
    """Anneal by denoising: add noise that falls, and take it away again (``denoise.in``).

    For a model that learnt responses, a force says how far an atom is from its place. Each step
    moves the atoms a share of that way, strains the cell by its stress, and adds new noise.
    """

    name = "denoise"
    wanders = True
    holds = True
    keeps_symmetry = True

    level: str | None = Field(
        None,
        description="level of the model's ladder; default: the highest that was trained with "
        "as little noise as there is at the start",
    )
    start: float = Field(0.5, ge=0, description="noise of a coordinate in the first step, Å")
    end: float = Field(0.03, ge=0, description="and in the last, Å")
    steps: int = Field(160, ge=1)
    schedule: Literal["geometric", "linear"] = Field("geometric", description="how noise falls")
    step: float = Field(0.7, gt=0, lt=2, description="share of the displacement that a step makes")
    dmax: float = Field(0.5, gt=0, description="longest move by the force in a step, Å")
    adapt: float = Field(
        0.0, ge=0, description="noise at most so many times the forces' displacement; 0: any"
    )
    cell: Literal["none", "iso", "aniso", "tri"] = Field(
        "tri", description="what of a crystal's cell changes"
    )
    strain: float = Field(0.1, ge=0, description="noise of the strain, for each Å of noise")
    keep_symmetry: bool = Field(
        False, description="keep the symmetry that the structure has at the start"
    )

    @model_validator(mode="after")
    def _possible(self) -> "Denoise":
        if self.schedule == "geometric" and (self.start == 0) != (self.end == 0):
            raise ValueError(
                "a geometric schedule neither begins nor ends at 0: use schedule linear"
            )
        return self

    def run(self, relaxation: Relaxation) -> None:
        """Denoise what is in LAMMPS."""
        session, system = relaxation.session, relaxation.system
        more, tidy = "", not session.keeps_frame
        # beside fixed atoms, the others have a place
        zero = "yes" if session.moving == "all" else "no"
        keep = self.keep_symmetry or relaxation.protocol.keep_symmetry
        if keep and all(system.pbc) and set_operations(session):
            more, tidy = " flip no symmetry v_operations", False
        session.use_level(self.level or session.bundle.level_for(self.start))
        session.set(
            start=self.start,
            end=self.end,
            random=int(relaxation.rng.integers(1, _LARGEST_RANDOM)),
            step=self.step,
            dmax=self.dmax,
            group=session.moving,
            cell="none" if session.keeps_frame or not system.strained.all() else self.cell,
            strain=self.strain,
            pressure=relaxation.pressure_bar,
            more=f"zero {zero} schedule {self.schedule} adapt {self.adapt}{more}",
        )
        session.set(begin=relaxation.steps_done)
        session.include("denoise.in")
        piece = relaxation.piece(session.n_atoms, _SEGMENT)
        for begin in range(relaxation.steps_done, self.steps, piece):
            relaxation.reached(begin, self.steps)
            steps = min(piece, self.steps - begin)
            session.command(f"run {steps} start 0 stop {self.steps} post no")
            relaxation.check_volume()
            if tidy and system.has_cell:
                session.tidy_cell()
        session.include("denoise_end.in")
        session.use_level(None)
