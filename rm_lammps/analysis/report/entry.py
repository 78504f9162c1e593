"""A unique structure as the page shows it."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import ase
import ase.io

from rm_lammps.analysis.export import cif_name
from rm_lammps.analysis.hand_over import cif_text
from rm_lammps.analysis.large_cells import density
from rm_lammps.analysis.reasons import hull_words, origin


@dataclass(frozen=True)
class Entry:
    """A unique structure."""

    rank: int
    """Place in ``unique.extxyz``, from 1, whatever the composition."""
    own_rank: int
    """Among those of its composition, from 1."""
    seed: str
    """Number of its seed, behind the name of the run where there are several."""
    formula: str
    energy: float
    """E~, pseudo-eV per atom."""
    above_best: float | None
    """Energy above the first structure of its composition, per atom: E~, or that by physical
    potentials where they made the order; ``None`` for what they did not look at."""
    volume: float | None
    """Å³ per atom; molecules have none."""
    density: float | None
    """g/cm³."""
    found: int
    seeds: list[str]
    space_group: str
    tight: str
    """Space group within 0.01 Å."""
    score: float
    """What it is ranked by."""
    parts: str
    """What of that is not an energy, in words."""
    origin: str
    """Kind of seed, and the known structure that it began from."""
    kind: str
    """Of its seed."""
    physical: float | None
    """Mean energy by physical potentials, eV per atom."""
    energies: str
    """That of each, in words."""
    disagreement: float | None
    """eV per atom."""
    hull: str
    """Energy above the hull, eV per atom, or why it is unknown; empty if none was looked at."""
    hull_references: str
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


def entry_of(
    rank: int,
    atoms: ase.Atoms,
    first: float,
    matches: dict[str, str | None],
    *,
    with_text: bool,
) -> Entry:
    """What the page shows of a frame of ``unique.extxyz``.

    Args:
        rank: its place in the file, from 1.
        atoms: the frame.
        first: energy per atom of the first of its composition, of what the order is by.
        matches: names of the references matched, by seed.
        with_text: whether it can be downloaded.
    """
    info, periodic = atoms.info, bool(atoms.pbc.all())
    volume = atoms.get_volume() if periodic else None
    name = cif_name(atoms)
    return Entry(
        rank=rank,
        own_rank=int(info["rank"]),
        tight=_group(info, "space_group_tight"),
        score=float(info["rank_score"]),
        parts=_words(info, "score_", ""),
        origin=origin(info),
        kind=str(info.get("seed_kind", "")),
        physical=info.get("physical_energy_per_atom"),
        energies=_words(info, "", "_energy_per_atom"),
        disagreement=info.get("disagreement"),
        hull=hull_words(info),
        hull_references=str(info.get("hull_references", "")),
        seed=seed_name(info),
        formula=str(atoms.symbols.formula.format("metal")),
        energy=float(info["energy_per_atom"]),
        above_best=None if (energy := energy_of(info)) is None else energy - first,
        volume=volume / len(atoms) if volume else None,
        density=density(atoms) if volume else None,
        found=int(info["found"]),
        seeds=[seed_name({"seed": s, "run": r}) for s, r in _found_by(info)],
        space_group=_group(info, "space_group"),
        match=matches.get(seed_name(info)),
        text=_file_text(atoms, name) if with_text else "",
        file=f"{name}.{'cif' if periodic else 'xyz'}",
        smiles=str(info["smiles"]) if "smiles" in info else None,
        passes=bool(info.get("passes", False)),
    )


def energy_of(info: Mapping[str, Any]) -> float | None:
    """Energy per atom of what the order is by; ``None`` where that did not look at the structure.

    Args:
        info: of a frame of ``unique.extxyz``.
    """
    if "physical_energy_per_atom" in info:
        return float(info["physical_energy_per_atom"])
    return None if info.get("physical_order") else float(info["energy_per_atom"])


def _group(info: Mapping[str, Any], key: str) -> str:
    symbol, number = info.get(key, ""), info.get(f"{key}_number", 0)
    return f"{symbol} ({number})" if number else str(symbol)


def _words(info: Mapping[str, Any], begin: str, end: str) -> str:
    """Numbers of a frame whose keys begin and end so, in words."""
    found = {
        key[len(begin) : len(key) - len(end)]: value
        for key, value in info.items()
        if key.startswith(begin) and key.endswith(end) and key not in {"energy_per_atom", begin}
    }
    return ", ".join(
        f"{key} {value:.4f}" for key, value in found.items() if value and key != "physical"
    )


def seed_name(info: Mapping[str, Any]) -> str:
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


def point_of(entry: Entry) -> dict[str, Any]:
    """What the plots need of it."""
    of_seed = ("rank", "seed", "formula", "energy", "volume", "found", "space_group", "match")
    return {key: getattr(entry, key) for key in (*of_seed, "physical", "disagreement")}
