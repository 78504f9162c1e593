"""Time and memory to look through and to merge the records of many seeds.

    python scripts/bench/merging.py FOLDER --num 1000000 --shards 1000

Writes what a run of carbon leaves, in shards of random seeds, in a process of its own; then it
does what the start and the end of a run do.
"""

import argparse
import json
import multiprocessing
import resource
import time
from pathlib import Path

import numpy as np
from ase.build import bulk

from rm_lammps.generation.schedule import SeedRanges
from rm_lammps.relaxation import Failure, Reason, Relaxed
from rm_lammps.runs.layout import FAILURES, RECORDS, STRUCTURES
from rm_lammps.runs.merge import merge
from rm_lammps.runs.records import ShardWriter, make_record, read_progress

FAILED = 0.05
"""Share of seeds without structure."""


def make(folder: Path, num: int, n_shards: int) -> None:
    rng = np.random.default_rng(0)
    (folder / RECORDS).mkdir(parents=True)
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
                shard.append(make_record(seed, {"formula": "C8"}, outcome, 0.1))


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
    missing = len(SeedRanges.missing(read_progress(folder, num).done))
    spent = time.process_time() - before
    print(f"looked through: {spent:.1f} s of CPU time, {missing} missing, {megabytes():.0f} MB")
    before = time.process_time()
    summary = merge(folder, num)
    spent = time.process_time() - before
    out = sum((folder / name).stat().st_size for name in (STRUCTURES, FAILURES)) / 1e6
    print(f"merged: {spent:.1f} s of CPU time, {megabytes():.0f} MB, {out:.0f} MB written")
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
