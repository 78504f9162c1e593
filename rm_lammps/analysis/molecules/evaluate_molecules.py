"""Evaluate a run that generated molecules, or a file of known ones."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase
import numpy as np

from rm_lammps.analysis.comparison import names_of
from rm_lammps.analysis.export import Format, export
from rm_lammps.analysis.molecules import require_packages
from rm_lammps.analysis.molecules.alerts import matches, pattern
from rm_lammps.analysis.molecules.conformers import write_conformers
from rm_lammps.analysis.molecules.judge import Verdict, judge
from rm_lammps.analysis.molecules.perceived_bonds import canonical, perceive
from rm_lammps.analysis.molecules.ranking_quality import (
    auc,
    keep_curve,
    kept,
    plot_ranking,
    ranking,
)
from rm_lammps.analysis.molecules.rates import by_formula, count
from rm_lammps.analysis.molecules.unique_molecules import (
    write_unique_molecules,
    write_xtb_geometries,
)
from rm_lammps.analysis.unique import read_unique
from rm_lammps.datasets import read_structures
from rm_lammps.datasets.readers import SOURCE
from rm_lammps.errors import UserError
from rm_lammps.files import write_json
from rm_lammps.ranks import Communicator, OneProcess, gather, on_root, share_out
from rm_lammps.runs.frames import FrameFile
from rm_lammps.runs.index import read_index
from rm_lammps.runs.layout import CONFORMERS, EVALUATION, RANKING, STRUCTURES, XTB
from rm_lammps.runs.small_files import read_failures, read_summary
from rm_lammps.systems import find_system


@dataclass(frozen=True)
class Options:
    """What is looked at besides bonds and PoseBusters' checks."""

    training: Path | None = None
    """Molecules that are not new."""
    xtb: bool = False
    """Relax each molecule with GFN2-xTB."""
    keep: float | None = None
    """Fraction of each composition's molecules, lowest ``rank_score`` first, to keep."""
    smarts: str | None = None
    """Pattern that kept molecules have."""
    conformers: int | None = None
    """So many of each unique molecule are written."""
    drop_alerts: bool = False
    """Keep no molecule with groups that are unstable or react."""
    reference: Path | None = None
    """Molecules to look for."""

    @property
    def choose(self) -> bool:
        """Whether some molecules are left out."""
        return self.keep is not None or self.smarts is not None or self.drop_alerts


def evaluate_run(
    folder: Path,
    options: Options = Options(),
    *,
    comm: Communicator | None = None,
    formats: Iterable[Format] = (),
) -> dict[str, Any]:
    """Judge every molecule of a run; count over all attempted seeds and over converged ones.

    Args:
        folder: written by ``rm-generate``; gets ``evaluation.json``, ``unique.extxyz`` (one frame
            for each valid SMILES) and ``ranking.png``.
        options: what to look at.
        comm: every rank of it calls this function; rank 0 writes. One process unless given.
        formats: write structures in these formats too.

    Returns:
        The content of ``evaluation.json``, on every rank.

    Raises:
        UserError: the folder holds no finished run, a file of known molecules is unusable, or a
            package is missing.
    """
    comm = OneProcess() if comm is None else comm
    require_packages(xtb=options.xtb)
    if options.smarts is not None:
        pattern(options.smarts)
    summary = on_root(comm, lambda: read_summary(folder))
    path = folder / STRUCTURES
    table = on_root(comm, lambda: read_index(folder))
    failed = on_root(comm, lambda: _failed_formulas(folder))
    with FrameFile(path, table.begin) as frames:
        verdicts = _judge_all(frames.atoms, len(table), options, comm)
    attempted = Counter(v.formula for v in verdicts) + failed
    by_seed = [verdicts[frame] for frame in np.argsort(table.identity, kind="stable")]
    result = _result(by_seed, attempted, options, comm)
    result["failed"] = summary["failed"]
    n = max(summary["attempted"], 1)
    passes = result["rates"]["passes"]
    result["seconds_per_seed"] = summary["seed_seconds"] / n
    result["evaluations_per_seed"] = summary["evaluations"] / n
    result["passes_per_core_second"] = passes / summary["seed_seconds"] if passes else 0.0

    def finish() -> None:
        chosen = _kept(verdicts, options)
        unique = write_unique_molecules(folder, table, verdicts, chosen)
        write_json(folder / EVALUATION, result)
        plot_ranking(ranking(verdicts), folder / RANKING)
        export(folder, unique, formats)
        # of an earlier evaluation, which this is not
        for name in (XTB, CONFORMERS):
            (folder / name).unlink(missing_ok=True)
        if options.xtb:
            write_xtb_geometries(folder, unique, verdicts)
        if options.conformers is not None:
            write_conformers(read_unique(folder), options.conformers, folder / CONFORMERS)

    on_root(comm, finish)
    return result


def evaluate_file(
    file: Path,
    options: Options = Options(),
    *,
    comm: Communicator | None = None,
    out: Path | None = None,
) -> dict[str, Any]:
    """Judge the molecules of a file: the same table for known ones.

    Args:
        file: molecules in a format that :func:`rm_lammps.datasets.read_structures` reads.
        options: what to look at.
        comm: as above.
        out: JSON file to write.

    Returns:
        As :func:`evaluate_run`, every molecule counting as attempted and converged.

    Raises:
        UserError: the file is unusable or holds crystals, or a package is missing.
    """
    comm = OneProcess() if comm is None else comm
    require_packages(xtb=options.xtb)
    molecules = on_root(comm, lambda: _read_molecules(file))
    verdicts = _judge_all(molecules.__getitem__, len(molecules), options, comm)
    verdicts.sort(key=lambda verdict: verdict.seed)
    result = _result(verdicts, Counter(v.formula for v in verdicts), options, comm)
    if out is not None:
        on_root(comm, lambda: write_json(out, result))
    return result


def _result(
    verdicts: Sequence[Verdict], attempted: Mapping[str, int], options: Options, comm: Communicator
) -> dict[str, Any]:
    training = _training_smiles(options.training, comm)
    known = _references(options.reference, comm)
    matches = [known.get(v.smiles or "") for v in verdicts]
    ranked = ranking(verdicts)
    result = {
        "kind": "molecules",
        "attempted": sum(attempted.values()),
        "converged": len(verdicts),
        "rates": count(verdicts, sum(attempted.values()), training),
        "compositions": by_formula(verdicts, dict(sorted(attempted.items())), training),
        "ranking": {
            "auc": auc(ranked.score, ranked.passes),
            "auc_energy": auc(ranked.energy, ranked.passes),
            "auc_within_composition": auc(ranked.place, ranked.passes),
            "keep": keep_curve(ranked) if len(ranked.score) else [],
        },
        "structures": [
            {**v.record(), "novel": _novel(v.smiles, training), "matches": match}
            for v, match in zip(verdicts, matches, strict=True)
        ],
    }
    if options.reference is not None:
        found = Counter(match for match in matches if match is not None)
        result["matched"] = {name: found[name] for name in known.values()}
        result["match_rate"] = found.total() / max(sum(attempted.values()), 1)
    if options.choose:
        chosen = _kept(verdicts, options)
        some = [verdict for verdict, keep in zip(verdicts, chosen, strict=True) if keep]
        result["kept"] = {"fraction": options.keep, **count(some, len(some), training)}
    return result


def _kept(verdicts: Sequence[Verdict], options: Options) -> list[bool]:
    """Which molecules are kept, those without E~ too."""
    chosen = [True] * len(verdicts)
    if options.smarts is not None:
        wanted = pattern(options.smarts)
        chosen = [matches(verdict.smiles, wanted) for verdict in verdicts]
    if options.drop_alerts:
        chosen = [keep and not v.alerts for keep, v in zip(chosen, verdicts, strict=True)]
    if options.keep is None:
        return chosen
    answers = iter(kept(ranking(verdicts), options.keep).tolist())
    lowest = [v.energy_per_atom is None or next(answers) for v in verdicts]
    return [a and b for a, b in zip(chosen, lowest, strict=True)]


def _novel(smiles: str | None, training: set[str] | None) -> bool | None:
    return None if training is None or smiles is None else smiles not in training


def _judge_all(
    molecule: Callable[[int], ase.Atoms], n: int, options: Options, comm: Communicator
) -> list[Verdict]:
    """Verdicts in the order of the file, on every rank."""
    return share_out(
        comm, range(n), lambda number: judge(molecule(number), xtb=options.xtb), "judged"
    )


def _read_molecules(file: Path) -> list[ase.Atoms]:
    # atoms on top of each other are what the checks are for
    molecules = read_structures(file, find_system("molecule"), overlaps=True)
    for number, atoms in enumerate(molecules):
        atoms.info.setdefault("seed", number)
    return molecules


def _training_smiles(file: Path | None, comm: Communicator) -> set[str] | None:
    """SMILES of a file of molecules, those in its ``info`` where all frames have one."""
    if file is None:
        return None
    molecules = on_root(comm, lambda: _read_molecules(file))
    written = [str(atoms.info.get("smiles") or "") for atoms in molecules]
    if all(written):
        return {smiles for text in set(written) if (smiles := canonical(text)) is not None}
    mine = range(comm.rank, len(molecules), comm.size)
    found = gather(comm, lambda: {perceive(molecules[number]).smiles for number in mine})
    return {smiles for some in found for smiles in some if smiles is not None}


def _references(file: Path | None, comm: Communicator) -> dict[str, str]:
    """Names of the molecules to look for by their SMILES; the first of several that share one.

    Raises:
        UserError: unreadable, or no bonds fit one of them.
    """
    if file is None:
        return {}
    molecules = on_root(comm, lambda: _read_molecules(file))
    known: dict[str, str] = {}
    for atoms, name in zip(molecules, names_of(molecules), strict=True):
        smiles = perceive(atoms).smiles
        if smiles is None:
            raise UserError(
                f"No bonds of a neutral molecule fit {name} ({atoms.info[SOURCE]}).",
                "Correct or remove it: molecules are compared by their bonds.",
            )
        known.setdefault(smiles, name)
    return known


def _failed_formulas(folder: Path) -> Counter[str]:
    try:
        return Counter(str(record["formula"]) for record in read_failures(folder))
    except KeyError as error:
        raise UserError(
            f"A failure in {folder} has no {error}.", "Give the --out folder of rm-generate."
        ) from error
