"""Training from Python."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rm_lammps.extras import require
from rm_lammps.training.suited import AUTO, settings_for
from rm_lammps.training.training_config import load_config


def train(
    config: str | Path | Mapping[str, Any],
    data: str | Path,
    out: str | Path,
    *,
    resume: bool = False,
    start_from: str | Path | None = None,
    spurious: str | Path | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    processes: int | None = None,
) -> Path:
    """Train an Allegro potential to bring noisy structures back to equilibrium: ``rm-train``.

    Args:
        config: a preset by name, a YAML file, its fields as a mapping, or ``auto`` for settings by
            the size of the data.
        data: equilibrium structures: extxyz, CIF, anything ASE reads, CSV with a column ``cif``,
            QM9-style xyz; plain or .gz; or a folder of them. Å.
        out: folder for the run and its model.
        resume: continue a stopped run from its last checkpoint.
        start_from: begin with this model's weights: a name, folder or package.
        spurious: structures that a model took for stable and that are not, to be learned as such:
            a file as ``data``.
        epochs: instead of the configuration's.
        seed: instead of the configuration's.
        processes: of this machine, that share each batch; instead of the configuration's.

    Returns:
        The folder, which ``deploy``, ``generate``, ``relax`` and ``Calculator`` take as a model.

    Raises:
        UserError: unusable configuration, data or folder, or the training failed.

    Examples:
        >>> import rm_lammps as rm
        >>> from ase.build import bulk
        >>> bulk("C", cubic=True).write("diamond.cif")
        >>> folder = rm.train("diamond", "diamond.cif", "mine", epochs=3)  # doctest: +SKIP
        >>> run = rm.generate(model=folder, formula="C8", out="carbon")  # doctest: +SKIP
    """
    require("train", "Training")
    from rm_lammps.training.training_run import train as run

    if config == AUTO:
        config = settings_for(Path(data), Path(out).resolve().name)
    loaded = load_config(config, {"epochs": epochs, "seed": seed, "processes": processes})
    begin = None if start_from is None else str(start_from)
    false = None if spurious is None else Path(spurious)
    return run(loaded, Path(data), Path(out), resume=resume, start_from=begin, spurious=false)
