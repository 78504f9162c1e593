"""One process of a training: ``python -m rm_lammps.training.fit FOLDER``.

``rm-train`` starts it in a folder that it has prepared. Under ``srun`` and ``torchrun`` there are
several, which train together.
"""

import os
import sys
import warnings
from pathlib import Path
from typing import Any

import lightning
import yaml
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.strategies import DDPStrategy

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.files import MODEL_STATISTICS
from rm_lammps.model.edge_form import UnsupportedModelError
from rm_lammps.training.data import ResponseData
from rm_lammps.training.minutes import Minutes
from rm_lammps.training.module import ResponseModule
from rm_lammps.training.prepare import EXAMPLE, LAST, NEQUIP_CONFIG
from rm_lammps.training.processes import end_with_parent, n_processes, processes_here
from rm_lammps.training.products import choose_products
from rm_lammps.training.spurious import SPURIOUS
from rm_lammps.training.training_config import TrainingConfig
from rm_lammps.training.training_progress import TrainingProgress

_QUIET_HYDRA = (
    "hydra.run.dir=.",
    "hydra.output_subdir=null",
    "hydra/job_logging=disabled",
    "hydra/hydra_logging=disabled",
)


def fit(folder: Path) -> None:
    """Train what a folder holds the configuration of, on from its last checkpoint if there is one.

    Args:
        folder: as :func:`~rm_lammps.training.prepare.prepare` leaves it; the working directory, as
            a packaged model holds paths relative to it.

    Raises:
        UnsupportedModelError: the fast step does not know the architecture.
    """
    choose_products()
    config = TrainingConfig.model_validate(yaml.safe_load((folder / "config.yaml").read_text()))
    if config.processes > 1:
        end_with_parent()
    statistics = DatasetStatistics.model_validate_json((folder / MODEL_STATISTICS).read_text())
    module = build_module(yaml.safe_load((folder / NEQUIP_CONFIG).read_text()))
    module.use_step(config.optimisation.loss, statistics.system, compile_step=config.compile)
    data = ResponseData(folder, config, statistics)
    if config.noise.displacement_min == 0:
        # a model of larger noise alone is not asked where its minima are
        module.examine_equilibria(data.known_structures(), data.source.types)
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
    def checkpoint(name: str, **when: Any) -> ModelCheckpoint:
        return ModelCheckpoint(
            dirpath="checkpoints", filename=name, enable_version_counter=False, **when
        )

    callbacks: list[Any] = [
        checkpoint("best", monitor="selection"),
        # of every epoch: what monitors saves only what is better than before
        checkpoint("last"),
        TrainingProgress("log.csv"),
    ]
    minutes = config.optimisation.minutes is not None
    if minutes:
        callbacks.append(Minutes(config.optimisation))
    return lightning.Trainer(
        accelerator="auto",
        devices=processes_here(),
        num_nodes=n_processes() // processes_here(),
        # the model's buffers are constants, the same in all processes
        strategy=DDPStrategy(broadcast_buffers=False) if n_processes() > 1 else "auto",
        max_epochs=-1 if minutes else config.optimisation.epochs,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        logger=False,
        # errors are computed with gradients of energies
        inference_mode=False,
        callbacks=callbacks,
    )


def main() -> None:
    """Train the folder named on the command line."""
    warnings.filterwarnings("ignore")
    folder = Path(sys.argv[1])
    try:
        fit(folder)
    except UnsupportedModelError as what:
        if (folder / SPURIOUS).exists():
            sys.exit(f"Spurious structures are shown to one kind of model; this has {what}.")
        if (folder / EXAMPLE).exists():
            sys.exit(f"Cells of thousands of atoms train with one kind of model; this has {what}.")
        print(f"nequip-train trains this model, several times slower: it has {what}.", flush=True)
        _continue_as_nequip(folder)


def _continue_as_nequip(folder: Path) -> None:
    """Become ``nequip-train`` in the same folder."""
    words = ["-m", "nequip.scripts.train", "-cp", str(folder), "-cn", NEQUIP_CONFIG[:-5]]
    last = [f"+ckpt_path={LAST}"] if (folder / LAST).exists() else []
    os.execv(sys.executable, [sys.executable, *words, *last, *_QUIET_HYDRA])


if __name__ == "__main__":
    main()
