"""``rm-report``: a page about a generation run."""

from pathlib import Path
from typing import Annotated

import typer

from rm_lammps.cli.common import prepare_folder, run_app
from rm_lammps.cli.options import with_flags
from rm_lammps.extras import require

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
@with_flags()
def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...",
            help="One or several --out of rm-generate, or the --out of rm-evaluate.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the results: needed for several runs; DIR/so_far by default for a "
            "run that is going on."
        ),
    ] = None,
    best: Annotated[
        int, typer.Option(min=1, max=1000, help="Unique structures in the table and in 3D.")
    ] = 50,
) -> None:
    """Write report.html into DIR or --out: what was found, in plots, in a table and in 3D.

    The page is one file that needs no network: open it from a file manager, or send it to someone.
    Shows matches too if rm-evaluate --reference was run before.
    """
    require("report", "The page")
    from rm_lammps.analysis.report import write_report
    from rm_lammps.ranks import OneProcess

    folder = prepare_folder(OneProcess(), folders, out)
    typer.echo(write_report(folder, n_best=best))


main = run_app(app)
