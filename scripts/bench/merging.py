"""Time and memory to look through and to merge the records of many seeds.

    python scripts/bench/merging.py FOLDER --num 1000000 --shards 1000

Writes what a run of carbon leaves, in shards of random seeds, in a process of its own; then it
does what the start and the end of a run do, and reads the numbers of all structures: from the
index, from the text as a folder without index needs it, and by the regular expressions that did
this before there was an index.
"""

import argparse
import json
import multiprocessing
import re
import resource
import time
from pathlib import Path

import numpy as np
from ase.build import bulk

from rm_lammps.generation.schedule import SeedRanges
from rm_lammps.relaxation import Failure, Reason, Relaxed
from rm_lammps.runs.frames import raw_frames
from rm_lammps.runs.index import read_index
from rm_lammps.runs.layout import FAILURES, INDEX, RECORDS, RUN, STRUCTURES
from rm_lammps.runs.merge import merge
from rm_lammps.runs.records import Origin, SeedRecord
from rm_lammps.runs.shards import ShardWriter, read_recorded
from rm_lammps.runs.status import read_status

FAILED = 0.05
"""Share of seeds without structure."""


def make(folder: Path, num: int, n_shards: int) -> None:
    rng = np.random.default_rng(0)
    (folder / RECORDS).mkdir(parents=True)
    (folder / RUN).write_text(json.dumps({"config": {"num": num, "formula": "C8"}}))
    diamond = bulk("C", a=3.567, cubic=True)
    for rank, seeds in enumerate(np.array_split(rng.permutation(num), n_shards)):
        with ShardWriter(folder, 0, rank) as shard:
            for seed in seeds.tolist():
                atoms = diamond.copy()
                atoms.positions += 0.1 * rng.standard_normal((8, 3))
                outcome: Relaxed | Failure = Relaxed(atoms, -7.0, 0.01, 0.1, 150)
                if rng.random() < FAILED:
                    outcome = Failure(Reason.NOT_CONVERGED, "fmax 0.1 pseudo-eV/Å", 400)
                shard.begin(seed)
                shard.append(SeedRecord(seed, "C8", Origin("random"), outcome, 0.1))


_NEEDED = re.compile(r'(?:^|\s)(Lattice|energy_per_atom|energy|seed|prototype_share)=("[^"]*"|\S+)')


def by_regular_expressions(path: Path) -> np.ndarray:
    """First byte, seed, E~ and volume of each frame, the way they were read before the index."""
    rows = []
    begin = 0
    with path.open("rb") as stream:
        for frame in raw_frames(stream, path):
            info = {key: value.strip('"') for key, value in _NEEDED.findall(frame.comment)}
            a, b, c, d, e, f, g, h, i = map(float, info["Lattice"].split())
            volume = abs(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g))
            volume /= frame.symbols.total()
            rows.append((begin, int(info["seed"]), float(info["energy_per_atom"]), volume))
            begin += len(frame.text)
    return np.array(rows)


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--num", type=int, default=1_000_000)
    parser.add_argument("--shards", type=int, default=1000)
    arguments = parser.parse_args()
    folder, num = arguments.folder, arguments.num
    maker = multiprocessing.Process(target=make, args=(folder, num, arguments.shards))
    maker.start()
    maker.join()
    size = sum(path.stat().st_size for path in (folder / RECORDS).iterdir()) / 1e6
    print(f"{num:,} seeds in {arguments.shards} shards, {size:.0f} MB", flush=True)
    before = time.process_time()
    missing = len(SeedRanges.missing(read_recorded(folder, num).done))
    spent = time.process_time() - before
    print(f"looked through: {spent:.1f} s of CPU time, {missing} missing, {megabytes():.0f} MB")
    before = time.process_time()
    summary = merge(folder, num)
    spent = time.process_time() - before
    out = sum((folder / name).stat().st_size for name in (STRUCTURES, FAILURES)) / 1e6
    print(f"merged: {spent:.1f} s of CPU time, {megabytes():.0f} MB, {out:.0f} MB written")
    print(json.dumps(summary))
    structures = folder / STRUCTURES
    for what, work in (
        ("status", lambda: read_status(folder)),
        ("index read", lambda: read_index(folder)),
        ("regular expressions", lambda: by_regular_expressions(structures)),
        ("index made anew", lambda: ((folder / INDEX).unlink(), read_index(folder))),
    ):
        before = time.process_time()
        work()
        print(f"{what}: {time.process_time() - before:.2f} s of CPU time, {megabytes():.0f} MB")


if __name__ == "__main__":
    main()
