#!/usr/bin/env python3
"""Kill rm-generate at random moments, again and again, and count what is lost.

    scripts/random_kills.py KILLS [--seed S] [--num SEEDS] [--minutes M] [--record FILE]

Each run is killed (a rank, the launcher, all of them) or terminated until it is complete; then it
must hold every seed once, and the same structures as a run that nobody disturbed. A third of the
kills comes at any time of a run, which on a short one is mostly while it starts; a third while
seeds are relaxed; a third while the run is merged. With a record, a later start goes on counting.
"""

import argparse
import json
import random
import runpy
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

TOOLS = runpy.run_path(
    str(Path(__file__).resolve().parents[1] / "tests" / "generation" / "conftest.py")
)
KINDS = ("terminate", "kill the launcher", "kill a rank", "kill all")
MOMENTS = ("at any time", "while seeds are relaxed", "while the run is merged")
HANG = 300


def disturb(process: subprocess.Popen, how: str, dice: random.Random) -> None:
    """End a run in one of several ways, and wait until nothing of it is left."""
    kill, ranks = TOOLS["kill"], TOOLS["ranks_of"](process)
    everyone = [process.pid, *TOOLS["children"](process.pid)]
    if how == "terminate":
        kill(process.pid, signal.SIGTERM)
    elif how == "kill the launcher" or not ranks:
        kill(process.pid)
    elif how == "kill a rank":
        kill(dice.choice(ranks))
    else:
        for pid in everyone:
            kill(pid)
    process.communicate(timeout=HANG)
    TOOLS["wait_until_gone"](everyone)


def complete(folder: Path) -> bool:
    """Whether a run says that it has done all it was asked for."""
    summary = folder / "summary.json"
    return summary.exists() and json.loads(summary.read_text())["remaining"] == 0


def size(folder: Path) -> int:
    """Bytes of the records of a run."""
    return sum(shard.stat().st_size for shard in (folder / "records").glob("*.jsonl"))


def moment(
    process: subprocess.Popen, when: str, folder: Path, longest: float, dice: random.Random
) -> bool:
    """Wait for the moment of a kill; whether the run is still going on then."""
    begin, before = time.monotonic(), size(folder)
    started: Callable[[], bool] = {
        "at any time": lambda: True,
        "while seeds are relaxed": lambda: size(folder) > before,
        "while the run is merged": lambda: _all_recorded(folder),
    }[when]
    delay = dice.uniform(0.02, longest) if when == "at any time" else dice.uniform(0.0, 0.15)
    while process.poll() is None and not started():
        if time.monotonic() - begin > HANG:
            raise SystemExit(f"hangs: {process.args}")
        time.sleep(0.005)
    try:
        process.communicate(timeout=delay)
    except subprocess.TimeoutExpired:
        return True
    return False


def _all_recorded(folder: Path) -> bool:
    if not (folder / "run.yaml").exists():
        return False
    return len(TOOLS["recorded_seeds"](folder)) == NUM[0]


NUM = [24]
"""Seeds of a run."""


class Figures:
    """What was counted, in a file if there is one.

    Args:
        path: the file; a later start goes on counting.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        found = json.loads(path.read_text()) if path is not None and path.exists() else {}
        self.kills = Counter[str](found.get("kills", {}))
        """By moment and kind."""
        self.runs = int(found.get("runs", 0))
        self.wrong = int(found.get("wrong", 0))
        self.starts = int(found.get("starts", 0))
        """Of this script."""

    @property
    def total(self) -> int:
        """Kills."""
        return sum(self.kills.values())

    def write(self) -> None:
        """Write the file."""
        if self._path is None:
            return
        figures = {"kills": self.kills, "runs": self.runs, "wrong": self.wrong}
        self._path.write_text(json.dumps({**figures, "starts": self.starts}, indent=1))


def wrong(folder: Path, reference: list) -> str:
    """What a complete run lacks, or has twice, or otherwise than the undisturbed one."""
    seeds = sorted(TOOLS["recorded_seeds"](folder))
    frames = TOOLS["frames_of"](folder)
    if seeds != list(range(NUM[0])):
        return f"records of {len(seeds)} seeds, {len(set(seeds))} different"
    same = [a.info["seed"] for a in frames] == [a.info["seed"] for a in reference] and all(
        np.allclose(a.positions, b.positions, atol=1e-6)
        for a, b in zip(frames, reference, strict=True)
    )
    return "" if same else "other structures"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("kills", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--num", type=int, default=NUM[0])
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--record", type=Path, help="file that a later start goes on with")
    options = parser.parse_args()
    NUM[0] = options.num
    figures = Figures(options.record)
    dice = random.Random(f"{options.seed} {figures.starts}")
    figures.starts += 1
    root = Path(tempfile.mkdtemp(prefix="kills-"))
    command = ("rm-generate", *TOOLS["QUICK"], "--num", options.num, "--out")
    begin = time.monotonic()
    TOOLS["start"](*command, root / "undisturbed").communicate()
    # kills follow the pace of the machine: later than a run takes there is nothing to kill
    longest = time.monotonic() - begin
    reference = TOOLS["frames_of"](root / "undisturbed")
    begin = time.monotonic()
    folder = root / "run"
    while figures.total < options.kills and time.monotonic() - begin < 60 * options.minutes:
        while figures.total < options.kills and not complete(folder):
            when, how = dice.choice(MOMENTS), dice.choice(KINDS)
            started = time.monotonic()
            process = TOOLS["start"](*command, folder)
            if moment(process, when, folder, longest, dice):
                disturb(process, how, dice)
                figures.kills[f"{when}: {how}"] += 1
                figures.write()
            else:
                longest = time.monotonic() - started
        if not complete(folder):
            TOOLS["start"](*command, folder).communicate(timeout=HANG)
        problem = wrong(folder, reference)
        if problem:
            figures.wrong += 1
            print(f"run {figures.runs}: {problem}", flush=True)
            shutil.move(folder, f"{folder}-wrong-{figures.runs}")
        figures.runs += 1
        figures.write()
        shutil.rmtree(folder, ignore_errors=True)
    if not figures.wrong:
        shutil.rmtree(root)
    print(json.dumps({"kills": figures.total, "runs": figures.runs, "wrong": figures.wrong}))
    raise SystemExit(1 if figures.wrong else 0)


if __name__ == "__main__":
    main()
