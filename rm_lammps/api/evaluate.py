"""Evaluation and report from Python."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rm_lammps.analysis.evaluation_fields import (
    AllFields,
    CrystalFields,
    EvaluationConfig,
    LargeFields,
    MoleculeFields,
    ReportConfig,
)
from rm_lammps.api.folders import prepare_folder
from rm_lammps.errors import UserError, checked
from rm_lammps.ranks import Communicator, OneProcess, on_root
from rm_lammps.settings import combine, given, read_settings

if TYPE_CHECKING:
    from rm_lammps.analysis.export import Format
    from rm_lammps.analysis.physical import SecondOpinion
    from rm_lammps.systems import System


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation came to."""

    source: Path
    """Folder with the results, or the file of molecules that was looked at."""
    kind: str
    """``crystals``, ``molecules`` or ``large cells``."""
    result: dict[str, Any]
    """Rates over all attempted seeds, and a record for each structure: ``evaluation.json``."""
    metrics: dict[str, Any] | None = None
    """Measures by composition, ``metrics.json``, where they were asked for."""


def evaluate(
    *sources: str | Path,
    config: str | Path | Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    format: str | Sequence[str] | None = None,  # noqa: A002, the name of the flag
    show: int | None = None,
    training: str | Path | None = None,
    reference: str | Path | None = None,
    cell: str | None = None,
    vasp_set: str | None = None,
    symmetrise: bool | None = None,
    symprec: float | None = None,
    energy_tolerance: float | None = None,
    top: int | None = None,
    found_weight: float | None = None,
    symmetry_weight: float | None = None,
    prototype_weight: float | None = None,
    metrics: bool | None = None,
    at: int | str | Sequence[int] | None = None,
    rank_by: str | Sequence[str] | None = None,
    candidates: int | None = None,
    refine: str | Path | None = None,
    refine_steps: int | None = None,
    refine_fmax: float | None = None,
    hull: str | Sequence[str] | None = None,
    physical: str | None = None,
    elastic: bool | None = None,
    xtb: bool | None = None,
    conformers: int | None = None,
    keep: float | None = None,
    smarts: str | None = None,
    drop_alerts: bool | None = None,
    comm: Communicator | None = None,
) -> Evaluated:
    """Deduplicate, rank and judge what runs found: ``rm-evaluate`` as a function.

    Arguments have the names, values and defaults of its flags; the page of commands has them all.

    Args:
        sources: one or several folders of ``generate``, also of a run that is going on; or a file
            of known molecules.
        config: YAML file, or mapping, of the settings; the other arguments win over it.
        out: folder for the results of several runs; of a file, where to write JSON.
        format: ``"cif"``, ``"poscar"``, ``"vasp"``, ``"db"``; of molecules ``"sdf"``, ``"smi"``,
            ``"db"``: write structures in these formats too.
        show: unique structures that the command lists; nothing is listed here.
        training: file of structures that don't count as new.
        reference: file of structures to look for.
        cell: ``"relaxed"``, ``"conventional"`` or ``"primitive"``: of CIF, POSCAR, VASP's input.
        vasp_set: input set of ``pymatgen.io.vasp.sets``.
        symmetrise: write the unique structures' standard cells too.
        symprec: tolerance of space groups, Å.
        energy_tolerance: of equal structures, pseudo-eV per atom.
        top: structures of each composition in ``top.extxyz``.
        found_weight: of ln(seeds that found it) in the ranking, pseudo-eV per atom.
        symmetry_weight: of ln(order of the point group), pseudo-eV per atom.
        prototype_weight: of ln(share of votes), pseudo-eV per atom.
        metrics: measure crystals by composition.
        at: metrics: candidates a composition.
        rank_by: physical potentials that rank the candidates.
        candidates: of each composition that they look at.
        refine: potential that relaxes these first.
        refine_steps: of that relaxation at most.
        refine_fmax: where it ends, eV/Å.
        hull: ``"shipped"``, files of known structures, or ``"none"``.
        physical: classical potential of LAMMPS that relaxes large cells.
        elastic: and strains them.
        xtb: relax molecules with GFN2-xTB too; geometries in ``unique_xtb.extxyz``.
        conformers: of each unique molecule, by RDKit, in ``conformers.sdf``.
        keep: fraction of each composition's molecules to keep.
        smarts: pattern of those to keep.
        drop_alerts: keep none with groups that are unstable or react.
        comm: ranks that share the work, each of which calls this function; default: this process.

    Returns:
        Where the results are and what they say, on every rank.

    Raises:
        UserError: settings that can't be, folders without runs, or a package is missing.

    Examples:
        >>> import rm_lammps as rm
        >>> run = rm.generate(model="diamond", formula="C4", num=4, out="carbon")
        >>> evaluated = rm.evaluate("carbon")
        >>> best = evaluated.result["structures"][0]
        >>> print(best["space_group"], round(best["volume_per_atom"], 1))  # Å³
        Fd-3m (227) 5.7
    """
    settings = {
        name: value for name, value in locals().items() if name not in {"config", "comm", "sources"}
    }
    return carry_out(load_evaluation(config, {**settings, "sources": sources or None}), comm)


def load_evaluation(
    source: str | Path | Mapping[str, Any] | None, settings: Mapping[str, Any]
) -> EvaluationConfig:
    """Combine a YAML file with flags or arguments, which win.

    Raises:
        UserError: no such file, or a field is missing, unknown or out of range.
    """
    fields = combine(read_settings(source), given(settings))
    return checked(EvaluationConfig, fields, _named(source), _FIELDS)


def load_report(
    source: str | Path | Mapping[str, Any] | None, settings: Mapping[str, Any]
) -> ReportConfig:
    """Combine a YAML file with flags, which win.

    Raises:
        UserError: no such file, or a field is missing, unknown or out of range.
    """
    return checked(ReportConfig, combine(read_settings(source), given(settings)), _named(source))


_FIELDS = "Needed: sources, one or several folders of rm-generate; see rm-evaluate --help."


def _named(source: object) -> str:
    return f"settings of {source}" if isinstance(source, (str, Path)) else "settings"


def carry_out(config: EvaluationConfig, comm: Communicator | None = None) -> Evaluated:
    """Evaluate crystals or molecules, whichever there are.

    Args:
        config: what is wanted.
        comm: every rank of it calls this function.

    Raises:
        UserError: on every rank.
    """
    comm = OneProcess() if comm is None else comm
    file = config.sources[0] if len(config.sources) == 1 and config.sources[0].is_file() else None
    source = prepare_folder(comm, config.sources, config.out) if file is None else file
    if on_root(comm, lambda: _holds_large(source)):
        _refuse_idle_of_large(config, source)
        return _large(config, source, comm)
    system = on_root(comm, lambda: _system(source))
    _refuse_useless(config, source, system)
    if not system.has_cell:
        return _molecules(config, source, comm)
    return _crystals(config, source, comm)


def _refuse_useless(config: EvaluationConfig, source: Path, system: "System") -> None:
    """Refuse settings that were given and would do nothing for what is at hand."""
    useless: dict[str, Iterable[str]] = {
        f"{source} holds no cells of 200 atoms or more": LargeFields.model_fields
    }
    if not system.has_cell:
        useless[f"{source} holds {system.plural}"] = {"show", *CrystalFields.model_fields}
        if source.is_file():
            useless[f"{source} is a file, not the folder of a run"] = ["format", "conformers"]
    else:
        useless[f"{source} holds {system.plural}"] = MoleculeFields.model_fields
        if not system.has_space_group:
            useless[f"it is for crystals, {source} holds {system.plural}"] = _CRYSTALLINE
        if not config.metrics:
            useless["it needs --metrics"] = ["at", "training"]
        if "vasp" not in config.format:
            useless["it needs --format vasp"] = ["vasp_set"]
        if not config.refine:
            useless["it needs --refine"] = ["refine_steps", "refine_fmax"]
        if not (config.rank_by or config.refine):
            useless["it needs --rank-by or --refine"] = ["candidates", "hull"]
    _refuse(config, useless)


def _refuse_idle_of_large(config: EvaluationConfig, source: Path) -> None:
    """Refuse settings that would do nothing for large cells."""
    groups = (AllFields, CrystalFields, MoleculeFields)
    others = {name for group in groups for name in group.model_fields}
    useless: dict[str, Iterable[str]] = {
        f"{source} holds cells of 200 atoms or more": others - {"reference"}
    }
    if config.physical is None:
        useless["it needs --physical"] = ["elastic"]
    _refuse(config, useless)


_CRYSTALLINE = ("metrics", "at", "training", "cell", "symmetrise", "vasp_set")
"""Settings for what has a space group."""


def _refuse(config: EvaluationConfig, useless: Mapping[str, Iterable[str]]) -> None:
    for why, names in useless.items():
        idle = sorted(config.model_fields_set & set(names))
        if idle:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in idle)
            raise UserError(f"{flags} would do nothing: {why}.", "Leave it out.")


def _holds_large(source: Path) -> bool:
    """Whether each structure is a cell of 200 atoms or more, of which no two are the same."""
    import ase.io  # slow to import

    from rm_lammps.analysis.disorder.evaluate import LARGE, is_large

    if source.is_dir():
        return is_large(source)
    try:
        first = ase.io.read(source, index=0)
    except Exception:
        # whatever it is, the reader of molecules says what is wrong with it
        return False
    return bool(first.pbc.all() and len(first) >= LARGE)


def _large(config: EvaluationConfig, source: Path, comm: Communicator) -> Evaluated:
    from rm_lammps.analysis.disorder.evaluate import Judges, evaluate_large

    judges = Judges(config.physical, config.elastic)
    result = evaluate_large(source, config.reference, judges, comm=comm, out=config.out)
    return Evaluated(source, "large cells", result)


def _system(source: Path) -> "System":
    """What a folder of a run holds; files are of molecules."""
    from rm_lammps.runs.small_files import system_of_run
    from rm_lammps.systems import find_system

    return find_system("molecule") if source.is_file() else system_of_run(source)


def _molecules(config: EvaluationConfig, source: Path, comm: Communicator) -> Evaluated:
    from rm_lammps.analysis.molecules import require_packages

    require_packages(xtb=config.xtb)
    from rm_lammps.analysis.molecules.evaluate_molecules import Options, evaluate_file, evaluate_run

    options = Options(
        config.training,
        config.xtb,
        config.keep,
        config.smarts,
        config.conformers,
        config.drop_alerts,
        config.reference,
    )
    if source.is_file():
        result = evaluate_file(source, options, comm=comm, out=config.out)
    else:
        result = evaluate_run(source, options, comm=comm, formats=_formats(config, molecules=True))
    return Evaluated(source, "molecules", result)


def _crystals(config: EvaluationConfig, folder: Path, comm: Communicator) -> Evaluated:
    from rm_lammps.analysis.evaluate_run import evaluate as run
    from rm_lammps.analysis.grouping import Tolerances
    from rm_lammps.analysis.hand_over import HandOver
    from rm_lammps.analysis.metrics import measure
    from rm_lammps.analysis.ranking import Ranking

    opinion = second_opinion_of(config)
    result, unique, opinions = run(
        folder,
        config.reference,
        comm=comm,
        formats=_formats(config, molecules=False),
        hand_over=HandOver(config.cell, config.symprec, config.vasp_set),
        symmetrise=config.symmetrise,
        symprec=config.symprec,
        tolerances=Tolerances(energy=config.energy_tolerance),
        ranking=Ranking(config.found_weight, config.symmetry_weight, config.prototype_weight),
        top=config.top,
        second_opinion=opinion,
    )
    measured = None
    if config.metrics:
        measured = measure(
            folder,
            unique,
            config.reference,
            comm=comm,
            at=config.at,
            training_file=config.training,
            opinions=opinions,
        )
    return Evaluated(folder, "crystals", result, measured)


def _formats(config: EvaluationConfig, *, molecules: bool) -> "list[Format]":
    """The formats asked for.

    Raises:
        UserError: one is of crystals, and there are molecules, or the other way round.
    """
    from rm_lammps.analysis.export import OF_CRYSTALS, OF_MOLECULES, Format

    wanted = list(map(Format, config.format))
    for one in wanted:
        if one in (OF_CRYSTALS if molecules else OF_MOLECULES):
            kind, others = (
                ("molecules", "sdf, smi, db")
                if molecules
                else ("crystals", "cif, poscar, vasp, db")
            )
            raise UserError(f"There are {kind}, which --format {one.value} can't hold.", others)
    return wanted


def second_opinion_of(config: EvaluationConfig) -> "SecondOpinion | None":
    """What physical potentials are asked; ``None`` where none are.

    Raises:
        UserError: there is no such potential, or a file of known structures is unusable.
    """
    if not config.rank_by and config.refine is None:
        return None
    from rm_lammps.analysis.known import known_structures
    from rm_lammps.analysis.physical import SecondOpinion
    from rm_lammps.potentials import potential_named, potentials_named

    refine = None if config.refine is None else potential_named(config.refine)
    potentials = potentials_named(config.rank_by or [config.refine or ""])
    # one potential, loaded once
    potentials = [refine if refine == one else one for one in potentials]
    hull = tuple(word for word in config.hull if word != "none")
    weights = {"found_weight", "symmetry_weight", "prototype_weight"}
    # of relaxed structures the energy alone counts, unless somebody weighs the rest
    prior = 1.0 if refine is None or weights & config.model_fields_set else 0.0
    return SecondOpinion(
        potentials,
        config.candidates,
        refine,
        config.refine_steps,
        config.refine_fmax,
        known_structures(hull),
        hull=bool(hull),
        prior=prior,
    )
