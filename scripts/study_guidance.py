"""What guidance does: volumes of what is found, and how much converges, against its weight.

    python scripts/study_guidance.py --data mp20_val.extxyz.gz --tuned open --compositions 40

Seeds of the preset ``blind``, for compositions of known structures that are drawn at random. The
volume of a structure counts in units of what the training data lets expect of its composition; in
the range are 1.1 to 2 units. Guidance is a pressure, or the difference of a second model that was
tuned on structures in the range, times a weight; it acts in a first relaxation, and a second one on
E~ alone follows. The known structures say how many of them are in the range. The table is in
docs/studies/guidance.md.
"""

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import Any

import ase
import numpy as np
from mpi4py import MPI  # noqa: F401  (before LAMMPS)

from rm_lammps.datasets import read_structures
from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.generation.generation_config import GenerationConfig
from rm_lammps.relaxation import Relaxed
from rm_lammps.relaxation.relaxation import relax
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.seeds import ModelFacts, SeedMaker
from rm_lammps.systems.crystal_matcher import rms

RANGE = (1.1, 2.0)
STRICT = 0.1
"""(V/N)^(1/3)."""


def ways(pressures: list[float], weights: list[float], tuned: str | None) -> dict[str, Any]:
    """Protocols by name."""
    cell = {"stage": "cell"}
    found: dict[str, Any] = {"none": {"stages": [cell]}}
    for pressure in pressures:
        first, last = ({"stage": "press", "pressure": p} for p in (pressure, 0.0))
        found[f"pressure {pressure:g} GPa"] = {"stages": [first, cell, last, cell]}
    for weight in weights if tuned else []:
        alone = {"stage": "blend", "weights": {"E~": 1.0, "tuned": 0.0}}
        term = {"term": "bundle", "model": tuned, "label": "tuned", "weight": weight}
        guided = {"terms": [term], "model_weight": 1 - weight}
        found[f"tuned, w = {weight:g}"] = {"stages": [cell, alone, cell], **guided}
        found[f"tuned to the end, w = {weight:g}"] = {"stages": [cell], **guided}
    return found


def numbers(text: str) -> list[float]:
    return [float(word) for word in text.split(",") if word]


def main() -> None:
    """Print a row for each way."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tuned", help="second model")
    parser.add_argument("--weights", type=numbers, default=[1.0, 2.0, 4.0])
    parser.add_argument("--pressures", type=numbers, default=[-2.5, -5.0, -10.0, -20.0])
    parser.add_argument("--compositions", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    bundle = find_bundle("crystals")
    facts = ModelFacts(bundle.manifest.species, bundle.statistics, bundle.prototypes)
    known = read_structures(options.data)
    chosen = np.random.default_rng(0).permutation(len(known))[: options.compositions]
    references = [known[number] for number in chosen]

    def ratio(atoms: ase.Atoms) -> float:
        composition = Counter(atoms.get_chemical_symbols())
        return float(atoms.get_volume() / bundle.statistics.volume(dict(composition)))

    def within(values: list[float]) -> float:
        return float(np.mean([RANGE[0] < value < RANGE[1] for value in values]))

    own = list(map(ratio, references))
    print(f"known structures: {100 * within(own):.0f} % in range, mean {np.mean(own):.3f}")
    with LammpsSession(bundle) as session:
        for name, protocol in ways(options.pressures, options.weights, options.tuned).items():
            config = GenerationConfig(
                model="crystals", formula="H", preset="blind", protocol=protocol
            )
            begin, volumes, strict, evaluations = time.process_time(), [], 0, 0
            for number, reference in enumerate(references):
                formula = str(reference.symbols.formula)
                maker = SeedMaker(config.seeds, formula, None, model=facts)
                hit = False
                for k in range(options.seeds):
                    drawing = np.random.default_rng([number, k])
                    outcome = relax(session, maker.make(drawing, k), config.protocol, drawing)
                    evaluations += outcome.evaluations
                    if isinstance(outcome, Relaxed):
                        volumes.append(ratio(outcome.atoms))
                        found = None if hit else rms(reference, outcome.atoms)
                        hit |= found is not None and found < STRICT
                strict += hit
            total = len(references) * options.seeds
            print(
                f"| {name} | {100 * len(volumes) / total:.0f} % | {100 * within(volumes):.0f} % "
                f"| {np.mean(volumes):.3f} | {100 * strict / len(references):.0f} % "
                f"| {evaluations / total:.0f} | {(time.process_time() - begin) / total:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
