#!/usr/bin/env python3
"""Kill rm-generate at random moments, again and again, and count what is lost.

    scripts/random_kills.py KILLS [--seed S] [--num SEEDS] [--minutes M]

Each run is killed (a rank, the launcher, all of them) or terminated until it is complete; then it
must hold every seed once, and the same structures as a run that nobody disturbed.
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
from pathlib import Path

import numpy as np

TOOLS = runpy.run_path(
    str(Path(__file__).resolve().parents[1] / "tests" / "generation" / "conftest.py")
)
KINDS = ("terminate", "kill the launcher", "kill a rank", "kill all")
HANG = 120


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("kills", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--num", type=int, default=120)
    parser.add_argument("--minutes", type=float, default=1e9)
    options = parser.parse_args()
    dice = random.Random(options.seed)
    root = Path(tempfile.mkdtemp(prefix="kills-"))
    command = ("rm-generate", *TOOLS["QUICK"], "--num", options.num, "--out")
    begin = time.monotonic()
    TOOLS["start"](*command, root / "undisturbed").communicate()
    # kills follow the pace of the machine: later than a run takes there is nothing to kill
    longest = time.monotonic() - begin
    reference = TOOLS["frames_of"](root / "undisturbed")
    kills = runs = wrong = 0
    begin = time.monotonic()
    while kills < options.kills and time.monotonic() - begin < 60 * options.minutes:
        folder = root / "run"
        while kills < options.kills and not complete(folder):
            process, started = TOOLS["start"](*command, folder), time.monotonic()
            try:
                process.communicate(timeout=dice.uniform(0.02, 1.2) * longest)
                longest = time.monotonic() - started
            except subprocess.TimeoutExpired:
                disturb(process, dice.choice(KINDS), dice)
                kills += 1
        TOOLS["start"](*command, folder).communicate(timeout=10 * HANG)
        seeds = sorted(TOOLS["recorded_seeds"](folder))
        frames = TOOLS["frames_of"](folder)
        same = [a.info["seed"] for a in frames] == [a.info["seed"] for a in reference] and all(
            np.allclose(a.positions, b.positions, atol=1e-6)
            for a, b in zip(frames, reference, strict=True)
        )
        if seeds != list(range(options.num)) or not same:
            wrong += 1
            print(
                f"run {runs}: {len(seeds)} records, structures {'as' if same else 'not as'} before"
            )
        runs += 1
        shutil.rmtree(folder)
        result = {"kills": kills, "runs": runs, "wrong": wrong, "seed": options.seed}
        print(json.dumps({**result, "seconds": round(time.monotonic() - begin)}), flush=True)
    shutil.rmtree(root)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
