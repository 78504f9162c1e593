"""The structures of a run by the composition that was asked for."""

from collections.abc import Callable
from pathlib import Path

import ase
import numpy as np

from rm_lammps.analysis.unique import UniqueSet
from rm_lammps.runs.frames import FrameFile
from rm_lammps.runs.joined import read_asked
from rm_lammps.runs.layout import STRUCTURES


class CompositionFrames:
    """Which frames belong to each composition, as they came and as they rank.

    Args:
        folder: written by ``rm-generate``.
        unique: of the same folder.

    Raises:
        UserError: the folder does not say what was asked for.
    """

    def __init__(self, folder: Path, unique: UniqueSet) -> None:
        asked = read_asked(folder)
        self.formulas = asked.formulas
        self.seeds = asked.seeds
        """Seeds of each composition, shape (n_compositions,)."""
        self._frames = FrameFile(folder / STRUCTURES, unique.table.begin)
        composition, self._turn = asked.place(unique.table.run, unique.table.seed)
        order = np.argsort(unique.table.identity, kind="stable")
        self._by_seed = {
            number: [int(f) for f in order if composition[f] == number]
            for number in np.unique(composition).tolist()
        }
        place = unique.place_of_frames()
        self._place, self._leaders, self._refined = place, unique.ranked, unique.refined
        self._ranked: dict[int, list[int]] = {}
        for number, frames in self._by_seed.items():
            # a structure found from several compositions has one leader; its own frame counts here
            best: dict[int, int] = {}
            for frame in sorted(frames, key=lambda f: unique.table.energy_per_atom[f]):
                best.setdefault(int(place[frame]), frame)
            self._ranked[number] = [self._shown(p, best[p]) for p in sorted(best)]

    def _shown(self, place: int, frame: int) -> int:
        """What stands for a unique structure: a frame, or -1 less a leader that was refined."""
        leader = int(self._leaders[place])
        return -1 - leader if leader in self._refined else frame

    def atoms(self, frame: int) -> ase.Atoms:
        """A frame of ``structures.extxyz``, or what a potential made of it."""
        return self._frames.atoms(frame) if frame >= 0 else self._refined[-1 - frame]

    def leader(self, frame: int) -> int:
        """Leader of the group of what :meth:`best` gave."""
        return -1 - frame if frame < 0 else int(self._leaders[self._place[frame]])

    def first(self, k: int) -> Callable[[int], list[int]]:
        """Select the converged ones of a composition's first ``k`` seeds."""
        return lambda composition: [
            frame for frame in self._by_seed.get(composition, []) if self._turn[frame] < k
        ]

    def best(self, k: int | None) -> Callable[[int], list[int]]:
        """Select a composition's ``k`` top-ranked unique structures; all for ``None``."""
        return lambda composition: self._ranked.get(composition, [])[:k]
