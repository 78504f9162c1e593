"""What the page shows, gathered from the files of a run."""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import ase
import ase.io
import numpy as np
import yaml
from numpy.typing import NDArray

from rm_lammps.analysis.export import cif_name, cif_text
from rm_lammps.analysis.large_cells import density
from rm_lammps.analysis.molecules import require_packages
from rm_lammps.analysis.unique import read_unique, write_unique
from rm_lammps.errors import UserError
from rm_lammps.runs.contents import read_failures, read_run_file, read_summary
from rm_lammps.runs.frames import iterate
from rm_lammps.runs.index import read_index
from rm_lammps.runs.joined import read_joined
from rm_lammps.runs.joining import what_is_missing
from rm_lammps.runs.layout import (
    ENERGY_VOLUME,
    EVALUATION,
    FAILURES,
    INDEX,
    JOINED,
    RANKING,
    RUN,
    STRUCTURES,
    SUMMARY,
    SYMMETRISED,
    UNIQUE,
)

MAX_POINTS = 5000
"""Unique structures in the scatter plot at most; a browser stays quick."""

MEANING = {
    "not_converged": "Forces or stress still above tolerance after the last round.",
    "expanded": "The volume left the allowed range upwards: the atoms flew apart.",
    "collapsed": "The volume left the allowed range downwards.",
    "fragmented": "The molecule is in several pieces.",
    "other_symmetry": "The space group is none of those asked for.",
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
    RANKING: "E~ of molecules that pass and of those that fail, as a picture",
    RUN: "settings, versions and model",
    JOINED: "the runs that were put together here, with settings, versions and models",
    INDEX: "numbers of all converged structures, for programs",
}


@dataclass(frozen=True)
class Entry:
    """A unique structure."""

    rank: int
    """Place in ``unique.extxyz``, from 1, whatever the composition."""
    seed: str
    """Number of its seed, behind the name of the run where there are several."""
    formula: str
    energy: float
    """E~, pseudo-eV per atom."""
    above_best: float
    """E~ above the first structure of its composition, pseudo-eV per atom."""
    volume: float | None
    """Å³ per atom; molecules have none."""
    density: float | None
    """g/cm³."""
    found: int
    seeds: list[str]
    space_group: str
    match: str | None
    """Name of the reference it matches, if ``rm-evaluate`` was given references."""
    text: str
    """Content of the file to download."""
    file: str
    """Its name: a CIF, for molecules XYZ."""
    smiles: str | None
    """Of molecules."""
    passes: bool
    """A molecule that passes every check."""


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
    best: list[Entry]
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
    best, atoms, points = [], [], []
    n_unique, first = 0, 0.0
    for frame in read_unique(folder):
        n_unique += 1
        first = float(frame.info["energy_per_atom"]) if frame.info["rank"] == 1 else first
        if n_unique <= MAX_POINTS or n_unique <= n_best:
            entry = _entry(n_unique, frame, first, matches, with_text=n_unique <= n_best)
            points.append(_point(entry))
            if n_unique <= n_best:
                best.append(entry)
                atoms.append(frame)
    failures, failed_cost = _failures(folder)
    table = read_index(folder)
    known = np.isfinite(table.seconds) & np.isfinite(table.evaluations)
    runs = _runs(folder)
    described = next(iter(runs.values()), {})
    asked = dict.fromkeys(_request(run.get("config", {})) for run in runs.values())
    return Contents(
        name=folder.resolve().name,
        formula=", ".join(words for words in asked if words),
        model=str(described.get("model", {}).get("name", "")),
        notes=[f"{len(runs)} runs were put together.", *what_is_missing(folder)]
        if len(runs) > 1
        else what_is_missing(folder),
        summary=summary,
        n_unique=n_unique,
        points=points[:MAX_POINTS],
        best=best,
        atoms=atoms,
        failures=failures,
        converged_cost=Cost(table.seconds[known], table.evaluations[known]),
        failed_cost=failed_cost,
        settings=_settings(runs),
        files={name: what for name, what in FILES.items() if (folder / name).exists()},
        molecules=molecules,
    )


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
    from rm_lammps.analysis.molecules.evaluate import evaluate_run

    return evaluate_run(folder)


def _entry(
    rank: int,
    atoms: ase.Atoms,
    first: float,
    matches: dict[str, str | None],
    *,
    with_text: bool,
) -> Entry:
    info, periodic = atoms.info, bool(atoms.pbc.all())
    volume = atoms.get_volume() if periodic else None
    number = f" ({info['space_group_number']})" if info["space_group_number"] else ""
    name = cif_name(atoms)
    return Entry(
        rank=rank,
        seed=_seed_name(info),
        formula=str(atoms.symbols.formula.format("metal")),
        energy=float(info["energy_per_atom"]),
        above_best=float(info["energy_per_atom"]) - first,
        volume=volume / len(atoms) if volume else None,
        density=density(atoms) if volume else None,
        found=int(info["found"]),
        seeds=[_seed_name({"seed": s, "run": r}) for s, r in _found_by(info)],
        space_group=f"{info['space_group']}{number}",
        match=matches.get(_seed_name(info)),
        text=_file_text(atoms, name) if with_text else "",
        file=f"{name}.{'cif' if periodic else 'xyz'}",
        smiles=str(info["smiles"]) if "smiles" in info else None,
        passes=bool(info.get("passes", False)),
    )


def _seed_name(info: Mapping[str, Any]) -> str:
    """What a reader calls a seed."""
    run = info.get("run")
    return f"{info['seed']}" if run is None else f"{run} {info['seed']}"


def _found_by(info: Mapping[str, Any]) -> Iterator[tuple[int, str | None]]:
    """Seeds that ended in a unique structure, with their runs."""
    runs = info["runs"].tolist() if "runs" in info else [None] * len(info["seeds"])
    return zip(info["seeds"].tolist(), runs, strict=True)


def _file_text(atoms: ase.Atoms, name: str) -> str:
    if atoms.pbc.all():
        return cif_text(atoms, name)
    stream = io.StringIO()
    ase.io.write(stream, atoms, format="xyz", comment=name, parallel=False)
    return stream.getvalue()


def _point(entry: Entry) -> dict[str, Any]:
    keys = ("rank", "seed", "formula", "energy", "volume", "found", "space_group", "match")
    return {key: getattr(entry, key) for key in keys}


def _matches(folder: Path) -> dict[str, str | None]:
    """Reference matched by the unique structure led by each seed, as far as evaluated."""
    try:
        evaluation = json.loads((folder / EVALUATION).read_text())
        return {_seed_name(s): s.get("matches") for s in evaluation["structures"]}
    except (OSError, ValueError, KeyError, TypeError):
        # matches are extra: the page is complete without
        return {}


def _request(config: dict[str, Any]) -> str:
    """What was asked for, in a few words."""
    if config.get("formulas"):
        return f"{len(config['formulas'])} compositions"
    if config.get("de_novo"):
        return f"{config['de_novo']['compositions']} new compositions"
    return str(config.get("formula") or "")


def _runs(folder: Path) -> dict[str, dict[str, Any]]:
    """What is known of each run, by name; nothing where the folder does not say."""
    joined = read_joined(folder)
    if joined:
        return {run.name: run.run for run in joined}
    try:
        return {folder.resolve().name: read_run_file(folder)}
    except UserError:
        # structures alone make a page too
        return {}


def _settings(runs: dict[str, dict[str, Any]]) -> str:
    if len(runs) == 1:
        (runs,) = runs.values()
    return yaml.safe_dump(runs, sort_keys=False) if runs else ""


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
            examples.append(f"seed {_seed_name({'seed': None, **record})}: {detail[:300]}")
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
