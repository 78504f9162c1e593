"""``rm-evaluate``: what generation runs found."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from rm_lammps.analysis.fields import AllFields, CrystalFields, MoleculeFields
from rm_lammps.cli.common import print_error, run_app
from rm_lammps.cli.metrics import metrics_tables
from rm_lammps.cli.options import with_flags
from rm_lammps.environment import one_thread
from rm_lammps.errors import UserError

if TYPE_CHECKING:
    from rm_lammps.api.evaluate import Evaluated

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
@with_flags(Options=AllFields, Crystals=CrystalFields, Molecules=MoleculeFields)
def evaluate(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="DIR...|FILE",
            help="One or several --out of rm-generate, also of a run that is going on; or a file "
            "of known molecules.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the results: needed for several runs; DIR/so_far by default for a "
            "run that is going on. Of a FILE: where to write its evaluation as JSON.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE.yaml", help="Settings, and sources; flags override them."),
    ] = None,
    **flags: Any,
) -> None:
    """Deduplicate and rank structures; match crystals to references, put molecules to the test.

    Rates count every attempted seed. Writes unique.extxyz, evaluation.json and a picture into DIR
    or --out, and for crystals top.extxyz. Runs under mpirun too, with the same result.
    """
    from rm_lammps.api.evaluate import carry_out, load_evaluation
    from rm_lammps.ranks import check_launcher, launched_ranks, on_root

    comm = launched_ranks()
    if comm.size > 1:
        one_thread()
    given = {**flags, "sources": sources or None, "out": out}
    try:
        check_launcher(comm)
        wanted = on_root(comm, lambda: load_evaluation(config, given))
        evaluated = carry_out(wanted, comm)
    except UserError as error:
        # every rank has it; one says it
        if comm.rank == 0:
            print_error(error)
        raise SystemExit(2) from None
    if comm.rank == 0:
        _print(evaluated, wanted.show, matched=wanted.reference is not None)


def _print(evaluated: "Evaluated", show: int, *, matched: bool) -> None:
    from rm_lammps.cli.molecules import print_molecules
    from rm_lammps.runs.layout import ENERGY_VOLUME, RANKING

    source, result = evaluated.source, evaluated.result
    if evaluated.kind == "molecules":
        print_molecules(result)
        if source.is_dir():
            typer.echo(source / RANKING)
        return
    console = Console()
    console.print(_summary(result))
    if result["structures"]:
        console.print(_structures(result["structures"][:show], matched=matched))
    if evaluated.metrics is not None:
        for table in metrics_tables(evaluated.metrics):
            console.print(table)
    typer.echo(source / ENERGY_VOLUME)


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
