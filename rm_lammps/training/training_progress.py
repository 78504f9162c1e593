"""What a person sees of a training run while it runs."""

import time
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, Timer
from rich.console import Console
from rich.progress import Progress

from rm_lammps.progress import SECONDS_BETWEEN_LINES, start_bar
from rm_lammps.training.training_table import METRICS, read_table, write_table

_SECONDS_BETWEEN_UPDATES = 0.5


class TrainingProgress(Callback):
    """Progress bar with loss and errors; a line a minute where there is no terminal.

    Args:
        table: CSV file with one row per epoch; a resumed run goes on in it.

    """

    def __init__(self, table: str) -> None:
        self._table = Path(table)
        self._bar: Progress | None = None
        self._errors = ""
        self._start = self._last_line = self._epoch_start = time.monotonic()
        self._first: tuple[float, float] | None = None
        self._structures, self._rate = 0, float("nan")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Open the bar and drop rows of epochs that a killed run didn't keep."""
        self._start = self._last_line = time.monotonic()
        self._rows = [
            row for row in read_table(self._table) if int(row["epoch"]) < trainer.current_epoch
        ]
        self._seconds_before = float(self._rows[-1]["seconds"]) if self._rows else 0.0
        if trainer.is_global_zero:
            # standard error goes to train.log
            self._bar = start_bar(
                "epochs", total=_epochs(trainer), done=trainer.current_epoch, stderr=False
            )

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Begin to count."""
        self._epoch_start, self._structures = time.monotonic(), 0

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,  # noqa: ARG002
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Move on by one batch."""
        done = trainer.current_epoch + (batch_idx + 1) / trainer.num_training_batches
        if self._first is None:
            # the first step compiles: it says nothing of those that follow
            self._first = done, time.monotonic()
            self._epoch_start = self._first[1]
        else:
            self._structures += _number_of_structures(batch) * trainer.world_size
        # reading the loss waits for the device, which would have nothing to do meanwhile
        pause = SECONDS_BETWEEN_LINES if self._bar is None else _SECONDS_BETWEEN_UPDATES
        if not trainer.is_global_zero or time.monotonic() - self._last_line < pause:
            return
        loss = float(outputs["loss"])
        if self._bar is None:
            self._print(trainer, done, loss)
        else:
            text = f"loss {loss:.4f}  {self._errors}"
            self._bar.update(self._bar.task_ids[0], completed=round(done, 2), description=text)
            self._last_line = time.monotonic()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Take the time of the epoch."""
        seconds = time.monotonic() - self._epoch_start
        self._rate = self._structures / seconds if self._structures else float("nan")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Add a row to the table."""
        if not trainer.is_global_zero:
            return
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        row: dict[str, float] = {
            "epoch": trainer.current_epoch,
            "seconds": round(self._seconds_before + time.monotonic() - self._start, 1),
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "structures_per_second": round(self._rate, 1),
            "train_loss": metrics.get(
                "train_loss", metrics.get("train_loss_step/weighted_sum", float("nan"))
            ),
            "val_loss": metrics["val0_epoch/weighted_sum"],
        }
        row.update({m: metrics[f"val0_epoch/{m}"] for m in METRICS if f"val0_epoch/{m}" in metrics})
        self._rows.append(row)
        write_table(self._table, self._rows)
        self._errors = f"force RMSE {row['forces_rmse']:.3f}"
        if "forces_label_rms" in row:
            self._errors += f" of {row['forces_label_rms']:.3f}"
        self._errors += " pseudo-eV/Å"
        if "moved_mean" in row:
            self._errors += f", known structures move {row['moved_mean']:.3f} Å"

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Close the bar."""
        if self._bar is not None:
            self._bar.stop()
        if trainer.is_global_zero:
            text = f"trained {trainer.current_epoch} epochs: {self._errors}"
            Console().print(text, highlight=False)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: Any) -> None:  # noqa: ARG002
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.stop()

    def _print(self, trainer: Trainer, done: float, loss: float) -> None:
        self._last_line = time.monotonic()
        total = _epochs(trainer)
        of = "" if total is None else f" of {total}"
        seconds = self._seconds_left(trainer, done)
        left = "" if seconds is None else f"  {duration(seconds)} left"
        print(f"epoch {done:.1f}{of}  loss {loss:.4f}  {self._errors}{left}", flush=True)

    def _seconds_left(self, trainer: Trainer, done: float) -> float | None:
        for callback in trainer.callbacks:
            if isinstance(callback, Timer):
                return callback.time_remaining()
        if self._first is None or done <= self._first[0]:
            return None
        pace = (self._last_line - self._first[1]) / (done - self._first[0])
        return pace * ((trainer.max_epochs or 0) - done)


def _epochs(trainer: Trainer) -> int | None:
    """Epochs of the whole training, if they are what ends it."""
    return trainer.max_epochs if (trainer.max_epochs or -1) > 0 else None


def duration(seconds: float) -> str:
    """Time as a person says it: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _number_of_structures(batch: Any) -> int:
    """Structures in a batch of ours, or of nequip's."""
    if isinstance(batch, dict):
        from nequip.data import AtomicDataDict

        return int(AtomicDataDict.num_frames(batch))
    return int(batch.n_structures)
