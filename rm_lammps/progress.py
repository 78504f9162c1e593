"""The progress bar of long work."""

import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

T = TypeVar("T")


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


def follow(items: Sequence[T], unit: str, *, shown: bool) -> Iterator[T]:
    """Go through items, with a bar on standard error.

    Args:
        items: of this process.
        unit: what is counted.
        shown: whether this process draws the bar.
    """
    bar = start_bar(unit, total=len(items), done=0, stderr=True) if shown else None
    try:
        for n, item in enumerate(items, start=1):
            yield item
            if bar is not None:
                bar.update(bar.task_ids[0], completed=n)
    finally:
        if bar is not None:
            bar.stop()
