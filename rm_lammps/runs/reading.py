"""A run as an object: what was asked for, and what came of it."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import ase

from rm_lammps.errors import UserError
from rm_lammps.runs.folder import is_going_on
from rm_lammps.runs.frames import FrameFile, iterate
from rm_lammps.runs.index import FrameTable, read_index
from rm_lammps.runs.joined import JoinedRun, read_asked, read_joined
from rm_lammps.runs.joining import join, ready_to_read
from rm_lammps.runs.layout import STRUCTURES, UNIQUE
from rm_lammps.runs.records import SeedRecord
from rm_lammps.runs.small_files import read_failures, read_run_file, read_summary
from rm_lammps.runs.status import RunStatus, read_status


class Run(Sequence[ase.Atoms]):
    """The converged structures of a run, in order of seed, and all that is known of it.

    Structures are read from disk when they are asked for; their numbers are in :attr:`table`.

    Args:
        folder: where the results are.
        scratch: keeps a temporary folder alive as long as the run is in use.
    """

    def __init__(
        self, folder: Path, scratch: tempfile.TemporaryDirectory[str] | None = None
    ) -> None:
        self.folder = folder
        self._scratch = scratch
        self.summary: dict[str, Any] = read_summary(folder)
        """Totals over all seeds that have a record: ``kind``, ``attempted``, ``converged``,
        ``failed`` by reason, ``evaluations``, ``seed_seconds``."""
        self.runs: list[JoinedRun] = read_joined(folder)
        """The runs that were put together; empty for a run of its own."""
        described = self.runs[0].run if self.runs else read_run_file(folder)
        self.config: dict[str, Any] = described["config"]
        """Settings, as in ``run.yaml``; of several runs, those of the first."""
        self.model: dict[str, Any] = described.get("model", {})
        """Name and hashes of the model."""
        self.versions: dict[str, str] = described.get("versions", {})
        """Of the packages that the run was made with."""
        self.formulas: list[str] = read_asked(folder).formulas
        """Of the compositions that were asked for, in the order of their seeds."""
        self.table: FrameTable = read_index(folder)
        """Numbers of the structures as arrays, one entry each: ``seed``, ``energy_per_atom``
        (pseudo-eV), ``volume_per_atom`` (Å³) and others."""
        self._frames = FrameFile(folder / STRUCTURES, self.table.begin)

    def __len__(self) -> int:
        return len(self.table)

    @overload
    def __getitem__(self, number: int) -> ase.Atoms: ...

    @overload
    def __getitem__(self, number: slice) -> list[ase.Atoms]: ...

    def __getitem__(self, number: int | slice) -> ase.Atoms | list[ase.Atoms]:
        """A structure with its ``info``, or several; E~ is at its calculator (pseudo-eV)."""
        if isinstance(number, slice):
            return [self._frames.atoms(n) for n in range(*number.indices(len(self)))]
        return self._frames.atoms(range(len(self))[number])

    def failures(self) -> Iterator[SeedRecord]:
        """Seeds that became no structure, in order: ``outcome.reason`` and ``outcome.detail``."""
        return map(SeedRecord.from_plain, read_failures(self.folder))

    def unique(self) -> Iterator[ase.Atoms]:
        """Unique structures, best first, with their ranks and space groups in ``info``.

        Raises:
            UserError: they are yet to be found, by ``rm-evaluate`` or the end of the run.
        """
        path = self.folder / UNIQUE
        if not path.exists():
            raise UserError(f"{self.folder} has no {UNIQUE}.", f"Run: rm-evaluate {self.folder}")
        return iterate(path)

    def status(self) -> RunStatus:
        """How far the run has come, now.

        Raises:
            UserError: these are several runs.
        """
        return read_status(Path(self.runs[0].folder) if len(self.runs) == 1 else self.folder)

    def __repr__(self) -> str:
        return f"<Run {self.folder}: {len(self)} of {self.summary['attempted']} seeds converged>"


def read_run(folder: str | Path) -> Run:
    """Read a run: one that is finished, was stopped, or is still going on.

    What a run that was killed had recorded is merged first. One that is going on is not disturbed:
    the result holds what it has recorded until now, in a temporary folder.

    Args:
        folder: the ``--out`` of ``rm-generate``, or of ``rm-evaluate`` for several runs.

    Returns:
        A sequence of ASE Atoms in order of seed, with settings, totals, failures and a table of
        numbers. Lengths in Å, E~ in pseudo-eV.

    Raises:
        UserError: the folder holds no run, or its files are damaged.

    Examples:
        >>> import rm_lammps as rm
        >>> _ = rm.generate(model="diamond", formula="C4", num=4, out="carbon")
        >>> run = rm.read_run("carbon")
        >>> lowest = run[int(run.table.energy_per_atom.argmin())]
        >>> print(f"{lowest.get_potential_energy() / len(lowest):.2f} pseudo-eV")
        0.06 pseudo-eV
        >>> {failure.seed: failure.outcome.reason for failure in run.failures()}
        {}
    """
    folder = Path(folder)
    if not is_going_on(folder):
        return Run(ready_to_read([folder]))
    scratch = tempfile.TemporaryDirectory(prefix="rm_lammps-")
    return Run(join([folder], Path(scratch.name)), scratch)
