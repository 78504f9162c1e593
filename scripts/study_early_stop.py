"""What ending hopeless and repeated relaxations early would save.

The rules of docs/studies/diamond_early_stop.md.

The default protocol relaxes each seed to the end, with E~ of every iteration logged; the rules are
applied to the log afterwards. A hop that a rule ends counts as vain. Where it would have been a
gain, the hops after it are unknown, and the seed ends there.

python scripts/study_early_stop.py --formula C8 --num 150
"""

import argparse
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ase.build import bulk
from mpi4py import MPI  # noqa: F401  (before LAMMPS)

from rm_lammps.analysis.comparison import Reference
from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.relaxation import Protocol
from rm_lammps.relaxation.relaxation import Relaxation
from rm_lammps.relaxation.relaxation import relax as relax_seed
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.seeds import ModelFacts, SeedConfig, SeedMaker
from rm_lammps.systems import find_system

GAIN = 1e-4
_ROW = re.compile(r"^ +\d+ +(-?\d+\.\d+) +-?\S+ *$", re.MULTILINE)


@dataclass
class Attempt:
    """One relaxation of a seed; energies in pseudo-eV per atom, infinite where it failed."""

    energy: float = np.inf
    diamond: bool = False
    evaluations: int = 0
    rounds: list[tuple[int, np.ndarray]] = field(default_factory=list)
    """Evaluations so far, and E~ of the iterations, of each box round."""


class Recorder(LammpsSession):
    """A session that keeps E~ of every iteration."""

    def __init__(self, log: Path, *arguments: Any) -> None:
        super().__init__(*arguments, log=str(log))
        self._scripts[self._inputs / "neighbours.in"] += (
            "\nthermo 1\nthermo_style custom step pe press"
        )
        self._stream = log.open()
        self.attempts: list[Attempt] = []

    def include(self, script: str) -> None:
        """Run a script, and read what LAMMPS logged of it."""
        super().include(script)
        text = self._stream.read()
        if script == "box_round.in" and self.attempts:
            energies = np.array([float(energy) for energy in _ROW.findall(text)])
            self.attempts[-1].rounds.append((self.evaluations(), energies))


def relax(session: Recorder, maker: SeedMaker, number: int, reference: Reference) -> list[Attempt]:
    """All attempts of one seed."""
    session.attempts = attempts = []
    original = Relaxation.attempt

    def attempt(self: Relaxation, atoms: Any, stages: tuple) -> Any:
        attempts.append(Attempt())
        before = session.evaluations()
        result = original(self, atoms, stages)
        done, n = attempts[-1], len(atoms)
        done.evaluations = session.evaluations() - before
        done.rounds = [(count - before, energies / n) for count, energies in done.rounds]
        if result.stop is None and result.result is not None:
            done.energy = result.result.energy / n
            done.diamond = reference.find(result.structure) is not None
        return result

    Relaxation.attempt = attempt  # type: ignore[method-assign]
    try:
        rng = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(number,)))
        relax_seed(session, maker.make(rng), Protocol(), rng)
    finally:
        Relaxation.attempt = original  # type: ignore[method-assign]
    return attempts


Rule = Callable[[Attempt, float], int | None]
"""Evaluations after which a hop ends, given the lowest E~ before it; ``None``: it does not."""


def hopeless(threshold: float) -> Rule:
    """After a round, E~ is still far above the lowest."""

    def rule(attempt: Attempt, best: float) -> int | None:
        for count, energies in attempt.rounds[:-1]:
            if energies[-1] > best + threshold:
                return count + 1
        return None

    return rule


def judge(
    seeds: list[list[Attempt]],
    *,
    patience: int = 2,
    enough: float = -np.inf,
    abandon: float = np.inf,
    rule: Rule = lambda attempt, best: None,  # noqa: ARG005
) -> str:
    """Cells of the table: diamonds per seed, evaluations, diamonds per 1,000 evaluations.

    Args:
        seeds: attempts of each.
        patience: of the hops.
        enough: E~ below which hops end.
        abandon: E~ above which a seed ends after its first relaxation.
        rule: that ends hops.
    """
    evaluations = found = 0
    for attempts in seeds:
        best, vain, diamond = np.inf, 0, False
        for hop, attempt in enumerate(attempts):
            if vain >= patience or best < enough or (hop == 1 and best > abandon):
                break
            gain = attempt.energy < best - GAIN
            early = rule(attempt, best) if hop and np.isfinite(best) else None
            if early is not None:
                evaluations += early
                vain += 1
                if gain:
                    break
                continue
            evaluations += attempt.evaluations
            vain = 0 if gain or not hop else vain + 1
            best, diamond = min(best, attempt.energy), diamond or attempt.diamond
        found += diamond
    n = len(seeds)
    return f"{found / n:.0%} | {evaluations / n:.0f} | {1e3 * found / evaluations:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--formula", default="C8")
    parser.add_argument("--num", type=int, default=150)
    arguments = parser.parse_args()
    diamond = bulk("C", a=3.567)
    diamond.info["name"] = "diamond"
    reference = Reference([diamond], find_system("crystal"))
    bundle = find_bundle("diamond")
    with (
        tempfile.TemporaryDirectory() as folder,
        Recorder(Path(folder) / "log.lammps", bundle) as session,
    ):
        model = ModelFacts(["C"], bundle.statistics)
        maker = SeedMaker(SeedConfig(), arguments.formula, None, model=model)
        seeds = [relax(session, maker, number, reference) for number in range(arguments.num)]
    lowest = min(a.energy for attempts in seeds for a in attempts if a.diamond)
    print(f"{arguments.formula}, {len(seeds)} seeds; diamond has {lowest:.4f} pseudo-eV per atom")
    print("| | diamond | evaluations a seed | diamonds per 1,000 evaluations |")
    print("| --- | ---: | ---: | ---: |")
    print(f"| no hops (`quick`) | {judge([attempts[:1] for attempts in seeds])} |")
    for patience in (1, 2):
        print(f"| hops, patience {patience} | {judge(seeds, patience=patience)} |")
    known = judge(seeds, enough=lowest + 0.005)
    print(f"| ... to a known minimum (`enough`) | {known} |")
    for above in (0.02, 0.05, 0.1):
        cells = judge(seeds, abandon=lowest + above)
        print(f"| ... seed abandoned {above} above diamond | {cells} |")
    for above in (0.05, 0.07, 0.1, 0.12):
        cells = judge(seeds, rule=hopeless(above))
        print(f"| ... hop ended {above} above the best | {cells} |")


if __name__ == "__main__":
    main()
