"""Where the time of a generation run goes, on one rank and on several.

python scripts/bench/generation.py --formula C8 --num 200 --ranks 2
"""

import argparse
import json
import re
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from mpi4py import MPI

from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.generation.counters import SharedCounters
from rm_lammps.generation.generation_config import GenerationConfig
from rm_lammps.generation.run_seeds import RunSeeds
from rm_lammps.generation.worker import generators
from rm_lammps.ranks import environment_for_mpirun
from rm_lammps.relaxation.relaxation import relax
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.runs.layout import RECORDS, SUMMARY
from rm_lammps.runs.records import Origin, SeedRecord
from rm_lammps.runs.shards import ShardWriter

_PAIR = re.compile(r"^Pair +\| +\S+ +\| +(\S+)", re.MULTILINE)
_LOOP = re.compile(r"^Loop time of (\S+)", re.MULTILINE)


def shares(config: GenerationConfig, folder: Path) -> dict[str, float]:
    """CPU seconds of one rank on each part of ``config.num`` seeds."""
    bundle = find_bundle(config.model)
    log = folder / "log.lammps"
    seeds = RunSeeds(config, bundle)
    (folder / RECORDS).mkdir()
    spent = dict.fromkeys(("seeds", "relaxation", "records", "counter"), 0.0)
    counters = SharedCounters(MPI.COMM_SELF)
    wall = 0.0
    with LammpsSession(bundle, log=str(log)) as session, ShardWriter(folder, 0, 0) as shard:
        relax(session, seeds.make(0, np.random.default_rng(0)), config.protocol)
        before = len(log.read_text())
        for seed in range(config.num):
            marks = [time.process_time()]
            counters.next_chunk()
            marks.append(time.process_time())
            drawing, relaxing = generators(config.seed, seed)
            atoms = seeds.make(seed, drawing)
            marks.append(time.process_time())
            wall -= time.perf_counter()
            outcome = relax(session, atoms, config.protocol, relaxing)
            wall += time.perf_counter()
            marks.append(time.process_time())
            shard.begin(seed)
            origin = Origin.from_named(atoms.info)
            shard.append(SeedRecord(seed, atoms.info["formula"], origin, outcome, 0.0))
            marks.append(time.process_time())
            for part, seconds in zip(
                ("counter", "seeds", "relaxation", "records"), np.diff(marks), strict=True
            ):
                spent[part] += seconds
    counters.close()
    text = log.read_text()[before:]
    # LAMMPS measures by the wall clock
    spent["LAMMPS's loops"] = spent["relaxation"] * sum(map(float, _LOOP.findall(text))) / wall
    spent["pair computation"] = spent["relaxation"] * sum(map(float, _PAIR.findall(text))) / wall
    return spent


def run(config: GenerationConfig, ranks: int, folder: Path) -> dict[str, float]:
    """Summary of a real run on ``ranks``."""
    words = ["rm-generate", "--model", config.model, "--formula", config.formula]
    words += ["--num", str(config.num * ranks), "--preset", config.preset, "--out", str(folder)]
    subprocess.run(
        ["mpirun", "-n", str(ranks), *words],
        check=True,
        env=environment_for_mpirun(),
        capture_output=True,
    )
    return json.loads((folder / SUMMARY).read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="diamond")
    parser.add_argument("--formula", default="C8")
    parser.add_argument("--preset", default="crystals")
    parser.add_argument("--num", type=int, default=200, help="seeds a rank")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    arguments = vars(parser.parse_args())
    ranks = arguments.pop("ranks")
    config = GenerationConfig(**arguments)
    with tempfile.TemporaryDirectory() as scratch:
        spent = shares(config, Path(scratch))
        total = sum(spent[part] for part in ("seeds", "relaxation", "records", "counter"))
        print(f"{1000 * total / config.num:.2f} ms a seed on one rank, start-up apart:")
        for part, seconds in spent.items():
            print(f"  {part:26s} {1000 * seconds / config.num:8.3f} ms  {seconds / total:6.1%}")
        own = total - spent["relaxation"]
        print(f"  orchestration: {own / total:.2%} of a seed")
        for n in ranks:
            summary = run(config, n, Path(scratch) / str(n))
            rate = summary["converged"] / (n * summary["relaxing_seconds"])
            print(
                f"{n} rank(s): {rate:.1f} structures per core-second, busy {summary['busy']:.1%}, "
                f"start-up {summary['wall_seconds'] - summary['relaxing_seconds']:.1f} s"
            )


if __name__ == "__main__":
    main()
