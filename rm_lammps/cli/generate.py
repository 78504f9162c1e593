"""``rm-generate``: new structures by relaxing seeds, under mpirun."""

import signal
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from rm_lammps.cli.common import (
    BAD_INPUT,
    check_finite,
    given,
    print_error,
    print_note,
    refuse,
    run_app,
)
from rm_lammps.environment import one_thread
from rm_lammps.errors import UserError, of_environment
from rm_lammps.ranks import check_launcher
from rm_lammps.runs.layout import RUN, STRUCTURES

STOPPED_EARLY = 3
_ABORT_SECONDS = 5
_OUTCOME = "Outcome of the run"
_HOW = "How it is carried out"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def generate(
    context: typer.Context,
    config_file: Annotated[
        Path | None,
        typer.Argument(metavar="[RUN.YAML]", help="The run's settings; flags override them."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results; the same again resumes.")
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
    config: Annotated[Path | None, typer.Option(help="The same as RUN.YAML.")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Shipped model by name, bundle, or rm-train folder.", rich_help_panel=_OUTCOME
        ),
    ] = None,
    formula: Annotated[
        str | None,
        typer.Option(help="Content of one cell, e.g. C8 or Sr2O4.", rich_help_panel=_OUTCOME),
    ] = None,
    formulas: Annotated[
        Path | None,
        typer.Option(
            help="File of formulas, one a line: --num seeds of each.", rich_help_panel=_OUTCOME
        ),
    ] = None,
    z: Annotated[
        str,
        typer.Option(
            help="Range of formula units a cell, e.g. 1-4: seeds draw from it.",
            rich_help_panel=_OUTCOME,
        ),
    ] = "",
    de_novo: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Draw so many compositions like the training data's (crystals: charges "
            "balanced, molecules: formulas of its molecules).",
            rich_help_panel=_OUTCOME,
        ),
    ] = None,
    heavy: Annotated[
        str | None,
        typer.Option(
            help="Heavy atoms of molecules, e.g. C5NO: each seed draws its hydrogens.",
            rich_help_panel=_OUTCOME,
        ),
    ] = None,
    elements: Annotated[
        str | None,
        typer.Option(help="De novo: only these, e.g. Li,Mn,O.", rich_help_panel=_OUTCOME),
    ] = None,
    max_atoms: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="De novo: atoms at most (default: 20 in a cell).",
            rich_help_panel=_OUTCOME,
        ),
    ] = None,
    atoms: Annotated[
        int | None,
        typer.Option(
            min=1, help="Repeat the formula to so many atoms a cell.", rich_help_panel=_OUTCOME
        ),
    ] = None,
    num: Annotated[
        int | None,
        typer.Option(
            min=1, help="Number of seeds (default 64), of each.", rich_help_panel=_OUTCOME
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Of the run (default 0): same seed, same structures.",
            rich_help_panel=_OUTCOME,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Seeds and stages by name (default, by model: crystals for one element, "
            "prediction for several, molecules).",
            rich_help_panel=_OUTCOME,
        ),
    ] = None,
    pressure: Annotated[
        float | None,
        typer.Option(
            help="External pressure in GPa of E~ units (default 0).", rich_help_panel=_OUTCOME
        ),
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu (default) or cuda.")] = None,
    ranks_per_structure: Annotated[
        int,
        typer.Option(min=1, help="Ranks that share a structure.", rich_help_panel=_HOW),
    ] = 1,
    trajectories: Annotated[
        str,
        typer.Option(
            help="Seeds whose way to write to DIR/trajectories, e.g. 0,5,7.", rich_help_panel=_HOW
        ),
    ] = "",
    time_limit: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Minutes after which to stop (default: a minute before the Slurm job's end).",
            rich_help_panel=_HOW,
        ),
    ] = None,
    grace: Annotated[
        float,
        typer.Option(
            min=0,
            help="Seconds that seeds in flight get to finish when the run is told to stop.",
            rich_help_panel=_HOW,
        ),
    ] = 10.0,
) -> None:
    """Relax random seeds to new structures: mpirun -n N rm-generate ...

    Every rank relaxes; any number of ranks gives the same structures. A stopped run goes on when
    the same command is given again. Exit codes: 0 complete, 2 bad input or a fault to mend,
    3 stopped early by a signal or the time limit.
    """
    if status is not None:
        refuse(context, set(given(context)) - {"status"}, "--status only looks at a run")
        _show_status(status)
        return
    note = one_thread()
    # MPI must be up before LAMMPS is loaded
    from mpi4py import MPI

    from rm_lammps.generation.config import Execution
    from rm_lammps.generation.stopping import end_with_parent

    comm = MPI.COMM_WORLD
    if comm.size > 1:
        end_with_parent(grace)
    if note and comm.rank == 0:
        print_note(note)
    pressed = None if pressure is None else {"pressure": pressure}
    flags: dict[str, Any] = {
        "model": model,
        "formula": formula,
        "heavy": heavy,
        "atoms": atoms,
        "num": num,
        "seed": seed,
    }
    flags |= {"preset": preset, "protocol": pressed, "device": device}
    flags["de_novo"] = _de_novo(de_novo, elements, max_atoms)
    try:
        check_launcher(comm)
        check_finite(context)
        flags["z"] = z or None
        folder, file = _where(out, resume, config_file or config)
        execution = Execution(ranks_per_structure, _numbers(trajectories), time_limit, grace)
        summary = _run(folder, file, flags, formulas, execution)
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

    if launched_ranks().rank == 0:
        typer.echo(read_status(folder).text())


def _where(out: Path | None, resume: Path | None, file: Path | None) -> tuple[Path, Path | None]:
    """Folder and configuration of the run."""
    if resume is not None:
        if out is not None or file is not None:
            raise UserError("--resume takes folder and settings from the run itself.")
        if not (resume / RUN).is_file():
            raise UserError(f"{resume} holds no run: there is no {RUN}.")
        return resume, resume / RUN
    if out is None:
        raise UserError("No folder for the results.", "Give one with --out DIR.")
    return out, file


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(",") if word.strip())
    except ValueError:
        raise UserError(
            f"--trajectories {text!r} is not a list of seeds.", "For example --trajectories 0,5,7."
        ) from None


def _de_novo(
    compositions: int | None, elements: str | None, max_atoms: int | None
) -> dict[str, Any] | None:
    given = {"compositions": compositions, "max_atoms": max_atoms}
    fields: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if elements is not None:
        fields["elements"] = [word.strip() for word in elements.split(",") if word.strip()]
    return fields or None


def _run(
    folder: Path,
    file: Path | None,
    flags: dict[str, Any],
    formulas: Path | None,
    execution: Any,
) -> dict[str, Any]:
    from mpi4py import MPI

    from rm_lammps.analysis.conclusion import conclude
    from rm_lammps.generation.config import load_config, read_formulas
    from rm_lammps.generation.run import generate as run
    from rm_lammps.ranks import on_root

    def load() -> Any:
        listed = None if formulas is None else read_formulas(formulas)
        return load_config(file, {**flags, "formulas": listed})

    comm = MPI.COMM_WORLD
    # one rank reads the files: all the others would at once
    return run(on_root(comm, load), folder, comm, execution, conclude)


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
    typer.echo(folder.resolve() / STRUCTURES)


main = run_app(app)
