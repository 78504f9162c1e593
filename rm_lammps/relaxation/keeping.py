"""Where a structure is on its way, kept in files: a run that is killed goes on from there."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rm_lammps.files import cannot_write

if TYPE_CHECKING:
    from rm_lammps.relaxation.session import LammpsSession


@dataclass(frozen=True)
class Place:
    """Where a relaxation is."""

    stage: int
    """Number of the stage in the protocol, from 0."""
    step: int
    """Steps of it that are done."""
    random: dict[str, Any]
    """State of the source of random numbers when the stage began."""
    evaluations: int
    """Since the seed."""
    rotation: list[list[float]]
    """Of the session."""
    restart: str
    """Name of LAMMPS's restart file."""


class Keeper:
    """Keeps the place of one seed.

    Args:
        stem: path of its files, without the ending.
        seconds: between two restart files.
        agree: gives the first rank's value to all ranks that share the structure.
        leader: whether this is the first rank.
        tell: is told where the structure is, in words.
    """

    def __init__(
        self,
        stem: Path,
        seconds: float,
        agree: Callable[[Any], Any],
        tell: Callable[[str], None],
        *,
        leader: bool,
    ) -> None:
        self._stem, self._seconds, self._agree = stem, seconds, agree
        self._leader, self.tell = leader, tell
        self._last = time.monotonic()
        self._number = 0

    @property
    def _file(self) -> Path:
        return self._stem.with_suffix(".json")

    def due(self) -> bool:
        """Whether it is time for the next restart file; the same on all ranks."""
        return bool(self._agree(time.monotonic() - self._last >= self._seconds))

    def find(self) -> Place | None:
        """The place that an earlier start of the run kept; the same on all ranks."""
        found = None
        if self._leader and self._file.exists():
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            if (self._stem.parent / kept["restart"]).exists():
                found = kept
        found = self._agree(found)
        if found is None:
            return None
        place = Place(**found)
        self._number = int(place.restart.split(".")[-2])
        return place

    def restart_file(self, place: Place) -> Path:
        """Path of a place's restart file."""
        return self._stem.parent / place.restart

    def keep(self, session: "LammpsSession", place: Place) -> None:
        """Write a restart file, then what goes with it, then drop the one before.

        Raises:
            UserError: it can't be written.
        """
        self._number += 1
        name = f"{self._stem.name}.{self._number}.restart"
        session.write_restart(self._stem.parent / name)
        if self._leader:
            partial = self._stem.with_suffix(".partial")
            try:
                partial.write_text(json.dumps(asdict(place) | {"restart": name}), encoding="utf-8")
                partial.replace(self._file)
            except OSError as error:
                raise cannot_write(self._file, error) from error
            self._drop(but=name)
        self._last = time.monotonic()

    def end(self) -> None:
        """Drop everything: the seed has its record."""
        if self._leader:
            self._file.unlink(missing_ok=True)
            self._drop(but=None)

    def _drop(self, but: str | None) -> None:
        for file in self._stem.parent.glob(f"{self._stem.name}.*.restart"):
            if file.name != but:
                file.unlink(missing_ok=True)
