"""A training run's folder: data as used, statistics, configuration."""

from math import ceil, pi
from pathlib import Path

import ase
import ase.io
import numpy as np

from rm_lammps.datasets import DatasetStatistics, read_structures, split_indices
from rm_lammps.datasets.readers import SOURCE
from rm_lammps.errors import UserError
from rm_lammps.files import MODEL_PROTOTYPES, MODEL_STATISTICS
from rm_lammps.response.keys import ANCHOR, SHOWN
from rm_lammps.response.large import LARGE
from rm_lammps.systems import System, system_of
from rm_lammps.training.anchors import anchor, number_in_info
from rm_lammps.training.initial import INITIAL, keep_initial
from rm_lammps.training.nequip_config import nequip_config
from rm_lammps.training.spurious import SPURIOUS, read_spurious
from rm_lammps.training.training_config import TrainingConfig
from rm_lammps.yaml_files import yaml_text

NEQUIP_CONFIG = "nequip.yaml"
"""What ``nequip-train`` would be given; written last, so that it tells of a prepared folder."""
_MOST_ATOMS = 40_000
"""Of large cells in a batch."""
_FEWEST_CUTOFFS = 1.5
"""Radius of a crop."""
EXAMPLE = "data/example.extxyz"
"""A piece of a large cell."""
_PIECE = 100
"""Atoms of it, about."""
BEST, LAST = "checkpoints/best.ckpt", "checkpoints/last.ckpt"


def prepare(
    config: TrainingConfig,
    data: Path,
    folder: Path,
    *,
    start_from: str | None = None,
    spurious: Path | None = None,
) -> DatasetStatistics:
    """Write all that a training needs.

    Args:
        config: the run.
        data: equilibrium structures, see :func:`~rm_lammps.datasets.read_structures`.
        folder: of the run.
        start_from: model to begin with the weights of.
        spurious: structures to be shown as such; nothing for none.

    Raises:
        UserError: unusable data or folder.
    """
    frames = read_structures(data, config.system)
    system = system_of(frames[0]) if config.system is None else config.system
    _refuse_idle(config, system)
    training, validation = _split(frames, config)
    statistics = DatasetStatistics.of(
        [frames[i] for i in training], system, cutoff=config.model.r_max
    )
    false = [] if spurious is None else read_spurious(spurious, config, statistics)
    _check_crops([*frames, *false], config, system)
    try:
        (folder / "data").mkdir(parents=True, exist_ok=True)
        if false:
            ase.io.write(folder / SPURIOUS, false, format="extxyz")
        if start_from is not None:
            keep_initial(start_from, statistics.species, folder)
        for name, indices in (("train", training), ("validation", validation)):
            structures = [_standard(frames[i], config, system) for i in indices]
            ase.io.write(folder / "data" / f"{name}.extxyz", structures, format="extxyz")
        (folder / MODEL_STATISTICS).write_text(statistics.model_dump_json(indent=1) + "\n")
        if config.data.prototypes:
            # needs pymatgen, which a machine that only trains need not have
            from rm_lammps.training.learned_library import learned_library

            library = learned_library([frames[i] for i in training], seed=config.seed, shown=True)
            library.save(folder / MODEL_PROTOTYPES)
        (folder / "config.yaml").write_text(yaml_text(config.model_dump(mode="json")))
        initial = INITIAL if (folder / INITIAL).exists() else None
        fields = nequip_config(config, statistics, initial=initial)
        if len(largest := max(frames, key=len)) >= LARGE:
            # a package holds a structure with all of its neighbours, to be checked against
            ase.io.write(
                folder / EXAMPLE, _piece(_standard(largest, config, system)), format="extxyz"
            )
            for part in ("train_dataset", "val_dataset"):
                fields["data"][part]["file_path"] = EXAMPLE
        (folder / NEQUIP_CONFIG).write_text(yaml_text(fields))
    except OSError as error:
        raise UserError(f"Can't write to {folder}: {error}", "Choose another --out.") from error
    return statistics


def _refuse_idle(config: TrainingConfig, system: System) -> None:
    """Refuse settings of the data that would do nothing.

    Raises:
        UserError: there is one.
    """
    data = config.data
    idle = {}
    if data.energy_key is not None and not config.optimisation.loss.energy:
        idle["energy_key"] = "optimisation.loss.energy is 0"
    if data.energy_key is None and data.energy_scale != 1.0:
        idle["energy_scale"] = "there is no data.energy_key"
    if not system.has_space_group and data.prototypes:
        idle["prototypes"] = f"the data are {system.plural}"
    if not system.has_space_group and data.supercell_atoms is not None:
        idle["supercell_atoms"] = f"the data are {system.plural}"
    for name, why in idle.items():
        raise UserError(f"data.{name} would do nothing: {why}.", "Leave it out.")


def _piece(atoms: ase.Atoms) -> ase.Atoms:
    """A cell with about 100 atoms of a large one, which fit together at its faces by chance."""
    share = (_PIECE / len(atoms)) ** (1 / 3)
    inside = (atoms.get_scaled_positions() < share).all(axis=1)
    piece = atoms[inside]
    piece.set_cell(share * atoms.cell.array)
    # faces apart, as atoms on both sides of one may be close to each other
    piece.set_cell(1.1 * piece.cell.array)
    return piece


def _check_crops(frames: list[ase.Atoms], config: TrainingConfig, system: System) -> None:
    """Check that crops of large cells have atoms whose neighbours belong to them, and batches room.

    Raises:
        UserError: they have none, or memory would not hold a batch.
    """
    crop, cutoff = config.data.crop_atoms, config.model.r_max
    largest = max(frames, key=len)
    held = config.optimisation.batch_size * min(crop, len(largest))
    if len(largest) >= LARGE and held > _MOST_ATOMS:
        raise UserError(
            f"Batches of {config.optimisation.batch_size} cells of {min(crop, len(largest))} atoms "
            "hardly fit into memory.",
            "Give optimisation.batch_size: 1, as the preset glass has it.",
        )
    if len(largest) <= crop or not all(system.pbc):
        return
    density = len(largest) / largest.get_volume()
    least = ceil(4 / 3 * pi * (_FEWEST_CUTOFFS * cutoff) ** 3 * density)
    if crop < least:
        raise UserError(
            f"Crops of {crop} atoms (data.crop_atoms) hardly hold an atom with all neighbours of "
            f"its neighbours within {cutoff} Å.",
            f"Give at least {least}, or a smaller cutoff (model.r_max).",
        )
    if config.optimisation.loss.energy:
        raise UserError(
            "A crop has no energy of its own to learn (optimisation.loss.energy).",
            f"Leave it at 0, or give data.crop_atoms: {len(largest)} to show whole cells.",
        )


def _split(frames: list[ase.Atoms], config: TrainingConfig) -> tuple[list[int], list[int]]:
    """Indices for training and for validation; what alone has an element is trained on."""
    drawn = split_indices(len(frames), validation=config.data.validation, seed=config.seed)
    training, validation = drawn[0].tolist(), drawn[1].tolist()
    seen = {number for i in training for number in np.unique(frames[i].numbers)}
    new = [i for i in validation if not seen.issuperset(frames[i].numbers)]
    kept = [i for i in validation if i not in set(new)]
    return training + new, kept or training


def _standard(atoms: ase.Atoms, config: TrainingConfig, system: System) -> ase.Atoms:
    """Keep sites, a reduced cell, on which minimum images rely, and what is asked for."""
    standard = system.standard(atoms)
    if config.data.energy_key is not None:
        standard.info[ANCHOR] = anchor(atoms, config.data)
    if config.data.weight_key is not None:
        standard.info[SHOWN] = number_in_info(atoms, config.data.weight_key, "data.weight_key")
        if standard.info[SHOWN] < 0:
            raise UserError(
                f"{atoms.info.get(SOURCE)} has {standard.info[SHOWN]} under "
                f"info[{config.data.weight_key!r}] (data.weight_key).",
                "A structure can't be shown less than never: give 0 or more.",
            )
    return standard
