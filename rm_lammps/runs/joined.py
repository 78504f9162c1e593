"""Which runs were put together in a folder: ``runs.json``."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rm_lammps.errors import UserError
from rm_lammps.files import write_json
from rm_lammps.runs.layout import JOINED
from rm_lammps.runs.request import Asked, Request, read_request


@dataclass(frozen=True)
class JoinedRun:
    """One run of a folder that holds several."""

    name: str
    """As frames have it."""
    folder: str
    going_on: bool
    """Whether the run was still going on: then later seeds are missing."""
    attempted: int
    """Seeds that had a record."""
    seeds_each: int
    """Of each composition."""
    formulas: list[str]
    """Of its compositions, in the order of their seeds."""
    run: dict[str, Any]
    """Content of its ``run.yaml``."""

    @property
    def request(self) -> Request:
        """What it was asked for."""
        return Request(tuple(self.formulas), self.seeds_each)


def read_joined(folder: Path) -> list[JoinedRun]:
    """Runs that were put together in a folder; none for the folder of one run.

    Raises:
        UserError: the list can't be read.
    """
    path = folder / JOINED
    if not path.exists():
        return []
    try:
        return [JoinedRun(**run) for run in json.loads(path.read_text())]
    except (OSError, TypeError, ValueError) as error:
        raise UserError(
            f"Can't read {path}: {error}", "Put the runs together anew, with rm-evaluate --out."
        ) from error


def write_joined(folder: Path, runs: list[JoinedRun]) -> None:
    """Write ``runs.json``.

    Raises:
        UserError: it can't be written.
    """
    write_json(folder / JOINED, [asdict(run) for run in runs])


def read_asked(folder: Path) -> Asked:
    """What the run in a folder was asked for, or the runs that were put together there.

    Raises:
        UserError: the folder does not say.
    """
    joined = read_joined(folder)
    return Asked([run.request for run in joined] if joined else [read_request(folder)])
