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


@app.command()
def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out of rm-generate.")],
    reference: Annotated[
        Path | None, typer.Option(help="Structures to look for, in any format ASE reads.")
    ] = None,
    formats: Annotated[
        list[Format] | None,
        typer.Option("--format", help="Write structures as CIF zip or ASE database too; repeat."),
    ] = None,
    symmetrise: Annotated[
        bool, typer.Option(help="Write the unique structures' standard cells too.")
    ] = False,
    symprec: Annotated[
        float, typer.Option(min=1e-5, help="Tolerance of space groups and standard cells, Å.")
    ] = 0.1,
    energy_tolerance: Annotated[
        float,
        typer.Option(min=0, help="Largest difference of equal structures, pseudo-eV per atom."),
    ] = 0.01,
    show: Annotated[int, typer.Option(min=0, help="Unique structures to list.")] = 10,
) -> None:
    """Deduplicate and rank structures, match them to references, draw E~ against volume.

    Rates count every attempted seed. Writes unique.extxyz, evaluation.json and
    energy_volume.png into DIR. Runs under mpirun too, with the same result.
    """
    from rm_lammps.analysis.evaluate import PICTURE
    from rm_lammps.analysis.evaluate import evaluate as run
    from rm_lammps.analysis.grouping import Tolerances
    from rm_lammps.analysis.ranks import launched_ranks

    comm = launched_ranks()
    try:
        result = run(
            folder,
            reference,
            comm=comm,
            formats=formats or (),
            symmetrise=symmetrise,
            symprec=symprec,
            tolerances=Tolerances(energy=energy_tolerance),
        )
    except UserError as error:
        # every rank has it; one says it
        if comm.rank == 0:
            print_error(error)
        raise SystemExit(2) from None
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
