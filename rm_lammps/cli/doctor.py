"""``rm-doctor``: is this machine ready?"""

import typer
from rich.console import Console

from rm_lammps.cli.common import run_app
from rm_lammps.cli.options import with_flags

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
@with_flags()
def doctor() -> None:
    """Check compiler, torch, LAMMPS, MPI and plugin; say what to do for each failure.

    Builds the pair-style plugin if it isn't there yet. Exit code 2 if anything is amiss.
    """
    from rm_lammps.deployment.doctor import examine

    console = Console(highlight=False, soft_wrap=True)
    failed = False
    for finding in examine():
        failed |= not finding.passed
        mark = "[green]ok  [/]" if finding.passed else "[bold red]FAIL[/]"
        console.print(f"{mark} {finding.check}: ", end="")
        console.print(finding.found, markup=False)
        if finding.advice:
            console.print(f"     -> {finding.advice}", markup=False)
    raise typer.Exit(2 if failed else 0)


main = run_app(app)
