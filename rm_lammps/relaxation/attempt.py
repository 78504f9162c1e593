"""What came of relaxing a structure once."""

from dataclasses import dataclass

import ase

from rm_lammps.relaxation.outcome import Evaluation, StopError


@dataclass(frozen=True)
class Attempt:
    """A converged structure, or a failure and where a further attempt may begin."""

    structure: ase.Atoms
    result: Evaluation | None = None
    stop: StopError | None = None

    def finished(self) -> tuple[ase.Atoms, Evaluation]:
        """Structure and evaluation.

        Raises:
            StopError: it failed.
        """
        if self.stop is not None:
            raise self.stop
        if self.result is None:
            raise RuntimeError("an attempt has a result or a failure")
        return self.structure, self.result
