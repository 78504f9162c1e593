"""QM9 from the PyPI package ``qm9pack``: 130,831 molecules of at most nine C, N, O and F."""

import json
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import ase
import numpy as np

from rm_lammps.errors import UserError

_COLUMNS = ["Index", "SMILES", "Elements", "XYZ_Ang"]


def read_qm9(*, max_heavy: int = 9, num: int | None = None, seed: int = 0) -> list[ase.Atoms]:
    """Read molecules of QM9, B3LYP/6-31G(2df,p) geometries as published.

    Args:
        max_heavy: molecules with more atoms other than hydrogen are left out.
        num: draw this many at random; all if ``None`` or if there are fewer.
        seed: of the draw.

    Returns:
        Molecules in the order of QM9, positions in Å; ``info`` holds ``smiles`` as published and
        ``source``, QM9's number.

    Raises:
        UserError: ``qm9pack`` is not installed.
    """
    import pandas as pd

    # it can't be imported without setuptools' pkg_resources; its files are all that is needed
    spec = find_spec("qm9pack")
    if spec is None or spec.origin is None:
        raise UserError(
            "QM9 comes from the package qm9pack, which is not installed.",
            "pip install 'rm_lammps[qm9]'",
        )
    folder = Path(spec.origin).parent / "data"
    table = pd.concat(
        [pd.read_csv(file, usecols=_COLUMNS) for file in sorted(folder.glob("qm9_part*.csv"))],
        ignore_index=True,
    )
    heavy = table["Elements"].str.count("'") // 2 - table["Elements"].str.count("'H'")
    chosen = np.flatnonzero(heavy.to_numpy() <= max_heavy)
    if num is not None and num < len(chosen):
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, num, replace=False))
    return list(_molecules(table.iloc[chosen][_COLUMNS].itertuples(index=False)))


def _molecules(rows: Iterator[Sequence]) -> Iterator[ase.Atoms]:
    for index, smiles, elements, positions in rows:
        # the numbers are written "0." in places, which is not JSON
        numbers = [float(x) for x in positions.replace("[", "").replace("]", "").split(",")]
        symbols = json.loads(elements.replace("'", '"'))
        atoms = ase.Atoms(symbols, np.reshape(numbers, (-1, 3)))
        atoms.info = {"smiles": smiles, "source": f"QM9 {index}"}
        yield atoms
