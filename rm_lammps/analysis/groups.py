"""The groups of a run, kept beside it: they take longer to find than to read."""

import json
import zlib
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pymatgen.analysis.structure_matcher import StructureMatcher

from rm_lammps.analysis.grouping import Tolerances
from rm_lammps.files import replacing, sha256
from rm_lammps.runs.layout import GROUPS


class KeptGroups:
    """``groups.npz`` of a folder, and what its groups depend on.

    Args:
        structures: the file whose frames are grouped.
        matcher: decides what is the same.
        tolerances: for the cheap invariants.
    """

    def __init__(self, structures: Path, matcher: StructureMatcher, tolerances: Tolerances) -> None:
        self._path = structures.with_name(GROUPS)
        self._origin = json.dumps(
            {
                "led_by": "the most symmetric",
                "structures_sha256": sha256(structures),
                "matcher": matcher.as_dict(),
                "tolerances": asdict(tolerances),
                "versions": {name: version(name) for name in ("rm_lammps", "pymatgen")},
            },
            sort_keys=True,
        )

    def read(self) -> NDArray[np.int64] | None:
        """For each frame the frame that leads its group, shape (n,).

        ``None`` where nothing usable is kept, or the groups of something else.
        """
        try:
            with np.load(self._path) as kept:
                return kept["leader"] if kept["origin"] == self._origin else None
        except (OSError, EOFError, KeyError, ValueError, BadZipFile, zlib.error):
            return None

    def write(self, leader: NDArray[np.int64]) -> None:
        """Keep the groups.

        Args:
            leader: for each frame the frame that leads its group, shape (n,).

        Raises:
            UserError: they can't be written.
        """
        with replacing(self._path, "wb") as stream:
            np.savez_compressed(stream, leader=leader, origin=np.array(self._origin))
