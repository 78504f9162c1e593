"""``rm-evaluate``: what a generation run found."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from rm_lammps.analysis.export import Format
from rm_lammps.cli.common import print_error, run_app
from rm_lammps.errors import UserError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

_CRYSTALS = "Crystals"
_MOLECULES = "Molecules"


@app.command()
def evaluate(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|FILE", help="The --out of rm-generate, or a file of known molecules."
        ),
    ],
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
        typer.Option(help="Molecules that don't count as new.", rich_help_panel=_MOLECULES),
    ] = None,
    xtb: Annotated[
        bool, typer.Option("--xtb", help="Relax with GFN2-xTB too.", rich_help_panel=_MOLECULES)
    ] = False,
    keep: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=1,
            help="Keep this fraction of each composition, lowest E~ per atom first.",
            rich_help_panel=_MOLECULES,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write the evaluation of a FILE as JSON to here.", rich_help_panel=_MOLECULES
        ),
    ] = None,
) -> None:
    """Deduplicate and rank structures; match crystals to references, put molecules to the test.

    Rates count every attempted seed. Writes unique.extxyz, evaluation.json and a picture into DIR.
    Runs under mpirun too, with the same result.
    """
    from rm_lammps.analysis.ranks import launched_ranks, on_root

    comm = launched_ranks()
    try:
        if source.is_file() or on_root(comm, lambda: _holds_molecules(source)):
            _evaluate_molecules(comm, source, formats, training, xtb, keep, out)
        else:
            _evaluate_crystals(
                comm, source, formats, show, reference, symmetrise, symprec, energy_tolerance
            )
    except UserError as error:
        # every rank has it; one says it
        if comm.rank == 0:
            print_error(error)
        raise SystemExit(2) from None


def _holds_molecules(folder: Path) -> bool:
    from rm_lammps.analysis.frames import iterate
    from rm_lammps.analysis.unique import STRUCTURES

    path = folder / STRUCTURES
    first = next(iterate(path), None) if path.exists() else None
    return first is not None and not first.pbc.any()


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
        RANKING,
        Options,
        evaluate_file,
        evaluate_run,
    )
    from rm_lammps.cli.molecules import print_molecules

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
    formats: list[Format] | None,
    show: int,
    reference: Path | None,
    symmetrise: bool,
    symprec: float,
    energy_tolerance: float,
) -> None:
    from rm_lammps.analysis.evaluate import PICTURE
    from rm_lammps.analysis.evaluate import evaluate as run
    from rm_lammps.analysis.grouping import Tolerances

    result = run(
        folder,
        reference,
        comm=comm,
        formats=formats or (),
        symmetrise=symmetrise,
        symprec=symprec,
        tolerances=Tolerances(energy=energy_tolerance),
    )
    if comm.rank == 0:
        console = Console()
        console.print(_summary(result))
        if result["structures"]:
            console.print(_structures(result["structures"][:show], matched=reference is not None))
        typer.echo(folder / PICTURE)


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
    table = Table(*columns, *(["neighbours", "matches"] if matched else []))
    for s in structures:
        row = [
            str(s["rank"]),
            f"{s['energy_per_atom']:.4f}",
            "" if s["volume_per_atom"] is None else f"{s['volume_per_atom']:.3f}",
            str(s["found"]),
            str(s["seed"]),
            s["space_group"],
        ]
        if matched:
            row += [f"{s['coordination']:.2f}", s["matches"] or ""]
        table.add_row(*row)
    return table


main = run_app(app)
