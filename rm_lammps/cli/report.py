"""``rm-report``: a page about a generation run."""

from pathlib import Path
from typing import Annotated, Any

import typer

from rm_lammps.analysis.evaluation_fields import ReportFields
from rm_lammps.cli.common import run_app
from rm_lammps.cli.options import with_flags
from rm_lammps.extras import require

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
@with_flags(Options=ReportFields)
def report(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="DIR...",
            help="One or several --out of rm-generate, or the --out of rm-evaluate.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the results: needed for several runs; DIR/so_far by default for a "
            "run that is going on.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE.yaml", help="Settings, and sources; flags override them."),
    ] = None,
    **flags: Any,
) -> None:
    """Write report.html into DIR or --out: what was found, in plots, in a table and in 3D.

    The page is one file that needs no network: open it from a file manager, or send it to someone.
    Shows matches too if rm-evaluate --reference was run before.
    """
    require("report", "The page")
    from rm_lammps.analysis.report import write_report
    from rm_lammps.api.evaluate import load_report
    from rm_lammps.api.folders import prepare_folder
    from rm_lammps.ranks import OneProcess

    wanted = load_report(config, {**flags, "sources": sources or None, "out": out})
    folder = prepare_folder(OneProcess(), wanted.sources, wanted.out)
    typer.echo(write_report(folder, n_best=wanted.best))


main = run_app(app)
