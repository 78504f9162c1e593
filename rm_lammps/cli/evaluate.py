"""``rm-evaluate``: what a generation run found."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from rm_lammps.analysis.export import Format
from rm_lammps.analysis.ranking import PROTOTYPE_WEIGHT, SYMMETRY_WEIGHT
from rm_lammps.cli.common import check_finite, prepare_folder, print_error, refuse, run_app
from rm_lammps.cli.metrics import metrics_tables
from rm_lammps.cli.options import with_flags
from rm_lammps.environment import one_thread
from rm_lammps.errors import UserError

app = typer.Typer(pretty_exceptions_enable=False)

_CRYSTALS = "Crystals"
_MOLECULES = "Molecules"


@app.command()
@with_flags()
def evaluate(
    context: typer.Context,
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...|FILE",
            help="One or several --out of rm-generate, also of a run that is going on; or a file "
            "of known molecules.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the results: needed for several runs; DIR/so_far by default for a "
            "run that is going on. Of a FILE: where to write its evaluation as JSON.",
        ),
    ] = None,
    formats: Annotated[
        list[Format] | None,
        typer.Option("--format", help="Write structures as CIF zip or ASE database too; repeat."),
    ] = None,
    show: Annotated[int, typer.Option(min=0, help="Unique structures to list.")] = 10,
    reference: Annotated[
        Path | None,
        typer.Option(
            help="Structures to look for, in any format ASE reads.", rich_help_panel=_CRYSTALS
        ),
    ] = None,
    symmetrise: Annotated[
        bool,
        typer.Option(
            help="Write the unique structures' standard cells too.", rich_help_panel=_CRYSTALS
        ),
    ] = False,
    symprec: Annotated[
        float,
        typer.Option(
            min=1e-5,
            help="Tolerance of space groups and standard cells, Å.",
            rich_help_panel=_CRYSTALS,
        ),
    ] = 0.1,
    energy_tolerance: Annotated[
        float,
        typer.Option(
            min=0,
            help="Largest difference of equal structures, pseudo-eV per atom.",
            rich_help_panel=_CRYSTALS,
        ),
    ] = 0.01,
    training: Annotated[
        Path | None,
        typer.Option(
            help="Structures or molecules that don't count as new; with --rerank they make the "
            "convex hull too."
        ),
    ] = None,
    top: Annotated[
        int,
        typer.Option(
            min=1,
            help="Structures of each composition in top.extxyz, top.cif.zip.",
            rich_help_panel=_CRYSTALS,
        ),
    ] = 20,
    found_weight: Annotated[
        float,
        typer.Option(
            help="Rank by E~ per atom less this times ln(seeds that found it).",
            rich_help_panel=_CRYSTALS,
        ),
    ] = 0.0,
    symmetry_weight: Annotated[
        float | None,
        typer.Option(
            help="And less this times ln(order of the point group); by default "
            f"{SYMMETRY_WEIGHT} where known structures were seeds, 0 elsewhere; pseudo-eV.",
            rich_help_panel=_CRYSTALS,
        ),
    ] = None,
    prototype_weight: Annotated[
        float,
        typer.Option(
            help="And less this times ln(share of votes of the known structure it came from).",
            rich_help_panel=_CRYSTALS,
        ),
    ] = PROTOTYPE_WEIGHT,
    metrics: Annotated[
        bool,
        typer.Option(
            "--metrics",
            help="Measure crystals by composition: match rates and RMSE against --reference, "
            "validity, uniqueness, novelty; writes metrics.json.",
            rich_help_panel=_CRYSTALS,
        ),
    ] = False,
    at: Annotated[
        str,
        typer.Option(
            help="Metrics: candidates a composition, e.g. 5,20.", rich_help_panel=_CRYSTALS
        ),
    ] = "20",
    rerank: Annotated[
        int,
        typer.Option(
            min=0,
            help="Metrics: rank so many candidates of each composition anew by a physical "
            "potential, each at the best of seven volumes.",
            rich_help_panel=_CRYSTALS,
        ),
    ] = 0,
    rerank_steps: Annotated[
        int,
        typer.Option(
            min=0,
            help="Relax them by it from there, so many steps at most.",
            rich_help_panel=_CRYSTALS,
        ),
    ] = 0,
    rank_by: Annotated[
        str, typer.Option(help="The potential of --rerank.", rich_help_panel=_CRYSTALS)
    ] = "chgnet",
    xtb: Annotated[
        bool, typer.Option("--xtb", help="Relax with GFN2-xTB too.", rich_help_panel=_MOLECULES)
    ] = False,
    keep: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=1,
            help="Keep this fraction of each composition, lowest rank score first.",
            rich_help_panel=_MOLECULES,
        ),
    ] = None,
) -> None:
    """Deduplicate and rank structures; match crystals to references, put molecules to the test.

    Rates count every attempted seed. Writes unique.extxyz, evaluation.json and a picture into DIR
    or --out, and for crystals top.extxyz. Runs under mpirun too, with the same result.
    """
    from rm_lammps.analysis.grouping import Tolerances
    from rm_lammps.analysis.ranking import Ranking
    from rm_lammps.analysis.rerank import Reranking
    from rm_lammps.potentials import find_potential
    from rm_lammps.ranks import check_launcher, launched_ranks, on_root

    comm = launched_ranks()
    if comm.size > 1:
        one_thread()
    file = sources[0] if len(sources) == 1 and sources[0].is_file() else None
    try:
        check_launcher(comm)
        check_finite(context)
        source = prepare_folder(comm, sources, out) if file is None else file
        molecules = file is not None or on_root(comm, lambda: _holds_molecules(source))
        _refuse_useless(context, source, molecules=molecules, measured=metrics or rerank > 0)
        if molecules:
            _evaluate_molecules(comm, source, formats, training, xtb, keep, out)
        else:
            settings = {
                "formats": formats or (),
                "symmetrise": symmetrise,
                "symprec": symprec,
                "tolerances": Tolerances(energy=energy_tolerance),
                "ranking": Ranking(found_weight, symmetry_weight, prototype_weight),
                "top": top,
            }
            measuring = {
                "at": _numbers(at),
                "training_file": training,
                "reranking": Reranking(rerank, rerank_steps, potential=find_potential(rank_by))
                if rerank
                else None,
            }
            _evaluate_crystals(
                comm, source, reference, show, settings, measuring if metrics or rerank else None
            )
    except UserError as error:
        # every rank has it; one says it
        if comm.rank == 0:
            print_error(error)
        raise SystemExit(2) from None


def _refuse_useless(
    context: typer.Context, source: Path, *, molecules: bool, measured: bool
) -> None:
    """Refuse options that would do nothing for what is at hand."""
    if molecules:
        refuse(context, _FOR_CRYSTALS, f"{source} holds molecules")
        if source.is_file():
            refuse(context, ["formats"], f"{source} is a file, not the folder of a run")
        return
    refuse(context, ["xtb", "keep"], f"{source} holds crystals")
    if not measured:
        refuse(context, ["at", "training"], "it needs --metrics or --rerank")
    if not context.params["rerank"]:
        refuse(context, ["rerank_steps", "rank_by"], "it needs --rerank")


_FOR_CRYSTALS = (
    *("show", "reference", "symmetrise", "symprec", "energy_tolerance", "top"),
    *("found_weight", "symmetry_weight", "prototype_weight"),
    *("metrics", "at", "rerank", "rerank_steps", "rank_by"),
)


def _holds_molecules(folder: Path) -> bool:
    from rm_lammps.runs.contents import read_summary

    return read_summary(folder)["kind"] == "molecules"


def _evaluate_molecules(
    comm: Any,
    source: Path,
    formats: list[Format] | None,
    training: Path | None,
    xtb: bool,
    keep: float | None,
    out: Path | None,
) -> None:
    from rm_lammps.analysis.molecules import require_packages

    require_packages(xtb=xtb)
    from rm_lammps.analysis.molecules.evaluate import (
        Options,
        evaluate_file,
        evaluate_run,
    )
    from rm_lammps.cli.molecules import print_molecules
    from rm_lammps.runs.layout import RANKING

    options = Options(training, xtb, keep)
    if source.is_file():
        result = evaluate_file(source, options, comm=comm, out=out)
    else:
        result = evaluate_run(source, options, comm=comm, formats=formats or ())
    if comm.rank == 0:
        print_molecules(result)
        if source.is_dir():
            typer.echo(source / RANKING)


def _evaluate_crystals(
    comm: Any,
    folder: Path,
    reference: Path | None,
    show: int,
    settings: dict[str, Any],
    measuring: dict[str, Any] | None,
) -> None:
    from rm_lammps.analysis.evaluate import evaluate as run
    from rm_lammps.analysis.metrics import measure
    from rm_lammps.runs.layout import ENERGY_VOLUME

    result, unique = run(folder, reference, comm=comm, **settings)
    measured = None
    if measuring is not None:
        measured = measure(folder, unique, reference, comm=comm, **measuring)
    if comm.rank == 0:
        console = Console()
        console.print(_summary(result))
        if result["structures"]:
            console.print(_structures(result["structures"][:show], matched=reference is not None))
        if measured is not None:
            for table in metrics_tables(measured):
                console.print(table)
        typer.echo(folder / ENERGY_VOLUME)


def _numbers(text: str) -> list[int]:
    try:
        numbers = [int(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise UserError(f"--at {text!r} is not a list of numbers.", "For example --at 5,20.")
    return numbers


def _summary(result: dict[str, Any]) -> Table:
    attempted = result["attempted"]
    table = Table("of all attempted seeds", "number", "share")
    rows = {"attempted": attempted, "converged": result["converged"]}
    rows |= {f"failed: {reason}": n for reason, n in result["failed"].items()}
    rows |= {f"match {name}": n for name, n in result["matched"].items()}
    rows |= {"unique structures": result["unique"]}
    for name, number in rows.items():
        table.add_row(name, str(number), f"{number / max(attempted, 1):.1%}")
    table.add_row("seconds of a core a seed", f"{result['seconds_per_seed']:.3f}", "")
    table.add_row("evaluations a seed", f"{result['evaluations_per_seed']:.0f}", "")
    return table


def _structures(structures: list[dict[str, Any]], *, matched: bool) -> Table:
    columns = ["rank", "E~/atom (pseudo-eV)", "V/atom (Å³)", "found", "best seed", "space group"]
    several = len({s["formula"] for s in structures}) > 1
    table = Table(
        *(["formula"] if several else []),
        *columns,
        *(["neighbours", "matches"] if matched else []),
    )
    for s in structures:
        row = [
            *([s["formula"]] if several else []),
            str(s["rank"]),
            f"{s['energy_per_atom']:.4f}",
            "" if s["volume_per_atom"] is None else f"{s['volume_per_atom']:.3f}",
            str(s["found"]),
            str(s["seed"]) if "run" not in s else f"{s['run']} {s['seed']}",
            s["space_group"],
        ]
        if matched:
            neighbours = "" if s["coordination"] is None else f"{s['coordination']:.2f}"
            row += [neighbours, s["matches"] or ""]
        table.add_row(*row)
    return table


main = run_app(app)
