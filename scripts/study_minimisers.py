"""Which way of relaxing finds diamond most often, and cheapest.

The table of docs/studies/diamond_protocols.md.

python scripts/study_minimisers.py --num 200 --out study.md [--only hops]
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from ase.build import bulk
from mpi4py import MPI  # noqa: F401  (before LAMMPS)

from rm_lammps.analysis.comparison import Reference
from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.relaxation import Protocol, Relaxed
from rm_lammps.relaxation.relaxation import relax
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.relaxation.stages.anneal import Anneal
from rm_lammps.relaxation.stages.box import BoxRounds
from rm_lammps.relaxation.stages.hops import Hops
from rm_lammps.relaxation.stages.minimise import Minimise
from rm_lammps.relaxation.stages.rattle import Rattle
from rm_lammps.seeds import ModelFacts, SeedConfig, SeedMaker
from rm_lammps.systems import find_system

FORMULAS = ("C4", "C8", "C16")
DIAMOND = bulk("C", a=3.567)
DIAMOND.info["name"] = "diamond"


def stages(*stages: Any, **fields: Any) -> tuple[Protocol, SeedConfig]:
    return Protocol(stages=stages, **fields), SeedConfig()


def seeds(**fields: Any) -> tuple[Protocol, SeedConfig]:
    return Protocol(stages=(BoxRounds(),)), SeedConfig(**fields)


def hops(**fields: Any) -> tuple[Protocol, SeedConfig]:
    return stages(BoxRounds(), Hops(**fields))


VARIANTS: dict[str, tuple[Protocol, SeedConfig]] = {
    "minimise cg, box cg": stages(Minimise(), BoxRounds()),
    "box alone": stages(BoxRounds()),
    "minimise: fire": stages(Minimise(style="fire", dmax=0.1, steps=120), BoxRounds()),
    "minimise: sd": stages(Minimise(style="sd", steps=120), BoxRounds()),
    "box: sd": stages(Minimise(), BoxRounds(style="sd")),
    "minimise: dmax 0.1": stages(Minimise(dmax=0.1), BoxRounds()),
    "minimise: dmax 0.6": stages(Minimise(dmax=0.6), BoxRounds()),
    "minimise: ftol 1": stages(Minimise(ftol=1.0), BoxRounds()),
    "minimise: ftol 0.02, 200 steps": stages(Minimise(ftol=0.02, steps=200), BoxRounds()),
    "box: dmax 0.1": stages(Minimise(), BoxRounds(dmax=0.1)),
    "box: dmax 0.4": stages(Minimise(), BoxRounds(dmax=0.4)),
    "box: vmax 0.005": stages(Minimise(), BoxRounds(vmax=0.005)),
    "box: vmax 0.05": stages(Minimise(), BoxRounds(vmax=0.05)),
    "box: vmax 0.1": stages(Minimise(), BoxRounds(vmax=0.1)),
    "box: 40 rounds of 10": stages(Minimise(), BoxRounds(rounds=40, steps=10)),
    "box: 20 rounds of 20": stages(Minimise(), BoxRounds(rounds=20, steps=20)),
    "box: 4 rounds of 100": stages(Minimise(), BoxRounds(rounds=4, steps=100)),
    "rattle 0.3 between": stages(
        Minimise(), BoxRounds(rounds=3), Rattle(strain=0.03), Minimise(), BoxRounds()
    ),
    "anneal 0.05, 200 steps": stages(
        Minimise(ftol=1.0), Anneal(start=0.05, steps=200), Minimise(), BoxRounds()
    ),
    "anneal 0.2, 200 steps": stages(
        Minimise(ftol=1.0), Anneal(start=0.2, steps=200), Minimise(), BoxRounds()
    ),
    "anneal 0.2, 1000 steps": stages(
        Minimise(ftol=1.0), Anneal(start=0.2, steps=1000), Minimise(), BoxRounds()
    ),
    "box alone: dmax 0.4": stages(BoxRounds(dmax=0.4)),
    "box alone: dmax 0.1": stages(BoxRounds(dmax=0.1)),
    "box alone: vmax 0.01": stages(BoxRounds(vmax=0.01)),
    "box alone: vmax 0.04": stages(BoxRounds(vmax=0.04)),
    "box alone: 4 rounds of 100": stages(BoxRounds(rounds=4, steps=100)),
    "box alone: 20 rounds of 20": stages(BoxRounds(rounds=20, steps=20)),
    "box alone: settle 40": stages(BoxRounds(settle=40)),
    "box alone: 20 steps, settle 40": stages(BoxRounds(steps=20, settle=40)),
    "hops: 3": hops(number=3, patience=3),
    "hops: 10, patience 1": hops(patience=1),
    "hops: 10, patience 2": hops(patience=2),
    "hops: 10, patience 2, displacement 0.3": hops(patience=2, displacement=0.3),
    "hops: 10, patience 2, displacement 0.8": hops(patience=2, displacement=0.8),
    "hops: 10, patience 2, strain 0": hops(patience=2, strain=0.0),
    "hops: 10, patience 2, strain 0.15": hops(patience=2, strain=0.15),
    "hops: 10, patience 4": hops(patience=4),
    # diamond has 0.0897 pseudo-eV per atom
    "hops: 10, patience 2, enough 0.095": hops(patience=2, enough=0.095),
    "seeds: volume 1 to 1.1": seeds(volume=(1.0, 1.1)),
    "seeds: volume 1.2 to 1.6": seeds(volume=(1.2, 1.6)),
    "seeds: min_distance 0.9": seeds(min_distance=0.9),
    "seeds: min_distance 0.6": seeds(min_distance=0.6),
    "seeds: angles 80 to 100": seeds(angle=(80.0, 100.0)),
    "seeds: aspect 1.3": seeds(aspect=1.3),
}


def study(name: str, formula: str, num: int, session: LammpsSession) -> dict[str, Any]:
    """Relax ``num`` seeds; rates are of all of them."""
    protocol, config = VARIANTS[name]
    reference = Reference([DIAMOND], find_system("crystal"))
    statistics = session.bundle.statistics
    maker = SeedMaker(config, formula, None, model=ModelFacts(["C"], statistics))
    converged = found = evaluations = 0
    seconds = 0.0
    for seed in range(num):
        rng = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(seed,)))
        begin = time.process_time()
        outcome = relax(session, maker.make(rng), protocol, rng)
        seconds += time.process_time() - begin
        evaluations += outcome.evaluations
        if isinstance(outcome, Relaxed):
            converged += 1
            found += reference.find(outcome.atoms) is not None
    return {
        "converged": converged / num,
        "diamond": found / num,
        "ms": 1000 * seconds / num,
        "evaluations": evaluations / num,
        "per_second": found / seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num", type=int, default=200)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", default=[""])
    parser.add_argument("--formulas", nargs="+", default=FORMULAS)
    arguments = parser.parse_args()
    formulas = arguments.formulas
    head = " | ".join(f"{f}: diamond | evaluations | ms a seed | a core-second" for f in formulas)
    lines = [f"| | {head} |", "| --- |" + " ---: | ---: | ---: | ---: |" * len(formulas)]
    with LammpsSession(find_bundle("diamond")) as session:
        for name in [name for name in VARIANTS if any(word in name for word in arguments.only)]:
            cells = []
            for formula in formulas:
                result = study(name, formula, arguments.num, session)
                cells.append(
                    f"{result['diamond']:.0%} | {result['evaluations']:.0f} | {result['ms']:.0f} | "
                    f"{result['per_second']:.2f}"
                )
            lines.append(f"| {name} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
            arguments.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
