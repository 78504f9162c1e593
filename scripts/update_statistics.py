"""Recompute what a model carries of its training data, for a model of an earlier version.

    python scripts/update_statistics.py runs/crystals --data mp20_train.extxyz.gz

MODEL is a folder as rm-train leaves it. The data must be the file that it was trained on: the same
structures are picked from it as then. With --prototypes the model gets a library of them, from
which seeds begin. Deploy the model again afterwards: a bundle carries copies.
"""

import argparse
from pathlib import Path

import yaml

from rm_lammps.datasets import DatasetStatistics, read_structures, split_indices
from rm_lammps.files import MODEL_PROTOTYPES, MODEL_STATISTICS
from rm_lammps.training.learned_library import learned_library
from rm_lammps.training.training_config import TrainingConfig


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--prototypes", action="store_true")
    arguments = parser.parse_args()
    config_file = arguments.model / "config.yaml"
    statistics_file = arguments.model / MODEL_STATISTICS
    before = DatasetStatistics.model_validate_json(statistics_file.read_text())
    frames = read_structures(arguments.data)
    if config_file.exists():
        config = TrainingConfig(**yaml.safe_load(config_file.read_text()))
        training, _ = split_indices(
            len(frames), validation=config.data.validation, seed=config.seed
        )
        frames = [frames[i] for i in training]
    after = DatasetStatistics.of(frames, cutoff=before.cutoff)
    if (after.n_structures, after.species) != (before.n_structures, before.species):
        parser.error(
            f"the model was trained on {before.n_structures} structures of "
            f"{len(before.species)} elements; these are {after.n_structures} of "
            f"{len(after.species)}"
        )
    statistics_file.write_text(after.model_dump_json(indent=1) + "\n")
    print(f"{statistics_file}: {len(after.stoichiometries)} stoichiometries")
    if arguments.prototypes:
        learned_library(frames, seed=0, shown=True).save(arguments.model / MODEL_PROTOTYPES)


if __name__ == "__main__":
    main()
