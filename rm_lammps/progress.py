"""What a person sees of long work: a bar on a terminal, elsewhere a line a minute."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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

SECONDS_BETWEEN_LINES = 60.0


def start_bar(unit: str, *, total: int | None, done: int, stderr: bool) -> Progress | None:
    """Start a bar with one task; ``None`` where there is no terminal to draw it on.

    Args:
        unit: what is counted.
        total: number of units; ``None`` where nobody knows.
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
    """Go through items and show on standard error how far it has come.

    Args:
        items: of this process.
        unit: what is counted.
        shown: whether this process shows it.
    """
    with counting(len(items), unit, shown=shown) as tell:
        for n, item in enumerate(items, start=1):
            yield item
            tell(n)


@contextmanager
def counting(total: int, unit: str, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """Show on standard error how far something has come.

    Args:
        total: number of units.
        unit: what is counted.
        shown: whether this process shows it.

    Yields:
        What to call with the number of units that are done.
    """
    bar = start_bar(unit, total=total, done=0, stderr=True) if shown else None
    last = time.monotonic()

    def tell(done: int) -> None:
        nonlocal last
        if bar is not None:
            bar.update(bar.task_ids[0], completed=done)
        elif shown and time.monotonic() - last > SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            print(f"{unit}: {done} of {total}", file=sys.stderr, flush=True)

    try:
        yield tell
    finally:
        if bar is not None:
            bar.stop()
