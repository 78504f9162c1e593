"""``rm-evaluate``: what a generation run found."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from rm_lammps.analysis.export import Format
from rm_lammps.cli.common import print_error, run_app
from rm_lammps.cli.metrics import metrics_tables
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
    top: Annotated[
        int, typer.Option(min=1, help="Structures of each composition in top.extxyz, top.cif.zip.")
    ] = 20,
    found_weight: Annotated[
        float,
        typer.Option(help="Rank by E~ per atom less this times ln(seeds that found it)."),
    ] = 0.0,
    symmetry_weight: Annotated[
        float,
        typer.Option(help="And less this times ln(order of the point group); pseudo-eV."),
    ] = 0.0,
    metrics: Annotated[
        bool,
        typer.Option(
            "--metrics",
            help="Measure crystals by composition: match rates and RMSE against --reference, "
            "validity, uniqueness, novelty; writes metrics.json.",
        ),
    ] = False,
    at: Annotated[str, typer.Option(help="Metrics: candidates a composition, e.g. 5,20.")] = "20",
    training: Annotated[
        Path | None, typer.Option(help="Metrics: structures that are not novel.")
    ] = None,
    rerank: Annotated[
        int,
        typer.Option(
            min=0, help="Metrics: rank so many candidates of each composition anew by chgnet."
        ),
    ] = 0,
    rerank_steps: Annotated[
        int, typer.Option(min=0, help="Relax them by chgnet first, so many steps at most.")
    ] = 0,
) -> None:
    """Deduplicate and rank structures, match them to references, draw E~ against volume.

    Rates count every attempted seed. Writes unique.extxyz, top.extxyz, evaluation.json and
    energy_volume.png into DIR. Runs under mpirun too, with the same result.
    """
    from rm_lammps.analysis.evaluate import PICTURE
    from rm_lammps.analysis.evaluate import evaluate as run
    from rm_lammps.analysis.grouping import Tolerances
    from rm_lammps.analysis.metrics import measure
    from rm_lammps.analysis.ranking import Ranking
    from rm_lammps.analysis.ranks import launched_ranks
    from rm_lammps.analysis.rerank import Reranking

    comm = launched_ranks()
    try:
        result, unique = run(
            folder,
            reference,
            comm=comm,
            formats=formats or (),
            symmetrise=symmetrise,
            symprec=symprec,
            tolerances=Tolerances(energy=energy_tolerance),
            ranking=Ranking(found_weight, symmetry_weight),
            top=top,
        )
        measured = None
        if metrics or rerank:
            measured = measure(
                *(folder, unique, reference),
                comm=comm,
                at=_numbers(at),
                training_file=training,
                reranking=Reranking(rerank, rerank_steps) if rerank else None,
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
        if measured is not None:
            for table in metrics_tables(measured):
                console.print(table)
        typer.echo(folder / PICTURE)


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
            str(s["seed"]),
            s["space_group"],
        ]
        if matched:
            row += [f"{s['coordination']:.2f}", s["matches"] or ""]
        table.add_row(*row)
    return table


main = run_app(app)
