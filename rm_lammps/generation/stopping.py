"""When to stop early: a signal, the time limit, an error on some rank, or the launcher's death."""

import os
import signal
import threading
import time
from types import FrameType

from rm_lammps.errors import UserError

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
_MARGIN_SECONDS = 60.0
_LOOK_SECONDS = 0.5


class Stopping:
    """What this rank knows about stopping; signals count from construction to ``close``.

    Args:
        deadline: ``time.time()`` after which no new seed starts; ``None`` for none.
        grace: seconds that a seed in flight has to finish.
    """

    def __init__(self, deadline: float | None, grace: float) -> None:
        self._deadline = deadline
        self._grace = grace
        self._since: float | None = None
        self.error: UserError | None = None
        self._before = {number: signal.signal(number, self._on_signal) for number in SIGNALS}

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.request()

    def request(self, error: UserError | None = None) -> None:
        """Stop; the first error is the one that is told."""
        if self._since is None:
            self._since = time.monotonic()
        self.error = self.error or error

    @property
    def requested(self) -> bool:
        """Whether no new seed may start."""
        if self._since is None and self._deadline is not None and time.time() > self._deadline:
            self.request()
        return self._since is not None

    @property
    def overdue(self) -> bool:
        """Whether a seed in flight has to be dropped."""
        return self.requested and (
            self.error is not None or time.monotonic() - (self._since or 0.0) > self._grace
        )

    def close(self) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)


def deadline(minutes: float | None, start: float) -> float | None:
    """When to stop, in ``time.time()``.

    Args:
        minutes: asked for; ``None`` for a minute before the end of the Slurm job, if Slurm says
            when that is.
        start: of the run.
    """
    if minutes is not None:
        return start + 60.0 * minutes
    end = os.environ.get("SLURM_JOB_END_TIME", "")
    return float(end) - _MARGIN_SECONDS if end.isdigit() else None


def end_with_parent(grace: float) -> None:
    """Kill this process when the one that started it is gone, from a thread.

    A rank that outlives its launcher would wait for the others for ever, at full load.

    Args:
        grace: seconds to end by itself.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_SECONDS)
        time.sleep(grace)
        # a process that waits in MPI sees no other signal
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
