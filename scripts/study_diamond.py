"""Is diamond the minimum of every training of diamond, and do seeds find it?

python scripts/study_diamond.py --trainings 10 --seeds 48 --out runs/diamonds

Trains the preset `diamond` once for each seed, from one cell, and generates C8 with each model.
Prints, for each, how far diamond moves when it is minimised on E~, the lowest curvature there, the
share of seeds that end as diamond (`StructureMatcher` of pymatgen with its default tolerances, and
within 0.02 Å), what else is found below it, and the seconds that training and generation took.
"""

import argparse
import json
import subprocess
import time
from pathlib import Path

from ase.build import bulk
from ase.io import read
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.io.ase import AseAtomsAdaptor

from rm_lammps.training.training_table import read_table

NEAR = 0.02
"""Å."""


def judge(run: Path) -> dict[str, float]:
    """Shares of the asked seeds."""
    adapt = AseAtomsAdaptor.get_structure
    diamond, matcher = adapt(bulk("C")), StructureMatcher()
    frames = read(run / "structures.extxyz", ":")
    alike = near = 0
    energies: dict[bool, list[float]] = {True: [], False: []}
    for atoms in frames:
        found = adapt(atoms)
        same = matcher.fit(found, diamond)
        alike += same
        energies[same].append(atoms.get_potential_energy() / len(atoms))
        if same:
            spread = (atoms.get_volume() / len(atoms)) ** (1 / 3)
            near += matcher.get_rms_dist(found, diamond)[0] * spread < NEAR
    lowest = min(energies[True], default=float("nan"))
    return {"diamond": alike, "near": near, "below": sum(e < lowest for e in energies[False])}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", default="diamond")
    parser.add_argument("--trainings", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=48)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    data = options.out / "diamond.extxyz"
    bulk("C", "diamond", a=3.567).write(data)
    print("| seed | moved, Å | curvature | diamond | within 0.02 Å | below | training, s | s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for seed in range(options.trainings):
        model, run = options.out / f"model-{seed}", options.out / f"c8-{seed}"
        begin = time.perf_counter()
        if not (model / "card.json").exists():
            words = ["rm-train", options.config, "--data", data, "--seed", seed, "--out", model]
            subprocess.run([str(word) for word in words], check=True, capture_output=True)
        whole = time.perf_counter() - begin
        words = ["rm-generate", "--model", model, "--formula", "C8", "--num", options.seeds]
        words += ["--out", run]
        if not (run / "summary.json").exists():
            subprocess.run([str(word) for word in words], check=True, capture_output=True)
        row, found = read_table(model / "log.csv")[-1], judge(run)
        asked = json.loads((run / "summary.json").read_text())["attempted"]
        print(
            f"| {seed} | {float(row['moved_mean']):.4f} | {float(row['lowest_curvature']):.2f} | "
            f"{found['diamond']} of {asked} | {found['near']} | {found['below']} | "
            f"{float(row['seconds']):.0f} | {whole:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
