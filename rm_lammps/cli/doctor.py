"""``rm-doctor``: is this machine ready?"""

import typer
from rich.console import Console

from rm_lammps.cli.common import run_app
from rm_lammps.cli.options import with_flags

app = typer.Typer(pretty_exceptions_enable=False)

_MARKS = {"ok": "[green]ok  [/]", "warning": "[yellow]warn[/]", "error": "[bold red]FAIL[/]"}


@app.command()
@with_flags()
def doctor() -> None:
    """Check versions, MPI, LAMMPS, plugin, disks and more; say what to do where something is amiss.

    Builds the pair-style plugin if it isn't there yet. The last line says what the machine is ready
    for. Exit code 2 if nothing can be generated; warnings leave it 0.
    """
    from rm_lammps.deployment.doctor import Verdict, conclude, examine

    console = Console(highlight=False, soft_wrap=True)
    findings = examine()
    for finding in findings:
        console.print(f"{_MARKS[finding.verdict.value]} {finding.check}: ", end="")
        console.print(finding.found, markup=False)
        if finding.advice:
            console.print(f"     -> {finding.advice}", markup=False)
    console.print(conclude(findings), markup=False)
    failed = any(finding.verdict is Verdict.ERROR for finding in findings)
    raise typer.Exit(2 if failed else 0)


main = run_app(app)
