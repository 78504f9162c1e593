"""The small files of a run's folder, read with care: anyone may have edited them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from rm_lammps.errors import UserError
from rm_lammps.runs.layout import FAILURES, RUN, SUMMARY
from rm_lammps.systems import SYSTEMS, System, system_called


def read_run_file(folder: Path) -> dict[str, Any]:
    """``run.yaml``: ``config``, ``model`` and ``versions`` of a run.

    Raises:
        UserError: there is none, or it isn't one.
    """
    try:
        run = yaml.safe_load((folder / RUN).read_text())
        if not isinstance(run, dict) or not isinstance(run.get("config"), dict):
            raise ValueError(f"{RUN} has no config")
    except (OSError, UnicodeDecodeError, ValueError, yaml.YAMLError) as error:
        raise UserError(
            f"{folder} holds no run: {error}", "Give the --out folder of rm-generate."
        ) from error
    return run


def read_summary(folder: Path) -> dict[str, Any]:
    """``summary.json`` of a finished run.

    Raises:
        UserError: there is none, or it isn't one.
    """
    try:
        summary = json.loads((folder / SUMMARY).read_text())
        missing = _SUMMARY_FIELDS - set(summary)
        if missing:
            raise ValueError(f"{SUMMARY} has no {', '.join(sorted(missing))}")
    except (OSError, TypeError, ValueError) as error:
        raise UserError(
            f"{folder} holds no finished run: {error}", "Give the --out folder of rm-generate."
        ) from error
    return summary


def system_of_run(folder: Path) -> System:
    """What the structures in a folder are.

    Raises:
        UserError: the folder does not say, or names a system that no installed package brings.
    """
    chosen = None
    if (folder / RUN).exists():
        chosen = read_run_file(folder)["config"].get("system")
    if chosen is None:
        return system_called(read_summary(folder)["kind"])
    try:
        return SYSTEMS.read(chosen)
    except ValueError as error:
        raise UserError(
            f"{folder / RUN}: {error}", "Install the package that the run was made with."
        ) from error


_SUMMARY_FIELDS = {"kind", "attempted", "converged", "failed", "evaluations", "seed_seconds"}


def read_failures(folder: Path) -> Iterator[dict[str, Any]]:
    """Records of failed seeds as plain data; none where the file is not there.

    Raises:
        UserError: a line is no record.
    """
    path = folder / FAILURES
    if not path.exists():
        return
    with path.open() as stream:
        for number, line in enumerate(stream, start=1):
            try:
                record = json.loads(line)
                if not isinstance(record, dict):
                    raise ValueError("not a record")
            except ValueError as error:
                raise UserError(f"{path}, line {number}: {error}") from error
            yield record
