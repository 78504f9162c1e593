"""A run's folder while the run is going on: whose it is, and how it ends."""

import fcntl
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from rm_lammps.errors import UserError
from rm_lammps.files import replacing, write_json
from rm_lammps.runs.layout import JOINED, LOCK, PLACES, RECORDS, RUN, SUMMARY
from rm_lammps.runs.merge import merge
from rm_lammps.yaml_files import yaml_text

_LISTING_SECONDS = 90.0
_PROBE_SECONDS = 2.0
"""How long to wait for the lock: someone may be looking whether it is held."""


def open_folder(folder: Path, run: dict[str, Any]) -> FileLock:
    """Make the folder, or check that it holds this very run; returns its lock, taken.

    Args:
        folder: of the run.
        run: what its structures depend on, in plain data: ``config``, ``model``, ``versions``.

    Raises:
        UserError: it can't be written, is in use, or holds a run with other settings.
    """
    if (folder / JOINED).exists():
        raise UserError(
            f"{folder} holds the runs that were put together there.", "Choose another --out."
        )
    try:
        (folder / RECORDS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Can't write to {folder}: {error}", "Choose another --out.") from error
    lock = take_lock(folder)
    try:
        keep_settings(folder / RUN, run)
    except BaseException:
        lock.release()
        raise
    return lock


def keep_settings(file: Path, run: dict[str, Any]) -> None:
    """Write down what structures depend on, or check that it is what stands there.

    Args:
        file: YAML.
        run: plain data.

    Raises:
        UserError: something else stands there, or it can't be written.
    """
    if file.exists():
        _check_same(file, run)
        return
    with replacing(file) as stream:
        stream.write(yaml_text(run))


def take_lock(folder: Path) -> FileLock:
    """The lock of a run's folder, which is made if it is not there, taken.

    Raises:
        UserError: a run is writing to the folder, or it can't be written.
    """
    lock = FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=_PROBE_SECONDS)
    except Timeout as error:
        raise UserError(
            f"Another run is writing to {folder}.", "Wait for it, or choose another --out."
        ) from error
    except OSError as error:
        raise UserError(f"Can't write to {folder}: {error}", "Choose another --out.") from error
    return lock


def is_going_on(folder: Path) -> bool:
    """Whether a run is writing to the folder; changes nothing there.

    On file systems without ``flock`` the answer is no.
    """
    try:
        with (folder / LOCK).open("rb") as stream:
            # shared, for an instant: whoever starts a run waits for longer
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _check_same(stored: Path, run: dict[str, Any]) -> None:
    try:
        before = yaml.safe_load(stored.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"Can't read {stored}: {error}", "Choose another --out.") from error
    changes = [
        _told(name, old, new)
        for name, old, new in _differences(before, run)
        # the path by which a model was named doesn't matter, what it computes does, nor the name of
        # a preset, which may have changed, but what it sets; what kind of structures it makes
        # follows, and early versions didn't say
        if name not in {"config.model", "config.preset", "kind"}
        # nor could those say which files there were
        and not (name.startswith("files") and "files" not in before)
    ]
    if changes:
        raise UserError(
            f"{stored.parent} holds a run with other settings:\n" + "\n".join(changes),
            "Choose another --out, or give that run's settings to continue it.",
        )


def _told(name: str, old: Any, new: Any) -> str:
    if name.startswith("files.") and old is not None and new is not None:
        return f"  {name.removeprefix('files.')}: the file has changed since the run began"
    return f"  {name}: was {old!r}, is {new!r}"


def _differences(old: Any, new: Any, name: str = "") -> list[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            difference
            for key in sorted({*old, *new})
            for difference in _differences(
                old.get(key), new.get(key), f"{name}.{key}" if name else key
            )
        ]
    return [] if old == new else [(name, old, new)]


def finish(folder: Path, num: int, expected: int, facts: dict[str, Any]) -> dict[str, Any]:
    """Write the results of all records there are.

    Args:
        folder: of the run.
        num: seeds of the run.
        expected: records that ranks have written; on a network file system the listing of another
            node's files may be late.
        facts: further fields of the summary.

    Returns:
        The summary.

    Raises:
        UserError: the disk is full, or records can't be found.
    """
    begin = time.monotonic()
    while True:
        totals = merge(folder, num)
        if totals["attempted"] >= expected:
            break
        if time.monotonic() - begin > _LISTING_SECONDS:
            raise UserError(
                f"{folder / RECORDS} shows {totals['attempted']} of {expected} records.",
                "The file system may be slow to show other nodes' files: give the same command "
                "again.",
            )
        time.sleep(1.0)
    summary = {**totals, "remaining": num - totals["attempted"], **facts}
    write_json(folder / SUMMARY, summary)
    with suppress(OSError):
        # not before all ranks are at their end: others keep places there
        (folder / PLACES).rmdir()
    return summary
