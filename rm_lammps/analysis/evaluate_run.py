"""Evaluate a generation run: unique structures, rates, matches to references."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import ase
import numpy as np

from rm_lammps.analysis.comparison import Reference, coordination
from rm_lammps.analysis.export import BEST, Format, export, write_top
from rm_lammps.analysis.grouping import Tolerances
from rm_lammps.analysis.hand_over import HandOver
from rm_lammps.analysis.physical import Opinions, SecondOpinion, order_by_potentials
from rm_lammps.analysis.plots import plot_energy_volume, plot_parity
from rm_lammps.analysis.ranking import Ranking
from rm_lammps.analysis.unique import UniqueSet, find_unique, read_unique, write_found
from rm_lammps.chemistry.bonds import CRYSTAL_SHELL
from rm_lammps.chemistry.formula import reduced_formula
from rm_lammps.datasets import read_structures
from rm_lammps.files import write_json
from rm_lammps.geometry.symmetry import SYMPREC, SpaceGroup
from rm_lammps.ranks import Communicator, OneProcess, on_root, share_out
from rm_lammps.runs.frames import FrameFile
from rm_lammps.runs.layout import ENERGY_VOLUME, EVALUATION, HULL, PARITY, UNIQUE
from rm_lammps.runs.small_files import read_summary, system_of_run
from rm_lammps.systems import System


def evaluate(
    folder: Path,
    reference_file: Path | None = None,
    *,
    comm: Communicator | None = None,
    formats: Iterable[Format] = (),
    hand_over: HandOver = HandOver(),  # noqa: B008
    symmetrise: bool = False,
    symprec: float = SYMPREC,
    tolerances: Tolerances | None = None,
    ranking: Ranking = Ranking(),  # noqa: B008
    top: int = BEST,
    second_opinion: SecondOpinion | None = None,
) -> tuple[dict[str, Any], UniqueSet, Opinions | None]:
    """Deduplicate, rank, match and draw the structures of a run.

    Rates are over all attempted seeds.

    Args:
        folder: written by ``rm-generate``; gets ``unique.extxyz``, ``evaluation.json`` and
            ``energy_volume.png``.
        reference_file: structures to look for; ``info["name"]`` names them.
        comm: every rank of it calls this function; rank 0 writes. One process unless given.
        formats: write structures in these formats too.
        hand_over: in what cells these and ``top.cif.zip`` are written.
        symmetrise: write ``unique_symmetrised.extxyz`` too.
        symprec: for space groups and standard cells, Å.
        tolerances: for what is compared before pymatgen's matcher.
        ranking: what structures are ranked by.
        top: structures of each composition in ``top.extxyz`` and ``top.cif.zip``.
        second_opinion: what physical potentials rank the candidates; E~ does unless given.

    Returns:
        The content of ``evaluation.json``, the unique structures, and what the potentials said of
        the candidates, on every rank.

    Raises:
        UserError: the folder holds no merged results, or the references are unusable.
    """
    comm = OneProcess() if comm is None else comm
    summary = on_root(comm, lambda: read_summary(folder))
    system = on_root(comm, lambda: system_of_run(folder))
    references = on_root(comm, lambda: _read_references(reference_file, system))
    reference = Reference(references, system)
    unique = find_unique(folder, comm, symprec=symprec, tolerances=tolerances, ranking=ranking)
    opinions = None
    if second_opinion is not None:
        unique, opinions = order_by_potentials(folder, unique, comm, second_opinion)
    unique = write_found(folder, unique, comm, symmetrise=symmetrise, symprec=symprec)
    matches = _match(folder, unique, reference, comm)

    def finish() -> dict[str, Any]:
        bond_length = _bond_length(references)
        structures = [
            _describe(atoms, match, bond_length)
            for atoms, match in zip(read_unique(folder), matches, strict=True)
        ]
        result = {**_rates(summary, unique, matches, reference), "structures": structures}
        write_json(folder / EVALUATION, result)
        plot_energy_volume(structures, references, folder / ENERGY_VOLUME)
        # of an earlier order, which this is not
        for name in (PARITY, HULL):
            (folder / name).unlink(missing_ok=True)
        if opinions is not None:
            plot_parity(structures, opinions.how.names, folder / PARITY)
            write_json(folder / HULL, list(opinions.known))
        export(folder, unique, formats, hand_over, top)
        write_top(folder, unique, top, hand_over)
        return result

    return on_root(comm, finish), unique, opinions


def _read_references(file: Path | None, system: System) -> list[ase.Atoms]:
    return [] if file is None else read_structures(file, system)


def _match(
    folder: Path, unique: UniqueSet, reference: Reference, comm: Communicator
) -> list[str | None]:
    """Name of the reference that each unique structure matches, best structure first."""
    if not reference.names:
        return [None] * len(unique)
    with FrameFile(folder / UNIQUE, unique.begin) as frames:
        return share_out(comm, range(len(unique)), lambda n: reference.find(frames.atoms(n)))


def _rates(
    summary: dict[str, Any],
    unique: UniqueSet,
    matches: Sequence[str | None],
    reference: Reference,
) -> dict[str, Any]:
    attempted = max(summary["attempted"], 1)
    matched = dict.fromkeys(reference.names, 0)
    for name, found in zip(matches, unique.members(), strict=True):
        if name is not None:
            matched[name] += len(found)
    return {
        "attempted": summary["attempted"],
        "converged": summary["converged"],
        "failed": summary["failed"],
        "matched": matched,
        "match_rate": sum(matched.values()) / attempted if matched else None,
        "unique": len(unique),
        "seconds_per_seed": summary["seed_seconds"] / attempted,
        "evaluations_per_seed": summary["evaluations"] / attempted,
    }


def _describe(atoms: ase.Atoms, match: str | None, bond_length: float | None) -> dict[str, Any]:
    info = atoms.info
    of_runs = {"run": info["run"], "runs": info["runs"].tolist()} if "runs" in info else {}
    groups = {
        name: str(SpaceGroup(str(info[name]), int(info[f"{name}_number"])))
        for name in ("space_group", "space_group_tight")
    }
    return {
        "rank": int(info["rank"]),
        "seed": int(info["seed"]),
        **of_runs,
        "formula": atoms.get_chemical_formula(),
        "rank_score": float(info["rank_score"]),
        "energy_per_atom": float(info["energy_per_atom"]),
        **{key: _plain(value) for key, value in info.items() if _says_why(key)},
        "volume_per_atom": atoms.get_volume() / len(atoms) if atoms.pbc.all() else None,
        "found": int(info["found"]),
        "seeds": info["seeds"].tolist(),
        **groups,
        "coordination": None if bond_length is None else coordination(atoms, bond_length),
        "matches": match,
    }


_REASONS = {
    *("seed_kind", "prototype_id", "prototype_formula", "prototype_share", "ranked_by"),
    *("physical_energy_per_atom", "physical_volume_per_atom", "disagreement"),
    *("above_hull", "above_hull_disagreement", "hull_references", "hull_missing"),
    *("refined_by", "refined", "refined_rms"),
}


def _says_why(key: str) -> bool:
    """Whether a key of a frame says why the structure is where it stands."""
    of_potential = key.endswith("_energy_per_atom")
    return key in _REASONS or of_potential or key.startswith("score_")


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _bond_length(references: list[ase.Atoms]) -> float | None:
    """Distance within which atoms count as bonded: a little more than the references' shortest.

    ``None`` without references, or where they are of several compositions.
    """
    formulas = {reduced_formula(Counter(atoms.get_chemical_symbols())) for atoms in references}
    if len(formulas) != 1:
        return None
    shortest = min(min(atoms.repeat(2).get_all_distances(mic=True)[0, 1:]) for atoms in references)
    return CRYSTAL_SHELL * float(shortest)
