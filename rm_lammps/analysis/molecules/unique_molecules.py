"""Unique molecules of a run: one frame for each SMILES in ``unique.extxyz``."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import ase
import ase.io
import numpy as np

from rm_lammps.analysis.molecules.chemists_formats import inchikey
from rm_lammps.analysis.molecules.judge import Verdict
from rm_lammps.analysis.unique import UniqueSet, ranked_set, write_ranked
from rm_lammps.files import replacing
from rm_lammps.geometry.symmetry import UNKNOWN
from rm_lammps.runs.frames import FrameFile
from rm_lammps.runs.index import FrameTable
from rm_lammps.runs.layout import STRUCTURES, UNIQUE, XTB


def write_unique_molecules(
    folder: Path, table: FrameTable, verdicts: Sequence[Verdict], chosen: Sequence[bool]
) -> UniqueSet:
    """Write ``unique.extxyz``: valid molecules, one for each SMILES, lowest ``rank_score`` first.

    Each frame is that of the group's lowest E~; molecules that pass every check come before those
    that don't. ``smiles`` and ``passes`` are added to the keys that crystals get.

    Args:
        folder: of the run.
        table: of its ``structures.extxyz``.
        verdicts: one for each frame.
        chosen: frames that count, shape (n,).

    Raises:
        UserError: it can't be written.
    """
    n = len(table)
    fails = np.array([not verdict.passes for verdict in verdicts], dtype=bool)
    order = np.lexsort((table.identity, table.energy_per_atom, fails)).tolist()
    leader = np.arange(n)
    first: dict[str, int] = {}
    for frame in order:
        smiles = verdicts[frame].smiles
        if smiles is not None and verdicts[frame].valid and chosen[frame]:
            leader[frame] = first.setdefault(smiles, frame)
    own = np.array(list(first.values()), dtype=np.int64)
    score = np.array([verdicts[frame].rank_score for frame in own], dtype=float)
    unique = ranked_set(table, leader, own, score, [UNKNOWN] * len(own))
    notes = {
        int(frame): f' smiles="{verdicts[frame].smiles}" passes={"FT"[verdicts[frame].passes]}'
        f' inchikey="{inchikey(verdicts[frame].smiles or "")}"'
        f"{_alerts(verdicts[frame])}{_xtb(verdicts[frame])}"
        for frame in unique.ranked
    }
    with FrameFile(folder / STRUCTURES, table.begin) as frames:
        return replace(unique, begin=write_ranked(folder / UNIQUE, unique, frames, notes))


def write_xtb_geometries(folder: Path, unique: UniqueSet, verdicts: Sequence[Verdict]) -> None:
    """Write ``unique_xtb.extxyz``: the unique molecules where GFN2-xTB relaxed them to.

    Those that it could not relax are left out.

    Args:
        folder: of the run.
        unique: as it was written.
        verdicts: one for each frame.

    Raises:
        UserError: it can't be written.
    """
    with FrameFile(folder / UNIQUE, unique.begin) as frames, replacing(folder / XTB) as stream:
        for place, frame in enumerate(unique.ranked.tolist()):
            if (xtb := verdicts[frame].xtb) is None:
                continue
            atoms = frames.atoms(place)
            moved = ase.Atoms(atoms.numbers, xtb.positions)
            kept = ("rank", "seed", "run", "formula", "smiles", "inchikey")
            moved.info = {key: atoms.info[key] for key in kept if key in atoms.info}
            moved.info |= {"xtb_energy": xtb.energy, "xtb_converged": xtb.converged}
            moved.info |= {"xtb_rmsd": xtb.rmsd, "xtb_same_bonds": xtb.same_bonds}
            ase.io.write(stream, moved, format="extxyz", parallel=False)


def _xtb(verdict: Verdict) -> str:
    if (xtb := verdict.xtb) is None:
        return ""
    energy = xtb.energy / len(xtb.positions)
    return (
        f" xtb_energy_per_atom={energy:.6f} xtb_rmsd={xtb.rmsd:.4f}"
        f" xtb_same_bonds={'FT'[xtb.same_bonds]}"
    )


def _alerts(verdict: Verdict) -> str:
    # an empty text would be read as an array
    return f' alerts="{", ".join(verdict.alerts)}"' if verdict.alerts else ""
