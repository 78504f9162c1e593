"""How far a run has come, from what it has recorded; changes nothing in its folder."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path

import numpy as np

from rm_lammps.errors import UserError
from rm_lammps.runs.folder import is_going_on
from rm_lammps.runs.layout import JOINED
from rm_lammps.runs.merge import Totals
from rm_lammps.runs.records import read_head
from rm_lammps.runs.request import total_seeds
from rm_lammps.runs.shards import read_shard, session_of, shards
from rm_lammps.runs.small_files import read_run_file


class State(str, Enum):
    """Whether a run is there, and whether it is to be continued."""

    GOING_ON = "going on"
    """A process holds the folder's lock."""
    STOPPED = "stopped"
    """There are seeds left, and nobody works on them."""
    FINISHED = "finished"
    """Every seed has a record."""


@dataclass(frozen=True)
class RunStatus:
    """How far a run has come."""

    folder: Path
    state: State
    total: int
    """Seeds of the run."""
    converged: int
    failed: dict[str, int]
    """Failed seeds by reason, the most frequent first."""
    evaluations: int
    """Of energy and forces, of all seeds done."""
    seed_seconds: float
    """That all seeds done took on their ranks."""
    groups: int
    """Ranks, or groups of ranks that share a structure, that recorded a seed since the last
    start."""
    seconds_a_seed: float | None
    """Mean since the last start; ``None`` before its first seed."""

    @property
    def done(self) -> int:
        """Seeds with a record."""
        return self.converged + sum(self.failed.values())

    @property
    def rate(self) -> float | None:
        """Seeds a second while these ranks work; ``None`` where that is not known."""
        return self.groups / self.seconds_a_seed if self.seconds_a_seed else None

    @property
    def seconds_left(self) -> float | None:
        """Until the last seed, on as many ranks; ``None`` where that is not known."""
        left = self.total - self.done
        if not left:
            return 0.0
        return None if self.rate is None else left / self.rate

    def text(self) -> str:
        """What a person wants to know, a few lines."""
        left, lines = self.seconds_left, [f"{self.folder}: {self.state.value}"]
        share = f"{self.done / self.total:.1%}"
        lines.append(f"{self.done:,} of {self.total:,} seeds done ({share})")
        converged = f" ({self.converged / self.done:.1%})" if self.done else ""
        lines.append(f"  converged: {self.converged:,}{converged}")
        lines += [f"  {reason}: {number:,}" for reason, number in self.failed.items()]
        if self.rate is not None and self.seconds_a_seed is not None:
            ranks = "one rank" if self.groups == 1 else f"{self.groups} ranks"
            lines.append(
                f"since the last start: {self.seconds_a_seed:.3g} s a seed, {self.rate:.3g} seeds "
                f"a second on {ranks} (or groups of ranks that share a structure)"
            )
        if left:
            when = "" if self.state is State.GOING_ON else ", once it goes on with as many ranks"
            lines.append(f"about {timedelta(seconds=round(left))} left{when}")
        if self.state is State.STOPPED:
            lines.append(f"Go on with: rm-generate --resume {self.folder}")
        return "\n".join(lines)


def read_status(folder: Path) -> RunStatus:
    """Say how far a run has come: one that is going on, was stopped, or is finished.

    Reads every record once, in the memory of a bit a seed. The rate and the time left are
    estimates: the ranks that recorded seeds since the last start, by the mean time of a seed.

    Args:
        folder: the ``--out`` of ``rm-generate``.

    Raises:
        UserError: the folder holds no run.
    """
    if (folder / JOINED).exists():
        raise UserError(
            f"{folder} holds several runs that were put together.", "Give one of these runs."
        )
    total = total_seeds(read_run_file(folder))
    going_on = is_going_on(folder)
    done = np.zeros(total, dtype=bool)
    totals, recent = Totals(), Totals()
    files = shards(folder)
    last = max(map(session_of, files), default=0)
    groups = 0
    for path in files:
        before = recent.attempted
        for seed, line in read_shard(path):
            if seed < total and not done[seed]:
                done[seed] = True
                head = read_head(line)
                totals.add(head.reason, head.evaluations, head.seconds)
                if session_of(path) == last:
                    recent.add(head.reason, head.evaluations, head.seconds)
        groups += recent.attempted > before
    left = total - totals.attempted
    state = State.GOING_ON if going_on else State.STOPPED if left else State.FINISHED
    return RunStatus(
        folder=folder,
        state=state,
        total=total,
        converged=totals.converged,
        failed=dict(totals.failed.most_common()),
        evaluations=totals.evaluations,
        seed_seconds=totals.seconds,
        groups=groups,
        seconds_a_seed=recent.seconds / recent.attempted if recent.attempted else None,
    )
