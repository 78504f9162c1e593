"""Evaluate a generation run against reference structures."""

import json
from pathlib import Path
from typing import Any

import ase
import ase.io

from rm_lammps.analysis.matching import (
    Reference,
    UniqueStructure,
    coordination,
    space_group,
    unique_structures,
)
from rm_lammps.analysis.plots import plot_energy_volume
from rm_lammps.datasets import read_structures, validate
from rm_lammps.errors import UserError

EVALUATION = "evaluation.json"
PICTURE = "energy_volume.png"
_BOND_FACTOR = 1.2


def evaluate(folder: Path, reference_file: Path) -> dict[str, Any]:
    """Match, deduplicate and draw the structures of a run.

    Rates are over all attempted seeds.

    Args:
        folder: written by ``rm-generate``; gets ``evaluation.json`` and ``energy_volume.png``.
        reference_file: structures to look for; ``info["name"]`` names them.

    Returns:
        The content of ``evaluation.json``.

    Raises:
        UserError: the folder holds no finished run, or the references are unusable.
    """
    frames, summary = _read_run(folder)
    references = read_structures(reference_file)
    validate(references)
    reference = Reference(references)
    groups = unique_structures(frames)
    for group in groups:
        group.reference = reference.find(group.atoms)
    attempted = summary["attempted"]
    matched = dict.fromkeys(reference.names, 0)
    for group in groups:
        if group.reference is not None:
            matched[group.reference] += len(group.seeds)
    result = {
        "attempted": attempted,
        "converged": summary["converged"],
        "failed": summary["failed"],
        "matched": matched,
        "match_rate": sum(matched.values()) / attempted,
        "unique": len(groups),
        "seconds_per_seed": summary["seed_seconds"] / attempted,
        "evaluations_per_seed": summary["evaluations"] / attempted,
        "structures": [_describe(group, references) for group in groups],
    }
    (folder / EVALUATION).write_text(json.dumps(result, indent=1) + "\n")
    plot_energy_volume(groups, references, folder / PICTURE)
    return result


def _read_run(folder: Path) -> tuple[list[ase.Atoms], dict[str, Any]]:
    try:
        summary = json.loads((folder / "summary.json").read_text())
        text = folder / "structures.extxyz"
        frames = ase.io.read(text, ":", parallel=False) if summary["converged"] else []
    except (OSError, json.JSONDecodeError) as error:
        raise UserError(
            f"{folder} holds no finished run: {error}", "Give the --out folder of rm-generate."
        ) from error
    return frames, summary


def _describe(group: UniqueStructure, references: list[ase.Atoms]) -> dict[str, Any]:
    atoms = group.atoms
    return {
        "energy_per_atom": atoms.info["energy_per_atom"],
        "volume_per_atom": atoms.info["volume_per_atom"],
        "found": len(group.seeds),
        "seeds": group.seeds,
        "space_group": space_group(atoms),
        "coordination": coordination(atoms, _bond_length(references)),
        "matches": group.reference,
    }


def _bond_length(references: list[ase.Atoms]) -> float:
    """Distance within which atoms count as bonded: a little more than the references' shortest."""
    shortest = min(min(atoms.repeat(2).get_all_distances(mic=True)[0, 1:]) for atoms in references)
    return _BOND_FACTOR * float(shortest)
