"""Evaluate a generation run: unique structures, rates, matches to references."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import ase

from rm_lammps.analysis.comparison import Reference, coordination
from rm_lammps.analysis.export import BEST, Format, export, write_top
from rm_lammps.analysis.grouping import Tolerances
from rm_lammps.analysis.plots import plot_energy_volume
from rm_lammps.analysis.ranking import Ranking
from rm_lammps.analysis.symmetry import SYMPREC
from rm_lammps.analysis.unique import UniqueSet, read_unique, write_unique
from rm_lammps.chemistry.bonds import CRYSTAL_SHELL
from rm_lammps.chemistry.formula import reduced_formula
from rm_lammps.datasets import read_structures
from rm_lammps.files import write_json
from rm_lammps.ranks import Communicator, OneProcess, on_root, share_out
from rm_lammps.runs.contents import read_summary
from rm_lammps.runs.frames import FrameFile
from rm_lammps.runs.layout import ENERGY_VOLUME, EVALUATION, UNIQUE


def evaluate(
    folder: Path,
    reference_file: Path | None = None,
    *,
    comm: Communicator | None = None,
    formats: Iterable[Format] = (),
    symmetrise: bool = False,
    symprec: float = SYMPREC,
    tolerances: Tolerances | None = None,
    ranking: Ranking = Ranking(),  # noqa: B008
    top: int = BEST,
) -> tuple[dict[str, Any], UniqueSet]:
    """Deduplicate, rank, match and draw the structures of a run.

    Rates are over all attempted seeds.

    Args:
        folder: written by ``rm-generate``; gets ``unique.extxyz``, ``evaluation.json`` and
            ``energy_volume.png``.
        reference_file: structures to look for; ``info["name"]`` names them.
        comm: every rank of it calls this function; rank 0 writes. One process unless given.
        formats: write structures in these formats too.
        symmetrise: write ``unique_symmetrised.extxyz`` too.
        symprec: for space groups and standard cells, Å.
        tolerances: for what is compared before pymatgen's matcher.
        ranking: what structures are ranked by.
        top: structures of each composition in ``top.extxyz`` and ``top.cif.zip``.

    Returns:
        The content of ``evaluation.json``, and the unique structures, on every rank.

    Raises:
        UserError: the folder holds no merged results, or the references are unusable.
    """
    comm = OneProcess() if comm is None else comm
    summary = on_root(comm, lambda: read_summary(folder))
    references = on_root(comm, lambda: _read_references(reference_file))
    unique = write_unique(
        folder,
        comm,
        symmetrise=symmetrise,
        symprec=symprec,
        tolerances=tolerances,
        ranking=ranking,
    )
    matches = _match(folder, unique, references, comm)

    def finish() -> dict[str, Any]:
        bond_length = _bond_length(references)
        structures = [
            _describe(atoms, match, bond_length)
            for atoms, match in zip(read_unique(folder), matches, strict=True)
        ]
        result = {**_rates(summary, unique, matches, references), "structures": structures}
        write_json(folder / EVALUATION, result)
        plot_energy_volume(structures, references, folder / ENERGY_VOLUME)
        export(folder, unique, formats)
        write_top(folder, unique, top)
        return result

    return on_root(comm, finish), unique


def _read_references(file: Path | None) -> list[ase.Atoms]:
    if file is None:
        return []
    return read_structures(file, periodic=True)


def _match(
    folder: Path, unique: UniqueSet, references: list[ase.Atoms], comm: Communicator
) -> list[str | None]:
    """Name of the reference that each unique structure matches, best structure first."""
    if not references:
        return [None] * len(unique)
    reference = Reference(references)
    with FrameFile(folder / UNIQUE, unique.begin) as frames:
        return share_out(comm, range(len(unique)), lambda n: reference.find(frames.atoms(n)))


def _rates(
    summary: dict[str, Any],
    unique: UniqueSet,
    matches: Sequence[str | None],
    references: list[ase.Atoms],
) -> dict[str, Any]:
    attempted = max(summary["attempted"], 1)
    matched = dict.fromkeys(Reference(references).names, 0)
    for name, found in zip(matches, unique.members(), strict=True):
        if name is not None:
            matched[name] += len(found)
    return {
        "attempted": summary["attempted"],
        "converged": summary["converged"],
        "failed": summary["failed"],
        "matched": matched,
        "match_rate": sum(matched.values()) / attempted if references else None,
        "unique": len(unique),
        "seconds_per_seed": summary["seed_seconds"] / attempted,
        "evaluations_per_seed": summary["evaluations"] / attempted,
    }


def _describe(atoms: ase.Atoms, match: str | None, bond_length: float | None) -> dict[str, Any]:
    info = atoms.info
    of_runs = {"run": info["run"], "runs": info["runs"].tolist()} if "runs" in info else {}
    return {
        "rank": int(info["rank"]),
        "seed": int(info["seed"]),
        **of_runs,
        "formula": atoms.get_chemical_formula(),
        "energy_per_atom": float(info["energy_per_atom"]),
        "volume_per_atom": atoms.get_volume() / len(atoms) if atoms.pbc.all() else None,
        "found": int(info["found"]),
        "seeds": info["seeds"].tolist(),
        "space_group": f"{info['space_group']} ({info['space_group_number']})",
        "coordination": None if bond_length is None else coordination(atoms, bond_length),
        "matches": match,
    }


def _bond_length(references: list[ase.Atoms]) -> float | None:
    """Distance within which atoms count as bonded: a little more than the references' shortest.

    ``None`` without references, or where they are of several compositions.
    """
    formulas = {reduced_formula(Counter(atoms.get_chemical_symbols())) for atoms in references}
    if len(formulas) != 1:
        return None
    shortest = min(min(atoms.repeat(2).get_all_distances(mic=True)[0, 1:]) for atoms in references)
    return CRYSTAL_SHELL * float(shortest)
