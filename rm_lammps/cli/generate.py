"""``rm-generate``: new structures by relaxing seeds, under mpirun."""

from pathlib import Path
from typing import Annotated

import typer

from rm_lammps.cli.common import print_error, run_app
from rm_lammps.errors import UserError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def generate(
    out: Annotated[Path, typer.Option(help="Folder for the results; the same again resumes.")],
    config: Annotated[
        Path | None, typer.Option(help="YAML file with the run's settings; flags override it.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Shipped model by name, bundle, or rm-train folder.")
    ] = None,
    formula: Annotated[
        str | None, typer.Option(help="Content of one cell, e.g. C8 or Sr2O4.")
    ] = None,
    num: Annotated[int | None, typer.Option(min=1, help="Number of seeds (default 64).")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the run (default 0): same seed, same structures.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu (default) or cuda.")] = None,
) -> None:
    """Relax random seeds to new structures: mpirun -n N rm-generate ...

    Every rank relaxes; any number of ranks gives the same structures. A stopped run goes on when
    the same command is given again.
    """
    # MPI must be up before LAMMPS is loaded
    from mpi4py import MPI

    from rm_lammps.generation.config import load_config
    from rm_lammps.generation.run import generate as run

    comm = MPI.COMM_WORLD
    flags = {"model": model, "formula": formula, "num": num, "seed": seed, "device": device}
    try:
        summary = run(load_config(config, flags), out, comm)
    except UserError as error:
        # every rank has it; one says it
        if comm.rank == 0:
            print_error(error)
        raise SystemExit(2) from None
    if comm.rank == 0:
        failed = sum(summary["failed"].values())
        typer.echo(
            f"{summary['converged']} of {summary['attempted']} seeds converged, {failed} failed, "
            f"in {summary['wall_seconds']:.1f} s on {summary['ranks']} rank(s)"
        )
        typer.echo(out.resolve() / "structures.extxyz")


main = run_app(app)
