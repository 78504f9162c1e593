"""Evaluate large disordered cells: of a run, or of a file, beside samples that are known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase
import numpy as np

from rm_lammps.analysis.disorder.classical import Classical
from rm_lammps.analysis.disorder.curves_picture import plot_portraits
from rm_lammps.analysis.disorder.portrait import Comparison, Portrait, compare, portray, shell_of
from rm_lammps.datasets import read_structures
from rm_lammps.errors import UserError
from rm_lammps.files import write_json
from rm_lammps.ranks import Communicator, OneProcess, on_root, share_out
from rm_lammps.runs.frames import FrameFile
from rm_lammps.runs.index import read_index
from rm_lammps.runs.layout import DISORDER, EVALUATION, STRUCTURES
from rm_lammps.runs.small_files import read_summary, system_of_run
from rm_lammps.systems import find_system

LARGE = 200
"""Atoms from which on no two cells are the same, and each is looked at by what it looks like."""


@dataclass(frozen=True)
class Judges:
    """What is asked beside structure."""

    physical: str | None = None
    """File of a classical potential that relaxes the cells."""
    elastic: bool = False
    """Whether that one strains them too."""


def is_large(folder: Path) -> bool:
    """Whether a run made large cells."""
    if not (folder / STRUCTURES).exists() or not all(system_of_run(folder).pbc):
        return False
    return int(read_index(folder).n_atoms.max(initial=0)) >= LARGE


def evaluate_large(
    source: Path,
    reference: Path | None,
    judges: Judges = Judges(),
    *,
    comm: Communicator | None = None,
    out: Path | None = None,
) -> dict[str, Any]:
    """Look at each cell, and put all of them beside the reference's.

    Args:
        source: folder of ``rm-generate``, or a file of periodic structures.
        reference: file of known samples.
        judges: what else to ask.
        comm: every rank of it calls this function; they share the cells.
        out: where to write the evaluation of a file.

    Returns:
        ``evaluation.json``.

    Raises:
        UserError: on every rank: unusable files, or cells with too few atoms.
    """
    comm = OneProcess() if comm is None else comm
    cells = on_root(comm, lambda: list(_cells(source)))
    samples = on_root(comm, lambda: list(_samples(reference)))
    if judges.physical is not None:
        on_root(comm, Classical(judges.physical).find)
    known = samples or cells
    shell = on_root(comm, lambda: shell_of(known[0][1]) if known else None)
    portraits = share_out(comm, [*cells, *samples], lambda item: _look(item, judges, shell))

    def finish() -> dict[str, Any]:
        mine, known = portraits[: len(cells)], portraits[len(cells) :]
        comparison = compare(mine, known) if known else None
        result = _result(source, mine, known, comparison)
        folder = source if source.is_dir() else None
        if folder is not None:
            write_json(folder / EVALUATION, result)
            plot_portraits(mine, known, folder / DISORDER)
        elif out is not None:
            write_json(out, result)
        return result

    return on_root(comm, finish)


_Item = tuple[str, ase.Atoms]


def _look(item: _Item, judges: Judges, shell: float | None) -> Portrait:
    name, atoms = item
    extra: dict[str, float] = {}
    if judges.physical is not None:
        extra = Classical(judges.physical).energies(atoms, elastic=judges.elastic)
    return portray(atoms, name, extra, shell=shell)


def _cells(source: Path) -> Iterator[_Item]:
    if source.is_file():
        yield from _samples(source)
        return
    with FrameFile(source / STRUCTURES, read_index(source).begin) as frames:
        for atoms in frames:
            yield (
                f"seed {atoms.info['seed']}",
                ase.Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True),
            )


def _samples(file: Path | None) -> Iterator[_Item]:
    if file is None:
        return
    for number, atoms in enumerate(read_structures(file, find_system("crystal"))):
        name = str(atoms.info.get("name", f"{file.name} {number}"))
        yield name, ase.Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)


def _result(
    source: Path,
    cells: Sequence[Portrait],
    samples: Sequence[Portrait],
    comparison: Comparison | None,
) -> dict[str, Any]:
    if not cells:
        raise UserError(f"{source} holds no structure.", "Nothing converged, or the file is empty.")
    found: dict[str, Any] = {"cells": [one.plain() for one in cells]}
    if source.is_dir():
        summary = read_summary(source)
        attempted = max(summary["attempted"], 1)
        found |= {name: summary[name] for name in ("attempted", "converged", "failed")}
        found["seconds_per_seed"] = summary["seed_seconds"] / attempted
        found["evaluations_per_seed"] = summary["evaluations"] / attempted
    numbers = dict.fromkeys(name for one in cells for name in one.numbers)
    found["mean"] = {
        name: float(np.mean([one.numbers.get(name, 0.0) for one in cells])) for name in numbers
    }
    if comparison is not None:
        found["samples"] = [one.plain() for one in samples]
        found["comparison"] = comparison.plain()
    return found
