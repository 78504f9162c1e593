"""One process of a training: ``python -m rm_lammps.training.fit FOLDER``.

``rm-train`` starts it in a folder that it has prepared. Under ``srun`` and ``torchrun`` there are
several, which train together.
"""

import sys
import warnings
from pathlib import Path
from typing import Any

import lightning
import torch
import yaml
from lightning.pytorch.callbacks import ModelCheckpoint

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.files import MODEL_STATISTICS
from rm_lammps.training.config import TrainingConfig
from rm_lammps.training.data import ResponseData
from rm_lammps.training.module import ResponseModule
from rm_lammps.training.nequip_config import MONITOR
from rm_lammps.training.progress import TrainingProgress

LAST = "checkpoints/last.ckpt"


def fit(folder: Path) -> None:
    """Train what a folder holds the configuration of, on from its last checkpoint if there is one.

    Args:
        folder: with ``config.yaml``, ``nequip.yaml``, ``statistics.json`` and ``data/``; the
            working directory, as a packaged model holds paths relative to it.
    """
    config = TrainingConfig.model_validate(yaml.safe_load((folder / "config.yaml").read_text()))
    statistics = DatasetStatistics.model_validate_json((folder / MODEL_STATISTICS).read_text())
    fields = yaml.safe_load((folder / "nequip.yaml").read_text())
    module = build_module(fields)
    module.use_step(
        config.optimisation.loss, periodic=statistics.periodic, compile_step=config.compile
    )
    data = ResponseData(folder, config, statistics)
    trainer = _trainer(config)
    module.world_size = trainer.world_size
    last = folder / LAST
    trainer.fit(
        module,
        datamodule=data,
        ckpt_path=str(last) if last.exists() else None,
        weights_only=False,
    )


def build_module(fields: dict[str, Any]) -> ResponseModule:
    """Build the Lightning module from what ``nequip-train`` would be given.

    Args:
        fields: of ``nequip.yaml``.
    """
    from nequip.utils import get_current_code_versions
    from nequip.utils.global_state import get_latest_global_state, set_global_state

    set_global_state()
    arguments = dict(fields["training_module"])
    # what nequip's own tools read of a checkpoint
    info = {
        "versions": get_current_code_versions(),
        "data": fields["data"],
        "trainer": fields["trainer"],
        "global_options": get_latest_global_state(),
        "runs": fields["run"],
        "training_module": arguments,
    }
    arguments = {name: value for name, value in arguments.items() if name != "_target_"}
    counts = {"train": 1, "val": 1, "test": 0, "predict": 0}
    return ResponseModule(num_datasets=counts, info_dict=info, **arguments)


def _trainer(config: TrainingConfig) -> lightning.Trainer:
    checkpoints = ModelCheckpoint(
        dirpath="checkpoints",
        filename="best",
        monitor=MONITOR,
        save_last=True,
        enable_version_counter=False,
    )
    return lightning.Trainer(
        accelerator="auto",
        devices=1,
        max_epochs=config.optimisation.epochs,
        gradient_clip_val=config.optimisation.gradient_clip,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        logger=False,
        # errors are computed with gradients of energies
        inference_mode=False,
        callbacks=[checkpoints, TrainingProgress("log.csv")],
    )


def main() -> None:
    """Train the folder named on the command line."""
    warnings.filterwarnings("ignore")
    torch.set_float32_matmul_precision("highest")
    fit(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
