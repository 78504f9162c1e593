"""Training by the clock, where the time is given and not the number of epochs."""

import math
from datetime import timedelta
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Timer

from rm_lammps.training.training_config import OptimisationConfig


class Minutes(Timer):
    """Ends the training after so many minutes; the learning rate falls as a cosine of the time.

    A resumed run has what its checkpoint left of the minutes.

    Args:
        optimisation: with ``minutes`` set.
    """

    def __init__(self, optimisation: OptimisationConfig) -> None:
        minutes = optimisation.minutes or 0.0
        super().__init__(duration=timedelta(minutes=minutes), interval="step", verbose=False)
        self._seconds = 60 * minutes
        self._range = optimisation.final_learning_rate, optimisation.learning_rate

    def on_train_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,  # noqa: ARG002
        batch: Any,  # noqa: ARG002
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        """Set the learning rate."""
        low, high = self._range
        share = min(1.0, self.time_elapsed() / self._seconds)
        rate = low + 0.5 * (high - low) * (1 + math.cos(math.pi * share))
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = rate
