"""``rm-report``: a page about a generation run."""

from pathlib import Path
from typing import Annotated

import typer

from rm_lammps.cli.common import run_app
from rm_lammps.cli.options import with_flags

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
@with_flags()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out of rm-generate.")],
    best: Annotated[
        int, typer.Option(min=1, max=1000, help="Unique structures in the table and in 3D.")
    ] = 50,
) -> None:
    """Write DIR/report.html: what was found, in plots, in a table and in 3D.

    The page is one file that needs no network: open it from a file manager, or send it to someone.
    Shows matches too if rm-evaluate --reference was run before.
    """
    from rm_lammps.analysis.report import write_report

    typer.echo(write_report(folder, n_best=best))


main = run_app(app)
