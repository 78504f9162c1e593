"""Under torchrun: two processes with parts of a batch have the gradient of one with all of it."""

import sys
from pathlib import Path

import lightning
import numpy as np
import torch
import yaml
from torch.utils.data import DataLoader

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.training.fit import build_module
from rm_lammps.training.samples import SampleSource, Shape, pack, to_batch
from rm_lammps.training.training_config import TrainingConfig


class Check(lightning.Callback):
    def __init__(self, loss, gradients):
        self.loss, self.gradients, self.equal = loss, gradients, False

    def on_before_optimizer_step(self, trainer, module, optimizer):
        for parameter, gradient in zip(module.step.parameters(), self.gradients, strict=True):
            torch.testing.assert_close(parameter.grad, gradient, rtol=1e-7, atol=1e-12)
        self.equal = True

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        # each process's loss is its part of the sum, times the number of processes
        total = outputs["loss"].detach().clone()
        torch.distributed.all_reduce(total)
        torch.testing.assert_close(total / 2, self.loss, rtol=1e-7, atol=0)


def main():
    folder = Path(sys.argv[1])
    config = TrainingConfig.model_validate(yaml.safe_load((folder / "config.yaml").read_text()))
    statistics = DatasetStatistics.model_validate_json((folder / "statistics.json").read_text())
    module = build_module(yaml.safe_load((folder / "nequip.yaml").read_text()))
    module.use_step(config.optimisation.loss, statistics.system, compile_step=False)
    source = SampleSource(folder / "data" / "train.extxyz", config, statistics)
    drawn = source.draw(np.arange(9) % len(source.frames), np.random.default_rng(5))
    shape = Shape(10, int(drawn.noisy.structures.counts.sum()) + 1, int(drawn.edge_counts.sum()))

    def batch(part):
        return to_batch(pack(drawn, np.asarray(part), shape, cutoff=3.0), torch.float64)

    joint = batch(range(9))
    counts = torch.tensor([joint.n_structures, joint.n_atoms], dtype=torch.float64)
    parameters = list(module.step.parameters())
    loss, *gradients = module.loss_and_gradients(*parameters, counts, *joint.tensors())
    check = Check(loss, gradients)
    trainer = lightning.Trainer(
        accelerator="cpu", devices=2, strategy="ddp", max_steps=1, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        callbacks=[check], use_distributed_sampler=False,
    )  # fmt: skip
    # shares of different size: a mean of means would be another number
    own = batch(range(3) if trainer.global_rank == 0 else range(3, 9))
    trainer.fit(module, DataLoader([own], batch_size=None, collate_fn=lambda item: item))
    assert check.equal
    print("one gradient")


if __name__ == "__main__":
    main()
