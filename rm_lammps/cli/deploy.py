"""``rm-deploy``: compile a model for LAMMPS on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from rm_lammps.cli.common import run_app
from rm_lammps.cli.options import with_flags

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
@with_flags()
def deploy(
    model: Annotated[
        str,
        typer.Argument(help="A shipped model by name, rm-train's --out folder, or a .nequip.zip."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the bundle. Default: the user's cache, made only once."),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Compile a model with AOTInductor into a bundle: model, manifest, LAMMPS include file.

    The last line on standard output is the bundle's path. A compiled model belongs to one CPU
    type, torch version and device.
    """
    from rich.console import Console

    from rm_lammps.api.deploy import deploy as run

    with Console(stderr=True).status("compiling the model, about a minute the first time"):
        bundle = run(model, out, device=device)
    typer.echo(bundle.folder)


main = run_app(app)
