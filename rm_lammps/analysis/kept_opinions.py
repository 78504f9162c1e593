"""What potentials said of structures: shared among ranks, and kept for the next time.

Each rank appends what it has found to a file of its own, so a command that was killed goes on where
it stopped, and one with more potentials or candidates evaluates only what is new.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase
import numpy as np

from rm_lammps.errors import UserError
from rm_lammps.files import cannot_write
from rm_lammps.potentials import Potential
from rm_lammps.ranks import Communicator, on_root
from rm_lammps.runs.layout import OPINIONS

_VOLUMES = 1.12 ** np.arange(-3, 5)
"""Tried for each structure, in units of its own: E~ knows shapes better than volumes, above all
those of open frameworks."""


@dataclass(frozen=True)
class Question:
    """What is asked of a potential."""

    potential: Potential
    atoms: ase.Atoms
    how: str = "as it is"
    """``as it is``, ``volume`` (at the best of several), or ``minimum``."""
    fmax: float = 0.0
    """eV/Å, where the way to the minimum ends."""
    steps: int = 0
    """At most, on that way."""

    @property
    def key(self) -> str:
        """Equal for equal questions only."""
        plain = {
            "potential": self.potential.identity,
            "how": self.how,
            "fmax": self.fmax,
            "steps": self.steps,
            "numbers": self.atoms.numbers.tolist(),
            "positions": self.atoms.positions.round(6).tolist(),
            "cell": self.atoms.cell.array.round(6).tolist(),
        }
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Opinion:
    """The answer."""

    energy: float
    """eV per atom; infinite where the potential has none."""
    atoms: ase.Atoms
    """What has this energy: the structure as it was, at another volume, or relaxed."""
    converged: bool
    """Whether a relaxation ended; else true."""
    seconds: float
    """Of a core."""

    def plain(self) -> dict[str, Any]:
        """As it stands in a file."""
        return {
            "energy": self.energy if np.isfinite(self.energy) else None,
            "numbers": self.atoms.numbers.tolist(),
            "positions": self.atoms.positions.tolist(),
            "cell": self.atoms.cell.array.tolist(),
            "converged": self.converged,
            "seconds": round(self.seconds, 3),
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Opinion":
        """What :meth:`plain` gave."""
        atoms = ase.Atoms(plain["numbers"], plain["positions"], cell=plain["cell"], pbc=True)
        energy = float("inf") if plain["energy"] is None else plain["energy"]
        return cls(energy, atoms, plain["converged"], plain["seconds"])


def answer(question: Question) -> Opinion:
    """Ask the potential."""
    begin = time.process_time()
    potential, atoms, converged = question.potential, question.atoms, True
    if question.how == "minimum":
        atoms, _ = _at_best_volume(potential, atoms)
        minimum = potential.relaxed(atoms, fmax=question.fmax, steps=question.steps)
        atoms, energy, converged = minimum.atoms, minimum.energy, minimum.converged
    elif question.how == "volume":
        atoms, energy = _at_best_volume(potential, atoms)
    else:
        energy = potential.energy(atoms)
    return Opinion(energy, atoms, converged, time.process_time() - begin)


def _at_best_volume(potential: Potential, atoms: ase.Atoms) -> tuple[ase.Atoms, float]:
    """The lowest of several volumes, or of the parabola through it and its neighbours."""
    energies = np.array([potential.energy(_scaled(atoms, factor)) for factor in _VOLUMES])
    best = int(energies.argmin())
    factor, energy = _VOLUMES[best], float(energies[best])
    around = energies[max(best - 1, 0) : best + 2]
    if len(around) == 3 and np.isfinite(around).all():
        curvature, slope, _ = np.polyfit([-1.0, 0.0, 1.0], around, 2)
        if curvature > 0:
            between = factor * 1.12 ** float(np.clip(-slope / (2 * curvature), -1, 1))
            lower = potential.energy(_scaled(atoms, between))
            if lower < energy:
                factor, energy = between, lower
    return (_scaled(atoms, factor), energy) if np.isfinite(energy) else (atoms, energy)


def _scaled(atoms: ase.Atoms, factor: float) -> ase.Atoms:
    scaled = ase.Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    scaled.set_cell(atoms.cell.array * factor ** (1 / 3), scale_atoms=True)
    return scaled


class KeptOpinions:
    """Opinions in the folder of a run.

    Args:
        folder: of the run.
        comm: every rank of it makes one, and calls :meth:`ask`.

    Raises:
        UserError: the folder can't be read or made.
    """

    def __init__(self, folder: Path, comm: Communicator) -> None:
        self._folder, self._comm = folder / OPINIONS, comm
        self._known, self._session = on_root(comm, self._read)

    def ask(self, questions: Sequence[Question], unit: str) -> list[Opinion]:
        """Answers in order, on every rank; only those are worked for that are not known.

        Args:
            questions: the same on every rank.
            unit: what is counted where rank 0 shows how far it has come.

        Raises:
            UserError: on every rank: what a potential needs is missing, or there is no room.
        """
        from rm_lammps.generation.counters import share_out_in_turn

        keys = [question.key for question in questions]
        new = {
            key: question
            for key, question in zip(keys, questions, strict=True)
            if key not in self._known
        }
        # the longest first: the ranks end together
        turns = sorted(new, key=lambda key: (new[key].how != "minimum", -len(new[key].atoms)))
        for potential in {
            question.potential.identity: question.potential for question in new.values()
        }.values():
            potential.load()

        def work(key: str) -> Opinion:
            opinion = answer(new[key])
            self._append(key, opinion)
            return opinion

        found = share_out_in_turn(self._comm, turns, work, unit)
        self._known |= dict(zip(turns, found, strict=True))
        return [self._known[key] for key in keys]

    def _append(self, key: str, opinion: Opinion) -> None:
        path = self._folder / f"{self._session:04d}-{self._comm.rank:06d}.jsonl"
        try:
            with path.open("a") as stream:
                stream.write(json.dumps({"key": key, **opinion.plain()}) + "\n")
        except OSError as error:
            raise cannot_write(path, error) from error

    def _read(self) -> tuple[dict[str, Opinion], int]:
        known: dict[str, Opinion] = {}
        try:
            self._folder.mkdir(exist_ok=True)
            files = sorted(self._folder.glob("*.jsonl"))
            for path in files:
                for line in path.read_text().splitlines():
                    # a line that a kill cut off does not count
                    with suppress(ValueError, KeyError):
                        plain = json.loads(line)
                        known[plain["key"]] = Opinion.from_plain(plain)
        except OSError as error:
            raise UserError(f"Can't use {self._folder}: {error}", "Delete it.") from error
        sessions = [int(path.name[:4]) for path in files if path.name[:4].isdecimal()]
        return known, max(sessions, default=-1) + 1
