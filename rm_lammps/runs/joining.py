"""Several runs, or a run that is going on, in one folder that is read like that of one run.

Frames stand there byte for byte with the name of their run behind, so run and seed say which seed
of which run a structure is.
"""

import hashlib
import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from rm_lammps.errors import UserError
from rm_lammps.files import replacing, write_json
from rm_lammps.runs.folder import finish, is_going_on, take_lock
from rm_lammps.runs.frames import FrameFile, with_note
from rm_lammps.runs.index import FrameTable, concatenate, read_index, write_index
from rm_lammps.runs.joined import JoinedRun, read_joined, write_joined
from rm_lammps.runs.layout import (
    FAILURES,
    FORMULAS,
    JOINED,
    RECORDS,
    RUN,
    SO_FAR,
    STRUCTURES,
    SUMMARY,
)
from rm_lammps.runs.merge import merge, read_records
from rm_lammps.runs.request import Asked, read_request, total_seeds
from rm_lammps.runs.shards import read_recorded, shards
from rm_lammps.runs.small_files import read_failures, read_run_file, read_summary
from rm_lammps.systems import system_of

_PARTS = ".parts-"


def ready_to_read(folders: Sequence[Path], out: Path | None = None) -> Path:
    """Folder that holds the results of one run or of several, ready to be read.

    A run of its own is read where it is; what it recorded before it was killed is merged first.
    Several runs are put together in ``out``. A run that is going on is not disturbed: what it has
    recorded so far is put into ``out``, or into ``so_far`` in its folder.

    Args:
        folders: written by ``rm-generate``.
        out: folder for the results; needed for several runs.

    Returns:
        The folder: ``structures.extxyz``, ``failures.jsonl`` and ``summary.json`` in it belong
        together.

    Raises:
        UserError: a folder holds no run, the runs don't go together, or there is no room.
    """
    for folder in folders:
        _check_exists(folder)
    if out is None:
        if len(folders) > 1:
            raise UserError(
                "Several runs need a folder for what they gave together.", "Give --out DIR."
            )
        if not is_going_on(folders[0]):
            _complete(folders[0])
            return folders[0]
        out = folders[0] / SO_FAR
    return join(folders, out)


def _check_exists(folder: Path) -> None:
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}.", "Give the --out folder of rm-generate.")


def _complete(folder: Path) -> None:
    """Merge what a run recorded that did not come to it."""
    if _is_merged(folder):
        return
    lock = take_lock(folder)
    try:
        run = read_run_file(folder)
        finish(folder, total_seeds(run), 0, {"kind": _kind(folder, run)})
    finally:
        lock.release()


def _is_merged(folder: Path) -> bool:
    """Whether all records there are stand in ``structures.extxyz`` and ``failures.jsonl``."""
    files, summary = shards(folder), folder / SUMMARY
    if not files:
        return True
    if not (summary.exists() and (folder / STRUCTURES).exists()):
        return False
    written = summary.stat().st_mtime
    if all(path.stat().st_mtime <= written for path in files):
        return True
    total = total_seeds(read_run_file(folder))
    return int(read_recorded(folder, total).done.sum()) == read_summary(folder)["attempted"]


def _kind(folder: Path, run: dict[str, Any]) -> str:
    """Kind of the structures of a run; the folders of early versions say it in records only."""
    if "kind" in run:
        return str(run["kind"])
    for record in read_records(folder, total_seeds(run)):
        if record.converged:
            return system_of(record.frame()).plural
    return "crystals"


@dataclass(frozen=True)
class _Part:
    """What a run has to give."""

    folder: Path
    """Where its structures and failures are: its own, or a scratch folder."""
    table: FrameTable
    summary: dict[str, Any]
    run: JoinedRun


def join(folders: Sequence[Path], out: Path) -> Path:
    """Put what runs have recorded together in one folder, whether or not they are going on.

    Args:
        folders: of the runs.
        out: folder to write to; what an earlier call wrote there is replaced.

    Returns:
        ``out``.

    Raises:
        UserError: a folder holds no run, the runs don't go together, or there is no room.
    """
    names = _names(folders)
    for folder in folders:
        if (folder / JOINED).exists():
            raise UserError(f"{folder} holds several runs.", "Give these runs themselves.")
        # before anything is written
        read_run_file(folder)
        if folder.resolve() == out.resolve():
            raise UserError(f"--out {out} is one of the runs.", "Choose another folder.")
    if (out / RECORDS).exists() or (out / RUN).exists():
        raise UserError(f"--out {out} holds a run of its own.", "Choose another folder.")
    lock = take_lock(out)
    try:
        for left_by_a_kill in out.glob(f"{_PARTS}*"):
            shutil.rmtree(left_by_a_kill, ignore_errors=True)
        with ExitStack() as stack:
            parts = []
            for folder, name in zip(folders, names, strict=True):
                scratch = stack.enter_context(tempfile.TemporaryDirectory(dir=out, prefix=_PARTS))
                parts.append(_part(folder, name, Path(scratch)))
            _check_alike(parts)
            _write(out, parts)
    finally:
        lock.release()
    return out


def _names(folders: Sequence[Path]) -> list[str]:
    """What tells the runs apart: as much of the end of their paths as is needed."""
    resolved = [folder.resolve() for folder in folders]
    for folder, n in Counter(resolved).items():
        if n > 1:
            raise UserError(f"{folder} is given {n} times.", "Give each run once.")
    for parts in range(1, max(len(path.parts) for path in resolved) + 1):
        names = [_word("_".join(path.parts[-parts:])) for path in resolved]
        if len(set(names)) == len(names):
            return names
    return [f"run-{number}" for number in range(len(resolved))]


def _word(name: str) -> str:
    """A name that comment lines of extxyz keep: one word that is no number and no truth value."""
    from ase.io.extxyz import key_val_str_to_dict  # slow to import

    word = re.sub(r"[^\w.+-]", "_", name)
    return word if key_val_str_to_dict(f"run={word}")["run"] == word else f"run-{word}"


def _part(folder: Path, name: str, scratch: Path) -> _Part:
    run = read_run_file(folder)
    request = read_request(folder)
    going_on = is_going_on(folder)
    where = folder
    if going_on or not _is_merged(folder):
        # one look at the records: what is recorded from here on does not count
        where = scratch
        summary = merge(folder, request.total, scratch) | {"kind": _kind(folder, run)}
        summary["remaining"] = request.total - summary["attempted"]
    else:
        summary = read_summary(folder)
    entry = JoinedRun(
        name=name,
        folder=str(folder.resolve()),
        going_on=going_on,
        attempted=summary["attempted"],
        seeds_each=request.seeds_each,
        formulas=list(request.formulas),
        run=run,
    )
    return _Part(where, read_index(where), summary, entry)


def _check_alike(parts: Sequence[_Part]) -> None:
    first = parts[0]
    for part in parts[1:]:
        if part.summary["kind"] != first.summary["kind"]:
            raise UserError(
                f"{first.run.name} holds {first.summary['kind']}, {part.run.name} "
                f"{part.summary['kind']}.",
                "Evaluate them one by one.",
            )
        if _model(part) != _model(first):
            raise UserError(
                f"{first.run.name} and {part.run.name} are of different models, whose E~ can't be "
                "compared.",
                "Evaluate them one by one.",
            )


def _model(part: _Part) -> Any:
    return part.run.run.get("model", {}).get("package_sha256")


def _write(out: Path, parts: Sequence[_Part]) -> None:
    from ase.io.extxyz import key_val_dict_to_str  # slow to import

    runs = [part.run for part in parts]
    begin, digest = [0], hashlib.sha256()
    with replacing(out / STRUCTURES, "wb") as good, replacing(out / FAILURES) as bad:
        for part in parts:
            note = f" {key_val_dict_to_str({'run': part.run.name})}".encode()
            with FrameFile(part.folder / STRUCTURES, part.table.begin) as frames:
                for number in range(len(frames)):
                    text = with_note(frames.text(number), note)
                    good.write(text)
                    digest.update(text)
                    begin.append(begin[-1] + len(text))
            _copy_failures(part, bad)
    asked = Asked([run.request for run in runs])
    with replacing(out / FORMULAS) as stream:
        stream.write("\n".join(asked.formulas) + "\n")
    write_joined(out, runs)
    table = concatenate(
        [part.table for part in parts],
        [run.name for run in runs],
        np.array(begin, dtype=np.int64),
        digest.hexdigest(),
    )
    write_index(out, table)
    write_json(out / SUMMARY, _summary([part.summary for part in parts]))


def _copy_failures(part: _Part, bad: IO[str]) -> None:
    for record in read_failures(part.folder):
        bad.write(json.dumps({**record, "run": part.run.name}) + "\n")


def _summary(summaries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    failed: Counter[str] = Counter()
    for summary in summaries:
        failed.update(summary["failed"])
    total = {
        key: sum(summary.get(key, 0) for summary in summaries)
        for key in ("attempted", "converged", "remaining", "evaluations", "seed_seconds")
    }
    return {
        **{key: total[key] for key in ("attempted", "converged")},
        "failed": dict(sorted(failed.items())),
        **{key: total[key] for key in ("evaluations", "remaining")},
        "seed_seconds": round(total["seed_seconds"], 3),
        "kind": summaries[0]["kind"],
        "runs": len(summaries),
    }


def what_is_missing(folder: Path) -> list[str]:
    """What to say of the runs in a folder that were not at their end, a line each."""
    return [
        f"{run.name} is still going on: this is what {run.attempted:,} of "
        f"{run.request.total:,} seeds gave."
        for run in read_joined(folder)
        if run.going_on
    ]
