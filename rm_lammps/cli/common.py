"""What every command does alike: report errors that are the user's to solve, and exit codes."""

import os
import sys
import warnings
from collections.abc import Callable
from typing import TextIO

import typer

from rm_lammps.errors import Note, UserError


def run_app(app: typer.Typer) -> Callable[[], None]:
    """Make a console entry point that prints a :class:`UserError` and exits with code 2."""

    def main() -> None:
        # one thread a process unless the user says otherwise: MPI ranks share the cores
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        _print_notes()
        try:
            app()
        except UserError as error:
            print_error(error)
            sys.exit(2)

    return main


def print_error(error: UserError) -> None:
    """Print problem and hint to standard error."""
    from rich.console import Console

    console = Console(stderr=True)
    console.print(f"[bold red]Error:[/] {_plain(error.problem)}", highlight=False)
    if error.hint:
        console.print(_plain(error.hint), highlight=False)


def _print_notes() -> None:
    """Let notes stand on standard error without the place in the code that they come from."""
    show = warnings.showwarning

    def shown(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, Note):
            typer.echo(f"Note: {message}", err=True)
        else:
            show(message, category, filename, lineno, file, line)

    warnings.showwarning = shown


def _plain(text: str) -> str:
    return text.replace("[", r"\[")
