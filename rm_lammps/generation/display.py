"""What a person sees of a running generation, on rank 0."""

import sys
import time
from datetime import timedelta

from rm_lammps.progress import SECONDS_BETWEEN_LINES, start_bar

_SECONDS_BETWEEN_UPDATES = 0.2


class GenerationProgress:
    """Bar on a terminal; elsewhere a line a minute.

    Args:
        total: seeds of the run.
        done: seeds finished by an earlier start of the run.
    """

    def __init__(self, total: int, done: int) -> None:
        self._total, self._done = total, done
        self._start = self._last = time.monotonic()
        self._bar = start_bar("seeds", total=total, done=done, stderr=True)

    @property
    def due(self) -> bool:
        """Whether it is time to look at the counters again."""
        wait = SECONDS_BETWEEN_LINES if self._bar is None else _SECONDS_BETWEEN_UPDATES
        return time.monotonic() - self._last > wait

    def show(self, converged: int, failed: int, where: str = "") -> None:
        """Show totals of this start of the run, and where a large structure is."""
        self._last = time.monotonic()
        fresh = converged + failed
        rate = fresh / max(self._last - self._start, 1e-9)
        text = f"{converged} converged, {failed} failed, {rate:.1f}/s"
        if where:
            text += f"; {where}"
        if self._bar is not None:
            task = self._bar.task_ids[0]
            self._bar.update(task, completed=self._done + fresh, description=text)
            return
        print(
            f"{self._done + fresh} of {self._total} seeds: {text}{self._left(fresh, rate)}",
            file=sys.stderr,
            flush=True,
        )

    def _left(self, fresh: int, rate: float) -> str:
        """Time left, once a rate is known."""
        missing = self._total - self._done - fresh
        if not fresh or not missing:
            return ""
        return f", {timedelta(seconds=round(missing / rate))} left"

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.stop()
