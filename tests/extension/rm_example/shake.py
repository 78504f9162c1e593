"""A stage with a LAMMPS script of its own."""

from pathlib import Path

from pydantic import Field

from rm_lammps.relaxation import STAGES, Stage


@STAGES.register
class Shake(Stage):
    """Displace every atom by up to ``distance`` along each axis."""

    name = "shake"

    distance: float = Field(0.1, gt=0, description="largest displacement along an axis, Å")

    def run(self, relaxation):
        """Run the script."""
        number = int(relaxation.rng.integers(1, 10**8))
        relaxation.session.set(distance=self.distance, number=number)
        relaxation.session.include(Path(__file__).with_name("shake.in"))
