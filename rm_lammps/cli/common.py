"""What every command does alike: report errors that are the user's to solve, and exit codes."""

import sys
import warnings
from collections.abc import Callable, Iterable
from typing import TextIO

import typer

from rm_lammps.environment import prepare
from rm_lammps.errors import Note, UserError, of_environment

BAD_INPUT = 2


def run_app(app: typer.Typer) -> Callable[[], None]:
    """Make a console entry point that prints a :class:`UserError` and exits with code 2."""

    def main() -> None:
        code = 0
        _print_notes()
        try:
            prepare()
            _refuse_empty_arguments(sys.argv[1:])
            app()
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else BAD_INPUT
        except UserError as error:
            print_error(error)
            code = BAD_INPUT
        except Exception as error:
            known = of_environment(error)
            if known is None:
                raise
            print_error(known)
            code = BAD_INPUT
        sys.exit(max(code, _end_output()))

    return main


def print_error(error: UserError) -> None:
    """Print problem and hint to standard error."""
    from rich.console import Console

    console = Console(stderr=True)
    console.print(f"[bold red]Error:[/] {_plain(error.problem)}", highlight=False)
    if error.hint:
        console.print(_plain(error.hint), highlight=False)


def stated(context: typer.Context) -> list[str]:
    """Names of the parameters that stand on the command line."""
    # by name: some versions of typer bring a click of their own
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]


def refuse(context: typer.Context, names: Iterable[str], why: str) -> None:
    """Refuse options that would do nothing.

    Args:
        context: of the command.
        names: of the parameters that do nothing here.
        why: they do, and what to do.

    Raises:
        UserError: one of them was given.
    """
    flags = {p.name: p.opts[0] for p in context.command.params}
    useless = [flags[name] for name in stated(context) if name in set(names)]
    if useless:
        raise UserError(f"{', '.join(useless)} would do nothing: {why}.", "Leave it out.")


def _refuse_empty_arguments(words: list[str]) -> None:
    for before, word in zip(["", *words], words, strict=False):
        if not word.strip() or (word.startswith("--") and word.endswith("=")):
            where = before if before.startswith("-") and not word.strip() else word.rstrip("=")
            raise UserError(
                f"An argument is empty{f' ({where})' if where else ''}.",
                "Is a variable of the shell not set?",
            )


def _end_output() -> int:
    """Flush standard output; a full disk there must be said, a closed pipe must not."""
    sys.stdout.flush()
    fault = getattr(sys.stdout, "fault", None)
    if fault is None or isinstance(fault, BrokenPipeError):
        return 0
    print_error(UserError(f"Can't write to standard output: {fault}."))
    return BAD_INPUT


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
