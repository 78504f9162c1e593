"""``rm-evaluate``: what a generation run found."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from rm_lammps.cli.common import run_app

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out of rm-generate.")],
    reference: Annotated[
        Path, typer.Option(help="Structures to look for, in any format ASE reads.")
    ],
    show: Annotated[int, typer.Option(min=0, help="Unique structures to list.")] = 10,
) -> None:
    """Match structures to references, deduplicate them, draw E~ against volume.

    Rates count every attempted seed. Writes evaluation.json and energy_volume.png into DIR.
    """
    from rm_lammps.analysis.evaluate import PICTURE
    from rm_lammps.analysis.evaluate import evaluate as run

    result = run(folder, reference)
    console = Console()
    console.print(_summary(result), _structures(result["structures"][:show]))
    typer.echo(folder / PICTURE)


def _summary(result: dict[str, Any]) -> Table:
    attempted = result["attempted"]
    table = Table("of all attempted seeds", "number", "share")
    rows = {"attempted": attempted, "converged": result["converged"]}
    rows |= {f"failed: {reason}": n for reason, n in result["failed"].items()}
    rows |= {f"match {name}": n for name, n in result["matched"].items()}
    rows |= {"unique structures": result["unique"]}
    for name, number in rows.items():
        table.add_row(name, str(number), f"{number / attempted:.1%}")
    table.add_row("seconds of a core a seed", f"{result['seconds_per_seed']:.3f}", "")
    table.add_row("evaluations a seed", f"{result['evaluations_per_seed']:.0f}", "")
    return table


def _structures(structures: list[dict[str, Any]]) -> Table:
    table = Table(
        "E~/atom (pseudo-eV)", "V/atom (Å³)", "found", "space group", "neighbours", "matches"
    )
    for s in structures:
        table.add_row(
            f"{s['energy_per_atom']:.4f}",
            f"{s['volume_per_atom']:.3f}",
            str(s["found"]),
            s["space_group"],
            f"{s['coordination']:.2f}",
            s["matches"] or "",
        )
    return table


main = run_app(app)
