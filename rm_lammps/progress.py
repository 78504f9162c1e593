"""The progress bar of long work."""

import sys

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


def start_bar(unit: str, *, total: int, done: int, stderr: bool) -> Progress | None:
    """Start a bar with one task; ``None`` where there is no terminal to draw it on.

    Args:
        unit: what is counted.
        total: number of units.
        done: units finished by an earlier start of the run.
        stderr: draw on standard error instead of standard output.
    """
    stream = sys.stderr if stderr else sys.stdout
    if not stream.isatty():
        return None
    bar = Progress(
        TextColumn(unit),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=stderr),
    )
    bar.add_task("", total=total, completed=done)
    bar.start()
    return bar
