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
        typer.Argument(
            metavar="MODEL",
            help="A shipped model by name, rm-train's --out folder, or a .nequip.zip.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder of the bundle. Default: the user's cache, made only once."
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="TEXT", help="What the bundle is for, cpu or cuda.")
    ] = "cpu",
    graph: Annotated[
        bool,
        typer.Option(
            "--graph", help="Compile a graph too, for nequip's own pair style and other programs."
        ),
    ] = False,
) -> None:
    """Put a model into a bundle: weights or compiled graph, manifest, LAMMPS include file.

    The last line on standard output is the bundle's path. Weights are for the pair style's own
    kernel, on any CPU. What the kernel doesn't know, and whatever is for a GPU, is compiled with
    AOTInductor, for one kind of CPU or GPU and one version of torch.
    """
    from rich.console import Console

    from rm_lammps.api.deploy import deploy as run

    with Console(stderr=True).status("preparing the model; compiling one takes a minute"):
        bundle = run(model, out, device=device, graph=graph)
    typer.echo(bundle.folder)


main = run_app(app)
