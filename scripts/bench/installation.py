"""Time and size from nothing to the first structures, and how long a run takes to start.

Usage: ``python scripts/bench/installation.py [--commits OLD NEW] [--ranks 2 8 32] [--json FILE]``

Each commit is unpacked and installed by ``pip install .`` into a fresh virtual environment, and
README's command relaxes 64 seeds of C8 with an empty cache. Then, with everything cached, the same
folder is asked to go on where nothing is left to do: all that a start does, and no seed. pip's own
cache of downloads is used by all alike; the first install of a package on the machine downloads it.

Wall times on a machine in use mean little: CPU seconds of all processes are given beside them, and
the load. File operations are system calls that take a path (``strace``), where it is installed.
"""

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import tarfile
import tempfile
import time
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILE_CALLS = "trace=%file"


def timed(command: list[str], environment: dict[str, str], folder: Path) -> dict[str, float]:
    """Run a command; wall and CPU seconds of it and its children."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{command}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": round(wall, 2), "cpu": round(cpu, 2)}


def megabytes(folder: Path) -> float:
    """Size on disk of a folder."""
    total = sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))
    return round(total / 1e6)


def file_operations(command: list[str], environment: dict[str, str], folder: Path) -> int | None:
    """System calls with a path that a command and its children make."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    log = folder / "strace"
    subprocess.run(
        [strace, "-f", "-qq", "-e", FILE_CALLS, "-o", str(log), *command],
        env=environment,
        cwd=folder,
        capture_output=True,
        check=True,
    )
    return sum(1 for line in log.open(errors="replace") if re.match(r"\d+ +[a-z]", line))


def measure(commit: str, work: Path, ranks: list[int]) -> dict[str, object]:
    """Everything for one commit."""
    source, cache, venv = work / "source", work / "cache", work / "venv"
    archive = subprocess.run(
        ["git", "archive", commit], cwd=ROOT, capture_output=True, check=True
    ).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as content:
        content.extractall(source, filter="data")
    environment = {
        **os.environ,
        "PATH": f"{venv / 'bin'}:{os.environ['PATH']}",
        "RM_LAMMPS_CACHE": str(cache),
        "OMP_NUM_THREADS": "1",
    }
    environment.pop("PYTHONPATH", None)
    generate = ["rm-generate", "--model", "diamond", "--formula", "C8", "--num", "64"]
    generate += ["--out", str(work / "carbon")]
    first = ["mpirun", "-n", "2", *generate]
    steps: dict[str, object] = {"commit": commit, "load": os.getloadavg()[0]}
    steps["venv"] = timed(["python3", "-m", "venv", str(venv)], environment, work)
    steps["install"] = timed(["pip", "install", "--quiet", "."], environment, source)
    steps["first 64 structures"] = timed(first, environment, work)
    steps["installed MB"] = megabytes(venv)
    steps["cache MB"] = megabytes(cache) if cache.is_dir() else 0
    help_page = [timed(["rm-generate", "--help"], environment, work) for _ in range(5)]
    steps["help"] = min(help_page, key=lambda step: step["cpu"])
    for number in ranks:
        again = ["mpirun", "-n", str(number), *generate]
        starts = [timed(again, environment, work) for _ in range(3 if number < 16 else 1)]
        steps[f"start on {number}"] = min(starts, key=lambda step: step["cpu"])
    steps["file operations of a start on 2"] = file_operations(first, environment, work)
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--commits", nargs="+", default=["HEAD"])
    parser.add_argument("--ranks", nargs="+", type=int, default=[2, 8, 32])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = []
    for commit in options.commits:
        with tempfile.TemporaryDirectory(prefix="rm_lammps-bench-") as name:
            results.append(measure(commit, Path(name), options.ranks))
        for step, value in results[-1].items():
            print(f"{step:34s} {value}", flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
