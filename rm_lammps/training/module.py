"""The Lightning module: nequip's own, with the fast step in place of its passes."""

from collections.abc import Callable, Sequence
from typing import Any

import ase
import torch
from nequip.train import EMALightningModule
from torch import Tensor

from rm_lammps.response.structures import Ints
from rm_lammps.systems import System
from rm_lammps.training.equilibrium import Surface, examine, summary
from rm_lammps.training.measured_errors import Errors
from rm_lammps.training.step import (
    Batch,
    ResponseStep,
    compiled,
    loss_and_gradients,
    with_gradients,
)
from rm_lammps.training.training_config import LossConfig

_NEAR = 0.02
"""Å: where known structures move so far, a checkpoint needs half the loss."""


class ResponseModule(EMALightningModule):
    """Trains on :class:`~rm_lammps.training.step.Batch` instead of nequip's dictionaries.

    Checkpoints are those of nequip's module, which loads them: parameters, averages and
    hyperparameters are the same.
    """

    def use_step(self, loss: LossConfig, system: System, *, compile_step: bool) -> None:
        """Choose what is minimised.

        Args:
            loss: weights of squared errors.
            system: what the structures are.
            compile_step: whether ``torch.compile`` compiles the step.

        Raises:
            UnsupportedModelError: the fast form does not know the model.
        """
        (model,) = self.model.values()
        step = ResponseStep(model, loss, system)
        # in a tuple: as a module of this one it would be in checkpoints, twice
        self._steps = (step,)
        self._compile = compile_step
        self.eager_loss_and_gradients = loss_and_gradients(step)
        self.loss_and_gradients = self._maybe_compiled(self.eager_loss_and_gradients)
        self._predict = self._maybe_compiled(_predictions(step))
        self._errors = Errors(step.coefficients, system)
        self._train_loss: list[Tensor] = []
        self._known: Sequence[ase.Atoms] = ()

    @property
    def step(self) -> ResponseStep:
        """What is trained."""
        return self._steps[0]

    def examine_equilibria(self, known: Sequence[ase.Atoms], types: Ints) -> None:
        """Choose checkpoints by what becomes of known structures too, not by errors alone.

        Args:
            known: structures without noise.
            types: of the model, by atomic number.
        """
        self._known, self._types = known, types

    def _maybe_compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        ready: list[Callable[..., Any]] = [] if self._compile else [function]

        def call(*inputs: Tensor) -> Any:
            if not ready:
                ready.append(compiled(function, inputs))
            with torch.no_grad():
                return ready[0](*inputs)

        return call

    def on_fit_start(self) -> None:
        """Move the step's constants to the device of the model."""
        self._steps[0].to(self.device)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, _: int) -> Batch:
        """Move a batch."""
        return batch.to(device)

    def _weights_now(self) -> list[Tensor]:
        return list(self._steps[0].parameters())

    def training_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:  # noqa: ARG002
        """Loss of a batch; its gradients are there already when Lightning asks for them."""
        counts = batch.vectors.new_tensor([batch.n_structures, batch.n_atoms])
        world = self.trainer.world_size
        if world > 1:
            torch.distributed.all_reduce(counts)
        parameters = self._weights_now()
        inputs = [parameter.detach() for parameter in parameters]
        loss, *gradients = self.loss_and_gradients(*inputs, counts, *batch.tensors())
        self._train_loss.append(loss)
        # gradients of processes are averaged, and are parts of a sum here
        return world * with_gradients(loss, parameters, gradients)

    def on_train_epoch_end(self) -> None:
        """Keep nequip from logging a loss that it did not compute."""

    def on_validation_epoch_start(self) -> None:
        """Log the mean loss of the epoch that ends with this validation."""
        if self._train_loss:
            loss = torch.stack(self._train_loss).mean() * self.trainer.world_size
            self.log("train_loss", loss, sync_dist=True)
        self._train_loss.clear()

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:  # noqa: ARG002
        """Collect errors of the averaged model."""
        inputs = [parameter.detach() for parameter in self._weights_now()]
        self._errors.add(batch, self._predict(*inputs, *batch.tensors()))

    def on_validation_epoch_end(self) -> None:
        """Log the errors under the names that nequip gives them."""
        # every process validates on everything
        errors = self._errors.compute()
        self._errors.reset()
        selection = errors["weighted_sum"]
        if self._known:
            surface = Surface(self.step, self._types)
            found = summary(examine(surface, self._known, self.step.system))
            selection *= 1 + found["moved_mean"] / _NEAR + 10 * (1 - found["minima"])
            errors |= {name: found[name] for name in ("moved_mean", "lowest_curvature", "minima")}
        for name, value in errors.items():
            self.log(f"val0_epoch/{name}", value)
        self.log("selection", selection)


def _predictions(step: ResponseStep) -> Callable[..., Sequence[Tensor]]:
    """Make the step's predictions a function of parameters and a batch's tensors."""
    names = [name for name, _ in step.named_parameters()]

    class Predict(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.step = step

        def forward(self, *tensors: Tensor) -> Sequence[Tensor]:
            return self.step.predict(*tensors)

    predict, keys = Predict(), [f"step.{name}" for name in names]

    def function(*inputs: Tensor) -> list[Tensor]:
        parameters = dict(zip(keys, inputs[: len(keys)], strict=True))
        outputs = torch.func.functional_call(predict, parameters, inputs[len(keys) :])
        return [output.detach() for output in outputs]

    return function
