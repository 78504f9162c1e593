"""What the page shows, gathered from the files of a run."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import ase
import ase.io
import numpy as np
from numpy.typing import NDArray

from rm_lammps.analysis.molecules import require_packages
from rm_lammps.analysis.physical import key_of
from rm_lammps.analysis.report.entry import Entry, energy_of, entry_of, point_of, seed_name
from rm_lammps.analysis.unique import read_unique, write_unique
from rm_lammps.errors import UserError
from rm_lammps.runs.frames import iterate, iterate_info
from rm_lammps.runs.index import read_index
from rm_lammps.runs.joined import read_joined
from rm_lammps.runs.joining import what_is_missing
from rm_lammps.runs.layout import (
    DISORDER,
    ENERGY_VOLUME,
    EVALUATION,
    EXPLORED,
    FAILURES,
    HULL,
    INDEX,
    JOINED,
    PARITY,
    RANKING,
    RUN,
    STRUCTURES,
    SUMMARY,
    SUPERCELLS,
    SYMMETRISED,
    UNIQUE,
)
from rm_lammps.runs.small_files import read_failures, read_run_file, read_summary
from rm_lammps.yaml_files import yaml_text

_Plain = TypeVar("_Plain", list, dict)

MAX_POINTS = 5000
"""Unique structures in the scatter plot at most; a browser stays quick."""

MEANING = {
    "not_converged": "Forces or stress still above tolerance after the last round.",
    "expanded": "The volume left the allowed range upwards: the atoms flew apart.",
    "collapsed": "The volume left the allowed range downwards.",
    "fragmented": "The molecule is in several pieces.",
    "other_symmetry": "The space group is none of those asked for.",
    "fused": "Two atoms closer than half the shortest distance of their elements in the training "
    "data.",
    "not_finite": "Energy, forces or positions are not numbers, or two atoms are on one spot.",
    "lost_atoms": "LAMMPS lost atoms.",
    "bad_box": "The box became one that LAMMPS can't use.",
    "model_error": "The model raised an error.",
    "lammps_error": "LAMMPS stopped with another error.",
    "crashed": "The process died of a fatal signal; found when the run was started again.",
}
"""Of the reasons in ``failures.jsonl``: those of ``rm_lammps.relaxation.outcome.Reason``."""

FILES = {
    UNIQUE: "unique structures, best first",
    STRUCTURES: "all converged structures, in order of seed",
    SYMMETRISED: "unique structures in conventional standard cells",
    **{
        Path(name).with_suffix(suffix).name: f"{what} structures as {form}"
        for suffix, form in ((".cif.zip", "CIF"), (".db", "ASE database"))
        for name, what in ((UNIQUE, "unique"), (STRUCTURES, "all converged"))
    },
    FAILURES: "failed seeds with reasons",
    SUMMARY: "totals",
    EVALUATION: "rates and structures, for programs",
    ENERGY_VOLUME: "E~ against volume, as a picture",
    PARITY: "energy by physical potentials against E~, as a picture",
    EXPLORED: "phases of the chemical system, and what each round looked at, for programs",
    HULL: "known structures that the hull is made of, with energies, for programs",
    DISORDER: "curves of the cells, as a picture",
    SUPERCELLS: "what large cells look like, for programs",
    RANKING: "E~ of molecules that pass and of those that fail, as a picture",
    RUN: "settings, versions and model",
    JOINED: "the runs that were put together here, with settings, versions and models",
    INDEX: "numbers of all converged structures, for programs",
}


@dataclass(frozen=True)
class Failures:
    """Seeds that failed for one reason."""

    reason: str
    meaning: str
    count: int
    examples: list[str]
    """Seed and message of the first few."""


@dataclass(frozen=True)
class Cost:
    """What each seed took."""

    seconds: NDArray[np.float64]
    evaluations: NDArray[np.float64]


@dataclass(frozen=True)
class Contents:
    """Everything on the page."""

    name: str
    formula: str
    model: str
    notes: list[str]
    """What a reader should know of the runs: several, or not at their end."""
    summary: dict[str, Any]
    n_unique: int
    points: list[dict[str, Any]]
    """Unique structures for the scatter plot, the best ``MAX_POINTS``."""
    ranked_by: str
    """The physical potentials whose order this is; empty for E~."""
    compositions: int
    """Of different reduced formulas."""
    best: list[Entry]
    """Of each composition equally many, as far as there are."""
    known: list[dict[str, Any]]
    """Known structures that the hull is made of."""
    explored: dict[str, Any] | None
    """What the search of a chemical system came to, where this is one."""
    candidates: list[tuple[str, float, str]]
    """Formula, energy by the first physical potential (eV per atom) and name of each structure that
    it looked at."""
    atoms: list[ase.Atoms] = field(repr=False)
    """Of ``best``."""
    failures: list[Failures]
    converged_cost: Cost
    failed_cost: Cost
    settings: str
    files: dict[str, str]
    """Files in the folder, and what is in them."""
    molecules: dict[str, Any] | None
    """The content of ``evaluation.json`` where the structures are molecules."""


def read_contents(folder: Path, n_best: int) -> Contents:
    """Gather what the page shows; deduplicates the run first if that is yet to be done.

    Raises:
        UserError: the folder holds no finished run.
    """
    summary = read_summary(folder)
    structures, unique = folder / STRUCTURES, folder / UNIQUE
    if not structures.exists():
        raise UserError(f"{folder} has no {STRUCTURES}.", "Give the --out folder of rm-generate.")
    molecules = read_molecules(folder)
    if molecules is None and not _newer(unique, structures):
        write_unique(folder)
    matches = _matches(folder)
    best: list[Entry] = []
    atoms: list[ase.Atoms] = []
    points: list[dict[str, Any]] = []
    candidates: list[tuple[str, float, str]] = []
    n_unique, first, ranked_by, physical_order = 0, 0.0, "", False
    compositions, each = _shares(folder, n_best)
    for frame in read_unique(folder):
        n_unique += 1
        own_rank = int(frame.info["rank"])
        by = str(frame.info.get("ranked_by", "E~"))
        ranked_by = by if by != "E~" else ranked_by
        frame.info["physical_order"] = own_rank > 1 and physical_order
        if own_rank == 1:
            first = energy_of(frame.info) or 0.0
            physical_order = "physical_energy_per_atom" in frame.info
        if (judged := _judged(frame, by)) is not None:
            candidates.append(judged)
        shown = own_rank <= each and len(best) < n_best
        if n_unique <= MAX_POINTS or shown:
            entry = entry_of(n_unique, frame, first, matches, with_text=shown)
            points.append(point_of(entry))
            if shown:
                best.append(entry)
                atoms.append(frame)
    failures, failed_cost = _failures(folder)
    table = read_index(folder)
    known = np.isfinite(table.seconds) & np.isfinite(table.evaluations)
    runs = read_runs(folder)
    return Contents(
        name=folder.resolve().name,
        formula=_chemical_system(folder) or request_of(runs),
        model=model_of(runs),
        notes=[f"{len(runs)} runs were put together.", *what_is_missing(folder)]
        if len(runs) > 1
        else what_is_missing(folder),
        summary=summary,
        n_unique=n_unique,
        points=points[:MAX_POINTS],
        ranked_by=ranked_by,
        compositions=compositions,
        best=best,
        known=(_json_of(folder / HULL, list) or []) if ranked_by else [],
        candidates=candidates,
        explored=_json_of(folder / EXPLORED, dict),
        atoms=atoms,
        failures=failures,
        converged_cost=Cost(table.seconds[known], table.evaluations[known]),
        failed_cost=failed_cost,
        settings=settings_of(runs),
        files=files_in(folder),
        molecules=molecules,
    )


def _judged(frame: ase.Atoms, ranked_by: str) -> tuple[str, float, str] | None:
    """What the first of the potentials that made the order said of a structure, if it did."""
    energy = frame.info.get(f"{key_of(ranked_by.split(',', maxsplit=1)[0])}_energy_per_atom")
    if energy is None or not frame.pbc.all():
        return None
    formula = str(frame.symbols.formula.format("metal"))
    return formula, float(energy), f"{formula}, rank {frame.info['rank']}"


def _shares(folder: Path, n_best: int) -> tuple[int, int]:
    """Compositions, and how many structures of each the page shows."""
    compositions = sum(info.get("rank") == 1 for info in iterate_info(folder / UNIQUE))
    return compositions, max(n_best // max(compositions, 1), 1)


def _json_of(file: Path, kind: type[_Plain]) -> _Plain | None:
    """Content of a file that the page is complete without."""
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, kind) else None


def _chemical_system(folder: Path) -> str:
    explored = _json_of(folder / EXPLORED, dict)
    return "-".join(explored["elements"]) if explored else ""


def _newer(file: Path, than: Path) -> bool:
    return file.exists() and file.stat().st_mtime >= than.stat().st_mtime


def read_molecules(folder: Path) -> dict[str, Any] | None:
    """The evaluation of a run's molecules, made first if need be; ``None`` for crystals."""
    structures, evaluation = folder / STRUCTURES, folder / EVALUATION
    first = next(iterate(structures), None)
    if first is None or first.pbc.any():
        return None
    if _newer(evaluation, structures) and _newer(folder / UNIQUE, structures):
        try:
            content = json.loads(evaluation.read_text())
        except (OSError, ValueError) as error:
            raise UserError(f"Can't read {evaluation}: {error}", "Delete it.") from error
        if isinstance(content, dict) and content.get("kind") == "molecules":
            return content
    require_packages()
    from rm_lammps.analysis.molecules.evaluate_molecules import evaluate_run

    return evaluate_run(folder)


def _matches(folder: Path) -> dict[str, str | None]:
    """Reference matched by the unique structure led by each seed, as far as evaluated."""
    try:
        evaluation = json.loads((folder / EVALUATION).read_text())
        return {seed_name(s): s.get("matches") for s in evaluation["structures"]}
    except (OSError, ValueError, KeyError, TypeError):
        # matches are extra: the page is complete without
        return {}


def request_of(runs: dict[str, dict[str, Any]]) -> str:
    """What was asked for, in a few words; empty where the folder does not say."""
    asked = dict.fromkeys(_request(run.get("config", {})) for run in runs.values())
    return ", ".join(words for words in asked if words)


def model_of(runs: dict[str, dict[str, Any]]) -> str:
    """Name of the model, the same for all runs of a folder."""
    described = next(iter(runs.values()), {})
    return str(described.get("model", {}).get("name", ""))


def files_in(folder: Path) -> dict[str, str]:
    """Files that are there, and what is in them."""
    return {name: what for name, what in FILES.items() if (folder / name).exists()}


def _request(config: dict[str, Any]) -> str:
    if config.get("formulas"):
        return f"{len(config['formulas'])} compositions"
    if config.get("de_novo"):
        return f"{config['de_novo']['compositions']} new compositions"
    return str(config.get("formula") or "")


def read_runs(folder: Path) -> dict[str, dict[str, Any]]:
    """What is known of each run, by name; nothing where the folder does not say."""
    joined = read_joined(folder)
    if joined:
        return {run.name: run.run for run in joined}
    try:
        return {folder.resolve().name: read_run_file(folder)}
    except UserError:
        # structures alone make a page too
        return {}


def settings_of(runs: dict[str, dict[str, Any]]) -> str:
    """Settings, versions and model of each run, as YAML."""
    if len(runs) == 1:
        (runs,) = runs.values()
    return yaml_text(runs) if runs else ""


def _failures(folder: Path, n_examples: int = 3) -> tuple[list[Failures], Cost]:
    """Failures by reason, the most frequent first, and what they took."""
    by_reason: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    costs = []
    for record in read_failures(folder):
        reason = str(record.get("reason", "unknown"))
        counts[reason] = counts.get(reason, 0) + 1
        examples = by_reason.setdefault(reason, [])
        if len(examples) < n_examples:
            detail = str(record.get("detail", "")).strip() or "no message"
            examples.append(f"seed {seed_name({'seed': None, **record})}: {detail[:300]}")
        costs.append({key: record.get(key) for key in ("seconds", "evaluations")})
    failures = [
        Failures(reason, MEANING.get(reason, ""), counts[reason], by_reason[reason])
        for reason in sorted(counts, key=lambda reason: (-counts[reason], reason))
    ]
    return failures, _cost(iter(costs))


def _cost(infos: Iterator[dict[str, Any]]) -> Cost:
    """Numbers of seeds that have both, read a block at a time."""
    blocks = [np.empty((0, 2))]
    rows = ((info.get("seconds"), info.get("evaluations")) for info in infos)
    while block := [row for row in islice(rows, 10_000) if None not in row]:
        blocks.append(np.array(block, dtype=float))
    both = np.concatenate(blocks)
    return Cost(both[:, 0], both[:, 1])
