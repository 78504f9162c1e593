"""Translate a training configuration into the one that ``nequip-train`` runs."""

from typing import Any

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.systems import SYSTEMS
from rm_lammps.training.training_config import TrainingConfig

MONITOR = "val0_epoch/weighted_sum"
_VALIDATION_SEED = 20240509


def nequip_config(
    config: TrainingConfig,
    statistics: DatasetStatistics,
    *,
    initial: str | None = None,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Everything ``nequip-train`` needs, as plain data.

    Paths are relative to the run's folder, where nequip must run: the packaged model keeps this
    configuration, and a path of this machine means nothing on another one.

    Args:
        config: the run.
        statistics: of the training structures.
        initial: packaged model to begin with the weights of.
        checkpoint: continue from here.

    """
    fields: dict[str, Any] = {
        "run": ["train"],
        "data": _data(config, statistics),
        "trainer": _trainer(config),
        "training_module": _training_module(config, statistics, initial),
    }
    if checkpoint is not None:
        fields["ckpt_path"] = checkpoint
    return fields


def transforms(
    config: TrainingConfig,
    statistics: DatasetStatistics,
    *,
    seed: int | None,
    level: float | None = None,
) -> list[dict[str, Any]]:
    """Configure the transforms of one data set: the response, atom types, neighbours."""
    atoms = config.data.supercell_atoms
    return [
        {
            "_target_": "rm_lammps.response.transform.ResponseTransform",
            "system": SYSTEMS.plain(statistics.system),
            "noise": config.noise.model_dump(mode="json"),
            "energy": config.energy.model_dump(mode="json"),
            "min_distances": dict(statistics.min_distances),
            "supercell_atoms": None if atoms is None else list(atoms),
            "seed": seed,
            "level": level,
            "half_weight": config.optimisation.loss.half_weight,
        },
        {
            "_target_": "nequip.data.transforms.ChemicalSpeciesToAtomTypeMapper",
            "model_type_names": list(statistics.species),
        },
        {
            "_target_": "nequip.data.transforms.NeighborListTransform",
            "r_max": config.model.r_max,
        },
    ]


def _data(config: TrainingConfig, statistics: DatasetStatistics) -> dict[str, Any]:
    loader = {
        "_target_": "torch.utils.data.DataLoader",
        "batch_size": config.optimisation.batch_size,
        "num_workers": config.workers,
        "persistent_workers": config.workers > 0,
    }
    dataset = "rm_lammps.training.dataset.EquilibriumDataset"
    return {
        "_target_": "nequip.data.datamodule.NequIPDataModule",
        "seed": config.seed,
        "train_dataset": {
            "_target_": dataset,
            "file_path": "data/train.extxyz",
            "samples": config.data.samples_per_epoch,
            "weighted": config.data.weight_key is not None,
            "transforms": transforms(config, statistics, seed=None),
        },
        "val_dataset": {
            "_target_": dataset,
            "file_path": "data/validation.extxyz",
            "samples": config.data.validation_samples,
            "transforms": transforms(config, statistics, seed=_VALIDATION_SEED),
        },
        "train_dataloader": {**loader, "shuffle": True},
        "val_dataloader": loader,
    }


def _trainer(config: TrainingConfig) -> dict[str, Any]:
    minutes = config.optimisation.minutes
    return {
        **({} if minutes is None else {"max_time": {"minutes": minutes}}),
        "_target_": "lightning.Trainer",
        "accelerator": "auto",
        "devices": 1,
        "max_epochs": config.optimisation.epochs,
        "num_sanity_val_steps": 0,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "log_every_n_steps": 20,
        "logger": False,
        "callbacks": [
            {
                "_target_": "lightning.pytorch.callbacks.ModelCheckpoint",
                "dirpath": "checkpoints",
                "filename": "best",
                "monitor": MONITOR,
                "save_last": True,
                "enable_version_counter": False,
            },
            {
                "_target_": "rm_lammps.training.training_progress.TrainingProgress",
                "table": "log.csv",
            },
        ],
    }


def _training_module(
    config: TrainingConfig, statistics: DatasetStatistics, initial: str | None
) -> dict[str, Any]:
    optimisation = config.optimisation
    by_epochs = {
        "_target_": "torch.optim.lr_scheduler.CosineAnnealingLR",
        "T_max": optimisation.epochs,
        "eta_min": optimisation.final_learning_rate,
    }
    # by the clock, the rate is set at every step: see training/minutes.py
    by_minutes = {"_target_": "torch.optim.lr_scheduler.ConstantLR", "factor": 1.0}
    scheduler = {
        "scheduler": by_epochs if optimisation.minutes is None else by_minutes,
        "interval": "epoch",
    }
    return {
        "_target_": "nequip.train.EMALightningModule",
        "ema_decay": optimisation.ema_decay,
        "loss": _loss(config, statistics),
        "val_metrics": _metrics(config, statistics),
        "train_metrics": None,
        "optimizer": {
            "_target_": "rm_lammps.training.optimiser.MuonAdam",
            "lr": optimisation.learning_rate,
            "clip": optimisation.gradient_clip,
            "param_groups": {"_target_": "rm_lammps.training.optimiser.parameter_groups"},
        },
        "lr_scheduler": scheduler,
        "model": _model(config, statistics, initial),
    }


def _loss(config: TrainingConfig, statistics: DatasetStatistics) -> dict[str, Any]:
    coefficients = _coefficients(config, statistics)
    return {
        "_target_": "nequip.train.MetricsManager",
        "metrics": [
            {
                "name": f"{field}_mse",
                "field": {
                    "_target_": "rm_lammps.training.weighting.Weighted",
                    "field": field,
                    "per_atom": field == "total_energy",
                },
                "coeff": coefficient,
                "metric": {"_target_": "nequip.train.MeanSquaredError"},
                **_with_gaps(field, statistics),
            }
            for field, coefficient in coefficients.items()
        ],
    }


def _with_gaps(field: object, statistics: DatasetStatistics) -> dict[str, bool]:
    """Option for labels that lack the components of the stress that do not relax."""
    gaps = field == "stress" and not statistics.system.strained.all()
    return {"ignore_nan": True} if gaps else {}


def _coefficients(config: TrainingConfig, statistics: DatasetStatistics) -> dict[str, float]:
    loss = config.optimisation.loss
    coefficients = {"total_energy": loss.energy, "forces": loss.forces}
    return coefficients | ({"stress": loss.stress} if statistics.system.strained.any() else {})


def _metrics(config: TrainingConfig, statistics: DatasetStatistics) -> dict[str, Any]:
    """RMSEs to read, and the weighted sum of losses by which the best checkpoint is chosen."""
    fields: dict[str, Any] = {
        "energy_rmse": {"_target_": "nequip.data.PerAtomModifier", "field": "total_energy"},
        "forces_rmse": "forces",
    }
    if statistics.system.strained.any():
        fields["stress_rmse"] = "stress"
    loss = _loss(config, statistics)
    rmse = {"_target_": "nequip.train.RootMeanSquaredError"}
    read = [
        {"name": name, "field": field, "metric": rmse, **_with_gaps(field, statistics)}
        for name, field in fields.items()
    ]
    return {**loss, "metrics": [*loss["metrics"], *read]}


def _model(
    config: TrainingConfig, statistics: DatasetStatistics, initial: str | None
) -> dict[str, Any]:
    model = config.model
    fields = {
        "_target_": "allegro.model.AllegroModel",
        "compile_mode": "compile" if config.compile else "eager",
        "seed": config.seed,
        "model_dtype": model.dtype,
        "type_names": list(statistics.species),
        "r_max": model.r_max,
        "l_max": model.l_max,
        "parity": model.parity,
        "num_layers": model.num_layers,
        "num_scalar_features": model.num_scalar_features,
        "num_tensor_features": model.num_tensor_features,
        "per_type_energy_shifts": 0.0,
        "per_type_energy_shifts_trainable": True,
        "radial_chemical_embed": {
            "_target_": "allegro.nn.TwoBodyBesselScalarEmbed",
            "num_bessels": model.num_bessels,
            "polynomial_cutoff_p": model.polynomial_cutoff_p,
        },
        "radial_chemical_embed_dim": model.pair_width or model.num_scalar_features,
        "scalar_embed_mlp_hidden_layers_width": model.pair_width or model.mlp_width,
        "scalar_embed_mlp_hidden_layers_depth": model.pair_depth,
        "allegro_mlp_hidden_layers_width": model.mlp_width,
        "readout_mlp_hidden_layers_width": model.mlp_width,
        "avg_num_neighbors": statistics.neighbours_per_atom,
    }
    if initial is not None:
        target = "rm_lammps.training.initial.continued_model"
        fields |= {"_target_": target, "package": initial}
    return fields
