"""CPU time of the kernel alone, by number of neighbours, against the arithmetic it needs.

Usage: ``python scripts/bench/kernel.py [--cpus x86-64-v3 ...]``

Compiles the kernel for each kind of CPU and evaluates the shipped models on random neighbours.
The limit is the arithmetic of an edge at the speed of multiply-adds in registers on this core.
"""

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "deploy" / "src"
MODELS = "diamond", "molecules", "crystals"
# atoms x neighbours: molecules, crystals, diamond; as seeds have them, and many atoms
SYSTEMS = ["16x10", "16x13", "16x17", "8x30", "8x70", "500x13", "200x30", "100x70"]


def build(cpu: str, program: Path) -> None:
    """Compile the measurement as CMakeLists.txt compiles the kernel."""
    flags = f"-std=c++20 -O3 -ffp-contract=fast -fno-math-errno -w -march={cpu}".split()
    wide = ["-mprefer-vector-width=512"] if cpu == "x86-64-v4" else []
    sources = [Path(__file__).with_suffix(".cpp"), *sorted(SOURCE.glob("native*.cpp"))]
    compiler = os.environ.get("CXX", "c++")
    command = [compiler, *flags, *wide, f"-I{SOURCE}", *map(str, sources), "-o", str(program)]
    subprocess.run(command, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--cpus", nargs="+", default=["x86-64-v2", "x86-64-v3", "x86-64-v4"])
    options = parser.parse_args()
    print(f"{'model':10s} {'CPU':10s} {'GFLOP/s':>8} {'limit':>6}", *SYSTEMS, "  µs an edge")
    with tempfile.TemporaryDirectory() as folder:
        for cpu in options.cpus:
            program = Path(folder) / cpu
            build(cpu, program)
            for model in MODELS:
                weights = ROOT / "rm_lammps" / "pretrained" / model / "model.allegro"
                command = [str(program), str(weights), *SYSTEMS]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                flop, speed, *times = map(float, done.stdout.split())
                row = " ".join(f"{time:5.2f}" for time in times)
                print(f"{model:10s} {cpu:10s} {speed:8.0f} {1e-3 * flop / speed:6.2f} {row}")


if __name__ == "__main__":
    main()
