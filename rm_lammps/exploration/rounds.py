"""A chemical system, explored in rounds: generate, evaluate, look where the hull is near, go on."""

import json
import time
from pathlib import Path
from typing import Any

from mpi4py import MPI

from rm_lammps.analysis.evaluate_run import evaluate
from rm_lammps.analysis.known import known_structures, shipped_library
from rm_lammps.analysis.physical import SecondOpinion
from rm_lammps.analysis.unique import read_unique
from rm_lammps.chemistry.formula import count_atoms, reduced_formula
from rm_lammps.datasets import DatasetStatistics
from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.errors import UserError
from rm_lammps.exploration.choosing import Chosen, choose
from rm_lammps.exploration.compositions import possible_compositions
from rm_lammps.exploration.joint_hull import Phases
from rm_lammps.files import write_json
from rm_lammps.generation.generation_config import GenerationConfig
from rm_lammps.generation.generation_run import generate
from rm_lammps.generation.run_fields import Execution
from rm_lammps.potentials import potential_named
from rm_lammps.ranks import on_all, on_root, on_root_only
from rm_lammps.runs.folder import keep_settings, take_lock
from rm_lammps.runs.joining import join
from rm_lammps.runs.layout import EXPLORATION, EXPLORED, ROUNDS, RUN
from rm_lammps.runs.small_files import read_summary

_CELLS_OF_ELEMENTS = (1, 2, 4)
"""Atoms in the cells of an element of which no structure is known."""


def explore(
    config: GenerationConfig,
    folder: Path,
    comm: MPI.Intracomm,
    execution: Execution = Execution(),  # noqa: B008
) -> dict[str, Any]:
    """Search a chemical system for phases.

    Each round is a run of its own in ``rounds/``; ``folder`` holds all of them together, evaluated.
    What was stopped, however, goes on when it is started again in the same folder.

    Args:
        config: with a ``chemical_system``; the same on every rank.
        folder: for the results.
        comm: called on every rank of it.
        execution: what the structures don't depend on.

    Returns:
        The summary over all rounds; ``remaining`` of it is not 0 where a round was stopped early.

    Raises:
        UserError: on every rank: settings that can't be, or a folder that can't be used.
    """
    begin = time.monotonic()
    exploration = on_all(comm, lambda: Exploration(config, folder, comm))
    lock = on_root_only(comm, exploration.open)
    try:
        stopped = exploration.run(execution, begin)
    finally:
        if lock is not None:
            lock.release()
    summary = on_root(comm, lambda: read_summary(folder))
    spent = round(time.monotonic() - begin, 3)
    return {**summary, "remaining": stopped, "wall_seconds": spent, "ranks": comm.size}


class Exploration:
    """The rounds of one folder.

    Args:
        config: of the whole.
        folder: of the whole.
        comm: every rank of it makes one.

    Raises:
        UserError: unknown elements, a potential that is missing, files that are unusable.
    """

    def __init__(self, config: GenerationConfig, folder: Path, comm: MPI.Intracomm) -> None:
        if config.chemical_system is None:
            raise UserError("There is no chemical system.", "Give --chemical-system Li-P-S.")
        self._config, self._folder, self._comm = config, folder.resolve(), comm
        self._system = config.chemical_system
        bundle = find_bundle(config.model, device=config.device)
        self._check(bundle.statistics)
        elements = set(self._system.elements)
        known = known_structures([word for word in self._system.hull if word != "none"])
        potential = potential_named(self._system.refine)
        # before hours of seeds, not after them
        potential.load()
        self._how = SecondOpinion(
            [potential],
            self._system.candidates,
            potential,
            known=[one for one in known if one.elements <= elements],
            prior=0.0,
        )
        self._possible = possible_compositions(
            self._system.elements, self._system.max_atoms, self._system.cells, shipped_library()
        )
        if not self._possible:
            raise UserError(
                f"No composition of {', '.join(self._system.elements)} has balanced charges.",
                "Choose other elements, or give --max-atoms more.",
            )

    def _check(self, statistics: DatasetStatistics) -> None:
        system = self._system
        if not all(statistics.system.pbc):
            raise UserError(
                f"{self._config.model} was trained on molecules, which form no phases.",
                "Choose a model of crystals: --model crystals.",
            )
        unknown = [symbol for symbol in system.elements if symbol not in statistics.species]
        if unknown:
            raise UserError(
                f"The model's training data has no {', '.join(unknown)}.",
                f"Elements in it: {' '.join(statistics.species)}",
            )

    def open(self) -> Any:
        """Make the folder, or check that it holds this very exploration; its lock, taken.

        Raises:
            UserError: it can't be written, is in use, or holds something else.
        """
        if (self._folder / RUN).exists():
            raise UserError(f"{self._folder} holds a run of its own.", "Choose another --out.")
        rounds = self._folder / ROUNDS
        lock = take_lock(rounds)
        try:
            plain = self._config.model_dump(mode="json")
            keep_settings(self._folder / EXPLORATION, {"config": plain})
        except BaseException:
            lock.release()
            raise
        return lock

    def run(self, execution: Execution, begin: float) -> int:
        """Carry out the rounds that are left.

        Args:
            execution: how.
            begin: when the command began, by the monotonic clock.

        Returns:
            Seeds that a round which was stopped early has left.
        """
        phases: Phases | None = None
        done: list[Path] = []
        for number in range(1, self._system.rounds + 1):
            plan = self._folder / ROUNDS / f"round-{number}.json"
            if not on_root(self._comm, plan.exists):
                phases = self._look(done) if done else None
                if not on_root(self._comm, lambda: self._plan(plan, phases, done)):  # noqa: B023
                    break
            formulas = on_root(self._comm, lambda: _cells_of(plan))  # noqa: B023
            folder = plan.with_suffix("")
            left = generate(self._of_round(formulas), folder, self._comm, _until(execution, begin))[
                "remaining"
            ]
            done.append(folder)
            if left:
                on_root(self._comm, lambda: join(done, self._folder))
                return int(left)
        phases = self._look(done)
        on_root(self._comm, lambda: self._conclude(phases, len(done)))
        return 0

    def _of_round(self, formulas: tuple[str, ...]) -> GenerationConfig:
        return self._config.model_copy(update={"chemical_system": None, "formulas": formulas})

    def _look(self, rounds: list[Path]) -> Phases:
        """Put the rounds together, evaluate them, and say how far from the hull they are."""
        on_root(self._comm, lambda: join(rounds, self._folder))
        _, _, opinions = evaluate(self._folder, comm=self._comm, second_opinion=self._how)
        if opinions is None:
            raise AssertionError("an evaluation by a potential has its opinions")
        return Phases(opinions, self._how.known, self._system.elements)

    def _plan(self, file: Path, phases: Phases | None, done: list[Path]) -> bool:
        """Write down what the next round looks at; whether there is anything left."""
        asked = {cell for folder in done for cell in _cells_of(folder.with_suffix(".json"))}
        chosen = choose(
            self._possible,
            {reduced_formula(count_atoms(cell)) for cell in asked},
            {} if phases is None else phases.of_compositions(),
            [] if phases is None else phases.of_known(),
            self._system.compositions,
        )
        elements = [] if done else self._unknown_elements()
        if chosen or elements:
            rows = [_row(one) for one in chosen]
            rows += [{"formula": symbol, "cells": list(cells)} for symbol, cells in elements]
            write_json(file, rows)
        return bool(chosen or elements)

    def _unknown_elements(self) -> list[tuple[str, tuple[str, ...]]]:
        """Elements without a known structure: without one there is no hull."""
        known = {next(iter(one.elements)) for one in self._how.known if len(one.elements) == 1}
        return [
            (symbol, tuple(f"{symbol}{n}" for n in _CELLS_OF_ELEMENTS))
            for symbol in self._system.elements
            if symbol not in known
        ]

    def _conclude(self, phases: Phases, rounds: int) -> None:
        files = [self._folder / ROUNDS / f"round-{n}.json" for n in range(1, rounds + 1)]
        result = {
            "elements": list(self._system.elements),
            "potential": self._how.names,
            "possible": len(self._possible),
            "rounds": [json.loads(file.read_text()) for file in files],
            "missing": phases.missing,
            "found": phases.found(),
            "known": phases.known(read_unique(self._folder)),
        }
        write_json(self._folder / EXPLORED, result)


def _row(chosen: Chosen) -> dict[str, Any]:
    possible = chosen.possible
    return {
        "formula": possible.formula,
        "cells": list(possible.cells),
        "usual": round(possible.usual, 4),
        "expected": round(chosen.expected, 4),
        "uncertainty": round(chosen.uncertainty, 4),
    }


def _cells_of(plan: Path) -> tuple[str, ...]:
    return tuple(cell for row in json.loads(plan.read_text()) for cell in row["cells"])


def _until(execution: Execution, begin: float) -> Execution:
    """What is left of the time limit."""
    if execution.time_limit is None:
        return execution
    left = execution.time_limit - (time.monotonic() - begin) / 60
    return execution.model_copy(update={"time_limit": max(left, 0.0)})
