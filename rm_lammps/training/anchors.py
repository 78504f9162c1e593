"""What structures bring with them: the energy that anchors E~, and other numbers."""

from math import isfinite

import ase

from rm_lammps.datasets.readers import SOURCE
from rm_lammps.errors import UserError
from rm_lammps.training.training_config import DataConfig


def anchor(atoms: ase.Atoms, data: DataConfig) -> float:
    """E~ per atom that a structure has at equilibrium, pseudo-eV; 0 where no energies are given.

    Raises:
        UserError: energies are given, and this structure has none.
    """
    if data.energy_key is None:
        return 0.0
    return data.energy_scale * number_in_info(atoms, data.energy_key, "data.energy_key")


def number_in_info(atoms: ase.Atoms, key: str, field: str) -> float:
    """A finite number that a structure brings.

    Args:
        atoms: as read.
        key: of its ``info``.
        field: of the configuration that names the key.

    Raises:
        UserError: it brings none.
    """
    try:
        value = float(atoms.info[key])
    except (KeyError, TypeError, ValueError):
        value = float("nan")
    if not isfinite(value):
        raise UserError(
            f"{atoms.info.get(SOURCE)} has no number under info[{key!r}] ({field}).",
            f"Keys it has: {', '.join(map(str, atoms.info))}",
        )
    return value
