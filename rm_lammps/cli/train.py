"""``rm-train``: from equilibrium structures to a packaged model."""

from pathlib import Path
from typing import Annotated

import typer

from rm_lammps.cli.common import refuse, run_app
from rm_lammps.cli.options import with_flags

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
@with_flags()
def train(
    context: typer.Context,
    preset_or_config: Annotated[
        str,
        typer.Argument(
            metavar="PRESET|auto|CONFIG.yaml",
            help="A preset by name, a YAML file, or auto: settings by the size of the data.",
        ),
    ],
    data: Annotated[
        Path,
        typer.Option(
            metavar="FILE|DIR",
            help="Equilibrium structures: extxyz, CIF, anything ASE reads, CSV with a column "
            "'cif', QM9-style xyz; plain or .gz; or a folder of them.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the run and its model.")],
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue a stopped run from its last checkpoint.")
    ] = False,
    start_from: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="Begin with this model's weights: a name, folder or package."
        ),
    ] = None,
    spurious: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Structures that a model wrongly took for stable, to be learned with a higher E~.",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(metavar="INT", min=1, help="Number of epochs instead of the configuration's."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="INT", min=0, help="Random seed instead of the configuration's."),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="INT",
            help="Processes of this machine that train together, as many as it has idle cores.",
        ),
    ] = None,
) -> None:
    """Train an Allegro potential to bring noisy structures back to equilibrium.

    The last line on standard output is the folder that rm-deploy takes.
    """
    from rm_lammps.api.train import train as run

    if resume:
        refuse(context, ["start_from"], "--resume goes on from the run's own checkpoint")
    typer.echo(
        run(
            preset_or_config,
            data,
            out,
            resume=resume,
            start_from=start_from,
            spurious=spurious,
            epochs=epochs,
            seed=seed,
            processes=processes,
        )
    )


main = run_app(app)
