"""Which composition a seed belongs to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import ArrayLike, NDArray

from rm_lammps.errors import UserError
from rm_lammps.files import replacing
from rm_lammps.runs.layout import FORMULAS, RUN

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Request:
    """What one run was asked for."""

    formulas: tuple[str, ...]
    """Of its compositions, in the order of their seeds."""
    seeds_each: int
    """Seeds of each composition; those of the first have the lowest numbers."""

    @property
    def total(self) -> int:
        """Seeds of the run."""
        return len(self.formulas) * self.seeds_each

    def place(self, seed: int) -> tuple[int, int]:
        """Composition of a seed, and the number of the seed among those of its composition."""
        return divmod(seed, self.seeds_each)

    def write(self, folder: Path) -> None:
        """Write ``formulas.txt``.

        Raises:
            UserError: the disk is full.
        """
        with replacing(folder / FORMULAS) as stream:
            stream.write("\n".join(self.formulas) + "\n")


class Asked:
    """What one run or several were asked for, compositions of several runs put together.

    Args:
        requests: one for each run.
    """

    def __init__(self, requests: Sequence[Request]) -> None:
        self.formulas: list[str] = []
        """Of all compositions, in the order of the runs and of their seeds."""
        seeds: list[int] = []
        numbers: dict[tuple[str, int], int] = {}
        self._requests = requests
        self._number: list[Ints] = []
        self._before: list[Ints] = []
        for request in requests:
            own = []
            # a formula may be asked for twice in one run: these are two compositions
            times: Counter[str] = Counter()
            for formula in request.formulas:
                number = numbers.setdefault((formula, times[formula]), len(self.formulas))
                times[formula] += 1
                if number == len(self.formulas):
                    self.formulas.append(formula)
                    seeds.append(0)
                own.append(number)
            self._number.append(np.array(own, dtype=np.int64))
            self._before.append(np.array([seeds[number] for number in own], dtype=np.int64))
            for number in own:
                seeds[number] += request.seeds_each
        self.seeds = np.array(seeds, dtype=np.int64)
        """Seeds of each composition, shape (n_compositions,)."""

    def place(self, run: ArrayLike, seed: ArrayLike) -> tuple[Ints, Ints]:
        """Compositions of seeds, and their numbers among the seeds of their compositions.

        Args:
            run: number of each seed's run, shape (n,).
            seed: shape (n,).

        Returns:
            Two arrays, shape (n,).
        """
        run, seed = np.asarray(run), np.asarray(seed)
        composition, turn = np.empty((2, len(seed)), dtype=np.int64)
        for number, request in enumerate(self._requests):
            own = run == number
            local, within = np.divmod(seed[own], request.seeds_each)
            composition[own] = self._number[number][local]
            turn[own] = self._before[number][local] + within
        return composition, turn


def seeds_of_each(config: Mapping[str, Any]) -> int:
    """Seeds of each composition, by the fields of a run's settings."""
    # each seed draws its own hydrogens
    return 1 if config.get("heavy") is not None else int(config["num"])


def number_of_compositions(config: Mapping[str, Any]) -> int:
    """Compositions of a run, by the fields of its settings."""
    if config.get("de_novo") is not None:
        return int(config["de_novo"]["compositions"])
    if config.get("heavy") is not None:
        return int(config["num"])
    return len(config.get("formulas") or [""])


def total_seeds(run: Mapping[str, Any]) -> int:
    """Seeds of a run.

    Args:
        run: content of ``run.yaml``.

    Raises:
        UserError: it does not say.
    """
    try:
        return seeds_of_each(run["config"]) * number_of_compositions(run["config"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{RUN} does not say how many seeds the run has: {error!r}",
            "Give the --out folder of rm-generate, as it was written.",
        ) from error


def read_request(folder: Path) -> Request:
    """What the run in a folder was asked for.

    Raises:
        UserError: the folder does not say.
    """
    try:
        formulas = tuple((folder / FORMULAS).read_text().splitlines())
        seeds_each = seeds_of_each(yaml.safe_load((folder / RUN).read_text())["config"])
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise UserError(
            f"{folder} does not say which compositions were asked for: {error}",
            "Give the --out folder of rm-generate.",
        ) from error
    return Request(formulas, seeds_each)
