"""Structures a second in training: nequip-train as it was configured before, and the fast step.

python scripts/bench/training.py crystals --data structures.extxyz.gz --structures 2000 --out bench

Both train the same preset on the same structures with the same number of threads and a process that
draws noise, one after the other; with --processes the fast step trains once more in so many, which
draw their own noise. Rates are those of the second epoch, when everything is compiled. Without
--data a small set is made up: salts, or molecules of ASE's own collection, or one cell of diamond.
The fast step is taken apart besides: noise and labels, neighbours, packing, step, each in CPU time
on one core, against the arithmetic of the step.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase
import ase.io
import numpy as np
import torch
import yaml
from ase.build import bulk, molecule
from ase.collections import g2

from rm_lammps.datasets import read_structures
from rm_lammps.training.processes import launcher
from rm_lammps.training.training_config import TrainingConfig, load_config
from rm_lammps.training.training_run import prepare
from rm_lammps.training.training_table import read_table

STEPS = 20


def small_data(preset: str) -> list[ase.Atoms]:
    """Structures to time with where none are given."""
    if preset == "diamond":
        return [bulk("C", "diamond", a=3.567)]
    if preset == "molecules":
        kept = set("HCNOFS")
        found = [molecule(name) for name in g2.names]
        return [m for m in found if set(m.get_chemical_symbols()) <= kept and len(m) > 3]
    rng = np.random.default_rng(0)
    salts = [("NaCl", "rocksalt", 5.6), ("MgO", "rocksalt", 4.2), ("ZnS", "zincblende", 5.4)]
    frames = []
    for name, structure, a in salts * 70:
        atoms = bulk(name, structure, a=a * rng.uniform(0.97, 1.03), cubic=True)
        frames.append(atoms)
    return frames


def written(frames: list[ase.Atoms], file: Path) -> None:
    for atoms in frames:
        atoms.info = {"formation_energy_per_atom": 0.0}
        atoms.calc = None
    ase.io.write(file, frames, format="extxyz")


def trained(config: TrainingConfig, data: Path, folder: Path, *, ours: bool) -> dict[str, Any]:
    """Train two epochs and take the rate of the second; memory of the largest process."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(config.threads), "PYTHONWARNINGS": "ignore"}
    if not folder.exists():
        prepare(config, data, folder)
    words = [*launcher(config.processes), "rm_lammps.training.fit", str(folder)]
    if not ours:
        words = ["nequip.scripts.train", "-cp", str(folder), "-cn", "nequip"]
        words += ["hydra.run.dir=.", "hydra.output_subdir=null"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    with (folder / "bench.log").open("w") as log:
        subprocess.run(
            [sys.executable, "-m", *words],
            cwd=folder, env=environment, stdout=log, stderr=log, check=True,
        )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = read_table(folder / "log.csv")
    return {
        "structures_per_second": float(rows[-1]["structures_per_second"]),
        "force_rmse": float(rows[-1]["forces_rmse"]),
        "seconds": time.monotonic() - start,
        "core_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "largest_process_mb": after.ru_maxrss / 1024,
    }


def cpu_time(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def parts(folder: Path) -> dict[str, float]:
    """CPU time of each part of the fast step on one core, microseconds a structure."""
    from rm_lammps.datasets import DatasetStatistics
    from rm_lammps.response import batches as response
    from rm_lammps.training.data import ResponseData
    from rm_lammps.training.fit import build_module
    from rm_lammps.training.products import choose_products
    from rm_lammps.training.samples import deal, fitting, pack, to_batch

    torch.set_num_threads(1)
    choose_products()
    os.chdir(folder)
    config = TrainingConfig.model_validate(yaml.safe_load((folder / "config.yaml").read_text()))
    statistics = DatasetStatistics.model_validate_json((folder / "statistics.json").read_text())
    module = build_module(yaml.safe_load((folder / "nequip.yaml").read_text()))
    module.use_step(config.optimisation.loss, statistics.system, compile_step=True)
    data = ResponseData(folder, config, statistics)
    windows = data.plan.epoch(0)[:6]
    total = sum(map(len, windows))
    neighbours = 0.0
    find_edges = response.find_edges

    def timed(*arguments: Any) -> Any:
        nonlocal neighbours
        start = time.process_time()
        found = find_edges(*arguments)
        neighbours += time.process_time() - start
        return found

    response.find_edges = timed
    drawn: list[Any] = []
    noise = cpu_time(
        lambda: drawn.extend(
            data.source.draw(window, data.plan.noise(0, k)) for k, window in enumerate(windows)
        )
    )
    response.find_edges = find_edges
    made: list[Any] = []

    def packing() -> None:
        for one in drawn:
            hands = deal(one.edge_counts, -(-len(one.edge_counts) // data.plan.batch_size))
            for hand in hands:
                arrays = pack(
                    one, fitting(one, hand, data.shape), data.shape, cutoff=config.model.r_max
                )
                made.append(to_batch(arrays, torch.float32))

    packed = cpu_time(packing)
    weights = [p.detach() for p in module.step.parameters()]

    def step(batch: Any) -> None:
        counts = batch.vectors.new_tensor([batch.n_structures, batch.n_atoms])
        module.loss_and_gradients(*weights, counts, *batch.tensors())

    step(made[0])
    step(made[-1])
    chosen = made[:STEPS]
    stepping = cpu_time(lambda: [step(batch) for batch in chosen])
    shown = sum(batch.n_structures for batch in chosen)
    edges = float(np.concatenate([one.edge_counts for one in drawn]).mean())
    return {
        "noise_us": 1e6 * (noise - neighbours) / total,
        "neighbours_us": 1e6 * neighbours / total,
        "packing_us": 1e6 * packed / total,
        "step_us": 1e6 * stepping / shown,
        "edges": edges,
        "filled": edges * shown / len(chosen) / data.shape.edges,
        "step_us_per_edge": 1e6 * stepping / shown / edges,
        **arithmetic(module, weights, made[0]),
    }


def arithmetic(module: Any, weights: list[torch.Tensor], batch: Any) -> dict[str, float]:
    """What the matrix products of a step would take at the speed of one such product alone."""
    from torch.utils.flop_counter import FlopCounterMode

    from rm_lammps.training.step import traced

    counts = batch.vectors.new_tensor([batch.n_structures, batch.n_atoms])
    # the counter follows no gradients: count in the graph that has them in it
    graph = traced(module.eager_loss_and_gradients, [*weights, counts, *batch.tensors()])
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        graph(*weights, counts, *batch.tensors())
    edges = len(batch.vectors)
    flops = counter.get_total_flops() / edges
    rows, inner, columns = 4096, 64, 224
    matrix, other = (
        torch.randn(shape, dtype=torch.float32) for shape in ((rows, inner), (inner, columns))
    )
    seconds = [cpu_time(lambda: [matrix @ other for _ in range(20)]) for _ in range(10)]
    speed = 20 * 2 * rows * inner * columns / min(seconds)
    return {
        "matrix_flops_per_edge": flops,
        "matrix_flops_per_core_second": speed,
        "limit_us_per_edge": 1e6 * flops / speed,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("preset", choices=("crystals", "diamond", "molecules"))
    parser.add_argument("--config", type=Path, help="configuration in place of the preset's own")
    parser.add_argument("--data", type=Path, help="structures; made up by default")
    parser.add_argument("--structures", type=int, default=2000, help="an epoch's")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument(
        "--processes", type=int, default=1,
        help="that the fast step is also timed with, each drawing its own noise",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parts-of", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.parts_of:
        print(json.dumps(parts(options.parts_of.resolve())))
        return
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    data = out / "data.extxyz"
    if not data.exists():
        frames = read_structures(options.data) if options.data else small_data(options.preset)
        chosen = np.random.default_rng(0).permutation(len(frames))[: options.structures]
        written([frames[k] for k in chosen], data)
    change = {
        "data": {
            "samples_per_epoch": options.structures,
            "validation_samples": 32,
            "prototypes": False,
        },
        "optimisation": {"epochs": 2},
        "threads": options.threads,
        "workers": options.workers,
    }
    config = load_config(options.config or options.preset, change)
    result: dict[str, Any] = {"preset": options.preset, "structures": options.structures}
    result["nequip-train"] = trained(config, data, out / "nequip", ours=False)
    result["ours"] = trained(config, data, out / "ours", ours=True)
    if options.processes > 1:
        several = {**change, "processes": options.processes, "workers": 0}
        config = load_config(options.config or options.preset, several)
        name = f"ours, {options.processes} processes"
        result[name] = trained(config, data, out / "several", ours=True)
    done = subprocess.run(
        [sys.executable, __file__, options.preset, "--out", str(out),
         "--parts-of", str(out / "ours")],
        capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    result["parts"] = json.loads(done.stdout.splitlines()[-1])
    before = result["nequip-train"]["structures_per_second"]
    for name in [name for name in result if name.startswith("ours")]:
        result[name]["times_nequip"] = result[name]["structures_per_second"] / before
    (out / "training.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
