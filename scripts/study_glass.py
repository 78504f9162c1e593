"""Glasses beside real samples: the numbers of docs/studies/glass.md.

python scripts/study_glass.py SAMPLES --model silica --out glass [--atoms 3000] [--num 5]

Generates cells, judges them by ``rm-evaluate`` beside the samples of the slowest cooling but
for the one that was trained on, and says what it cost in CPU seconds and memory.
"""

import argparse
import gzip
import io
import json
import resource
import subprocess
from pathlib import Path

import ase
import ase.io

RATE = "cooling_rate_K_per_ps"
POTENTIAL = "SiO.1990.vashishta"


def samples_of(file: Path) -> list[ase.Atoms]:
    """Cells of the slowest cooling, without the first one, which is trained on."""
    with gzip.open(file, "rt") as stream:
        frames = ase.io.read(io.StringIO(stream.read()), ":", format="extxyz")
    slowest = min(float(atoms.info[RATE]) for atoms in frames)
    chosen = [atoms for atoms in frames if float(atoms.info[RATE]) == slowest]
    return [ase.Atoms(a.numbers, a.positions, cell=a.cell, pbc=True) for a in chosen[1:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("samples", type=Path)
    parser.add_argument("--model", default="silica")
    parser.add_argument("--out", type=Path, default=Path("glass"))
    parser.add_argument("--atoms", type=int, default=3000)
    parser.add_argument("--num", type=int, default=5)
    parser.add_argument("--density", default="2.11")
    parser.add_argument("--ranks", type=int, default=1)
    given = parser.parse_args()
    reference = given.out.with_suffix(".samples.extxyz")
    ase.io.write(reference, samples_of(given.samples))
    run = ["rm-generate", "--model", given.model, "--formula", "SiO2", "--preset", "glass"]
    run += ["--atoms", str(given.atoms), "--num", str(given.num), "--density", given.density]
    run += ["--ranks-per-structure", str(given.ranks), "--out", str(given.out)]
    subprocess.run(["mpirun", "-n", str(given.ranks), *run], check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    summary = json.loads((given.out / "summary.json").read_text())
    steps = summary["evaluations"] * given.atoms
    print(f"CPU {used.ru_utime:.0f} s, {steps / used.ru_utime:,.0f} atom-steps a core-second")
    print(f"memory of the largest rank {used.ru_maxrss / 1024:.0f} MB")
    judge = ["rm-evaluate", str(given.out), "--reference", str(reference)]
    subprocess.run([*judge, "--physical", POTENTIAL], check=True)


if __name__ == "__main__":
    main()
