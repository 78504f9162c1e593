"""``rm-generate``: new structures by relaxing seeds, under mpirun."""

import json
import signal
import sys
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rm_lammps.cli.common import BAD_INPUT, print_error, refuse, run_app, stated
from rm_lammps.cli.options import with_flags
from rm_lammps.environment import one_thread
from rm_lammps.errors import Note, UserError, of_environment
from rm_lammps.generation.run_fields import Execution, RunFields, Shortcuts
from rm_lammps.ranks import check_launcher
from rm_lammps.runs.layout import EXPLORATION, EXPLORED, ROUNDS, RUN, STRUCTURES

if TYPE_CHECKING:
    from mpi4py import MPI

STOPPED_EARLY = 3
_ABORT_SECONDS = 5
_PHASES_SHOWN = 20

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
@with_flags(
    Outcome_of_the_run=RunFields,
    Short_for_nested_settings=Shortcuts,
    How_it_is_carried_out=Execution,
)
def generate(
    config_file: Annotated[
        Path | None,
        typer.Argument(metavar="[RUN.YAML]", help="The run's settings; flags override them."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for the results; the same again resumes."),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Go on with the stopped run in this folder.")
    ] = None,
    status: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Only say how far the run in this folder has come, going on or not.",
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="RUN.YAML", help="The same as RUN.YAML.")
    ] = None,
    *,
    context: typer.Context,
    **flags: Any,
) -> None:
    """Relax random seeds to new structures: mpirun -n N rm-generate ...

    Every rank relaxes; any number of ranks gives the same structures. A stopped run goes on when
    the same command is given again. All flags, and seeds and protocol, may stand in a YAML file.

    Exit codes: 0 complete, 2 bad input or a fault to mend, 3 stopped early by a signal or the
    time limit.
    """
    if status is not None:
        refuse(context, set(stated(context)) - {"status"}, "--status only looks at a run")
        _show_status(status)
        return
    note = one_thread()
    # MPI must be up before LAMMPS is loaded
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    if note and comm.rank == 0:
        warnings.warn(note, Note, stacklevel=1)
    try:
        check_launcher(comm)
        source = _source(out, resume, config_file or config)
        folder, summary = _run(source, {**flags, "out": resume or out}, comm)
    except UserError as error:
        # every rank has it; one says it
        if comm.rank == 0:
            print_error(error)
        raise SystemExit(2) from None
    except Exception as error:
        # the others wait for this rank: end them too
        known = of_environment(error)
        if known is None:
            traceback.print_exc()
        else:
            print_error(known)
        sys.stderr.flush()
        # an abort that hangs, as seen on a busy machine, must not keep this rank alive: its death
        # ends the others as well
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_ABORT_SECONDS)
        comm.Abort(1 if known is None else BAD_INPUT)
        raise
    if comm.rank == 0:
        _report(summary, folder)
    if summary["remaining"]:
        raise SystemExit(STOPPED_EARLY)


def _show_status(folder: Path) -> None:
    from rm_lammps.ranks import launched_ranks
    from rm_lammps.runs.status import read_status

    if launched_ranks().rank != 0:
        return
    rounds = sorted((folder / ROUNDS).glob(f"*/{RUN}"), key=lambda path: path.stat().st_mtime)
    for one in [path.parent for path in rounds] or [folder]:
        typer.echo(read_status(one).text())


def _source(out: Path | None, resume: Path | None, file: Path | None) -> Path | None:
    """File with the run's settings."""
    if resume is None:
        return file
    if out is not None or file is not None:
        raise UserError("--resume takes folder and settings from the run itself.")
    for name in (RUN, EXPLORATION):
        if (resume / name).is_file():
            return resume / name
    raise UserError(f"{resume} holds no run: there is no {RUN}.")


def _run(
    source: Path | None, flags: dict[str, Any], comm: "MPI.Intracomm"
) -> tuple[Path, dict[str, Any]]:
    """Folder and summary of the run."""
    from rm_lammps.api.generate import carry_out
    from rm_lammps.generation.generation_config import load_run
    from rm_lammps.generation.stopping import end_with_parent
    from rm_lammps.ranks import on_root

    # one rank reads the files: all the others would at once
    order = on_root(comm, lambda: load_run(source, flags))
    if comm.size > 1:
        end_with_parent(order.execution.grace)
    return order.folder, carry_out(order, comm)


def _report(summary: dict[str, Any], folder: Path) -> None:
    failed = sum(summary["failed"].values())
    typer.echo(
        f"{summary['converged']} of {summary['attempted']} seeds converged, {failed} failed, "
        f"in {summary['wall_seconds']:.1f} s on {summary['ranks']} rank(s)"
    )
    if summary["remaining"]:
        typer.echo(
            f"Stopped early with {summary['remaining']} seeds to do. Go on with: "
            f"rm-generate --resume {folder}"
        )
    if (folder / EXPLORED).exists() and not summary["remaining"]:
        _print_phases(json.loads((folder / EXPLORED).read_text()))
    typer.echo(folder.resolve() / STRUCTURES)


def _print_phases(explored: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    found, known = explored["found"], explored["known"]
    table = Table("phase", "space group", "above hull (eV)", "known as", "found in")
    for row in found[:_PHASES_SHOWN]:
        above, where = f"{row['above_hull']:.3f}", f"{row['round']} {row['seed']}"
        table.add_row(row["formula"], row["space_group"], above, row["known"] or "", where)
    Console().print(table)
    number = sum(len(some) for some in explored["rounds"])
    typer.echo(
        f"{number} of {explored['possible']} compositions were looked at. "
        f"{len(found)} structures are within 0.1 eV per atom of the hull by {explored['potential']}"
        f"; of {len(known)} known ones there, {sum(row['found'] for row in known)} were found."
    )
    if explored["missing"]:
        typer.echo(f"There is no hull: no structure of {', '.join(explored['missing'])}.")


main = run_app(app)
