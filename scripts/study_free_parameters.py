"""Two ways to keep symmetry while crystals relax: the table of docs/studies/inside.md.

    python scripts/study_free_parameters.py [--num 30]

The same seeds are relaxed with their forces and stress projected (fix ``symmetry``), without, and
as functions of their free parameters alone: the displacements and strains that no operation of the
seed's space group forbids, in an orthonormal basis, by scipy's L-BFGS on the same E~ in the same
LAMMPS; and so as functions of all of them, which tells what is scipy's part. All ways end at the
same forces and stress. The CPU time that scipy's ways spend within LAMMPS is counted apart.
"""

import argparse
import time
from collections import Counter
from dataclasses import dataclass, field

import ase
import numpy as np
from ase.units import GPa
from mpi4py import MPI  # noqa: F401, before the LAMMPS library, or its libmpi is not found
from scipy.linalg import expm, expm_frechet
from scipy.optimize import minimize

from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.geometry import Array
from rm_lammps.geometry.symmetry import space_group, symmetry_operations
from rm_lammps.relaxation import Protocol, Relaxed
from rm_lammps.relaxation.outcome import Evaluation
from rm_lammps.relaxation.relaxation import relax
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.relaxation.stages.cell import CellMinimisation
from rm_lammps.seeds import ModelFacts, SeedConfig, SeedMaker

ASKED = {
    "Sr2Ti2O6": {"crystal_system": "tetragonal,cubic"},
    "Al4O6": {"space_group": "R-3c,Pbcn"},
    "Ca4Ti4O12": {"space_group": "Pnma"},
}
FMAX, MAX_STRESS = 0.02, 0.3
_SYMMETRIC = [np.diag(row) for row in np.eye(3)] + [
    (np.outer(a, b) + np.outer(b, a)) / np.sqrt(2)
    for a, b in ((np.eye(3)[0], np.eye(3)[1]), (np.eye(3)[0], np.eye(3)[2]),
                 (np.eye(3)[1], np.eye(3)[2]))
]  # fmt: skip
"""An orthonormal basis of strains."""


@dataclass
class Tally:
    """What came of some seeds."""

    energies: dict[int, float] = field(default_factory=dict)
    groups: Counter[int] = field(default_factory=Counter)
    evaluations: int = 0
    seconds: float = 0.0
    inside: float = 0.0


class FreeParameters:
    """A crystal as a function of the displacements and strains that its symmetry allows.

    Args:
        atoms: the crystal.
        keep: whether to leave out what its symmetry forbids.
    """

    def __init__(self, atoms: ase.Atoms, *, keep: bool = True) -> None:
        self.atoms = atoms
        n = len(atoms)
        self.length = atoms.get_volume() ** (1 / 3) * n ** (1 / 6)
        """Å: makes strains as stiff as displacements, as in the plugin's minimiser."""
        rotations, translations = symmetry_operations(atoms)
        if not keep:
            rotations, translations = np.eye(3)[None], np.zeros((1, 3))
        cell, sites = atoms.cell.array, atoms.get_scaled_positions()
        mean, mean_strain = np.zeros((3 * n, 3 * n)), np.zeros((6, 6))
        for rotation, translation in zip(rotations, translations, strict=True):
            turn = cell.T @ rotation @ np.linalg.inv(cell.T)
            apart = (sites @ rotation.T + translation)[:, None] - sites[None]
            gaps = np.linalg.norm((apart - np.round(apart)) @ cell, axis=-1)
            gaps[atoms.numbers[:, None] != atoms.numbers[None]] = np.inf
            for atom, image in enumerate(gaps.argmin(axis=1)):
                mean[3 * image : 3 * image + 3, 3 * atom : 3 * atom + 3] += turn
            turned = [turn @ strain @ turn.T for strain in _SYMMETRIC]
            mean_strain += [[np.sum(a * b) for b in turned] for a in _SYMMETRIC]
        self.displacements = _invariant(mean / len(rotations))
        self.strains = np.einsum(
            "kij,kp->ijp", np.array(_SYMMETRIC), _invariant(mean_strain / len(rotations))
        )

    @property
    def number(self) -> int:
        """Of parameters; a motion of the whole crystal may be among them."""
        return int(self.displacements.shape[1] + self.strains.shape[2])

    def split(self, parameters: Array) -> tuple[Array, Array]:
        """Positions before the strain, shape (n, 3), and the logarithmic strain, (3, 3)."""
        moves = self.displacements.shape[1]
        moved = (self.displacements @ parameters[:moves]).reshape(-1, 3)
        return self.atoms.positions + moved, self.strains @ parameters[moves:] / self.length

    def structure(self, parameters: Array) -> ase.Atoms:
        """The crystal that they stand for."""
        positions, strain = self.split(parameters)
        deformation, changed = expm(strain), self.atoms.copy()
        changed.set_cell(self.atoms.cell.array @ deformation)
        changed.positions = positions @ deformation
        return changed

    def gradient(self, parameters: Array, result: Evaluation, volume: float) -> Array:
        """Of the energy, by the parameters."""
        _, strain = self.split(parameters)
        deformation = expm(strain)
        by_positions = -(result.forces @ deformation).ravel() @ self.displacements
        # dE = V tr(stress F^-1 dF)
        outer = volume * np.linalg.inv(deformation) @ result.stress * GPa
        by_strains = [
            np.sum(outer.T * expm_frechet(strain, self.strains[:, :, k], compute_expm=False))
            / self.length
            for k in range(self.strains.shape[2])
        ]
        return np.concatenate([by_positions, by_strains])


def _invariant(projector: Array) -> Array:
    values, vectors = np.linalg.eigh((projector + projector.T) / 2)
    return np.asarray(vectors[:, values > 0.5])


def in_parameters(
    session: LammpsSession, atoms: ase.Atoms, tally: Tally, *, keep: bool
) -> tuple[ase.Atoms, Evaluation] | None:
    """Relax by scipy's L-BFGS; ``None`` where it ends above the tolerances."""
    crystal = FreeParameters(atoms, keep=keep)
    latest: dict[bytes, tuple[ase.Atoms, Evaluation]] = {}

    def function(parameters: Array) -> tuple[float, Array]:
        changed = crystal.structure(parameters)
        begin = time.process_time()
        session.load(changed)
        result = session.evaluate()
        tally.inside += time.process_time() - begin
        tally.evaluations += 1
        turn = session.rotation
        turned = Evaluation(result.energy, result.forces @ turn, turn.T @ result.stress @ turn)
        latest.clear()
        latest[parameters.tobytes()] = (changed, turned)
        return result.energy, crystal.gradient(parameters, turned, changed.get_volume())

    def done(parameters: Array) -> bool:
        if parameters.tobytes() not in latest:
            function(parameters)
        _, result = latest[parameters.tobytes()]
        return bool(result.fmax <= FMAX and np.abs(result.stress).max() <= MAX_STRESS)

    def stop(parameters: Array) -> None:
        if done(parameters):
            raise StopIteration

    start = np.zeros(crystal.number)
    options = {"maxiter": 800, "ftol": 0.0, "gtol": 0.0}
    found = minimize(function, start, jac=True, method="L-BFGS-B", callback=stop, options=options)
    return latest[found.x.tobytes()] if done(found.x) else None


def compare(session: LammpsSession, seeds: list[ase.Atoms]) -> dict[str, Tally]:
    """Relax all seeds in all ways."""
    tallies = {name: Tally() for name in ("free", "kept", "free parameters", "all parameters")}
    for number, seed in enumerate(seeds):
        for name, tally in tallies.items():
            begin = time.process_time()
            if name.endswith("parameters"):
                session.compose(())
                session.restrict("xyz", None)
                session.discard()
                found = in_parameters(session, seed, tally, keep=name.startswith("free"))
                end = None if found is None else (found[0], found[1].energy)
            else:
                protocol = Protocol(
                    stages=(CellMinimisation(),),
                    fmax=FMAX,
                    max_stress=MAX_STRESS,
                    keep_symmetry=name == "kept",
                )
                outcome = relax(session, seed, protocol)
                tally.evaluations += outcome.evaluations
                end = (outcome.atoms, outcome.energy) if isinstance(outcome, Relaxed) else None
            tally.seconds += time.process_time() - begin
            if end is not None:
                tally.energies[number] = end[1] / len(seed)
                tally.groups[space_group(end[0]).number] += 1
    return tallies


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--num", type=int, default=30)
    num = parser.parse_args().num
    print(
        "| seeds | parameters | relaxation | converged | evaluations a seed | CPU ms a seed "
        "| of these, evaluations | as low as kept | lower | higher |"
    )
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    with LammpsSession(find_bundle("crystals")) as session:
        facts = ModelFacts(session.bundle.manifest.species, session.bundle.statistics)
        for formula, asked in ASKED.items():
            config = SeedConfig(kind="symmetric", **asked)
            maker = SeedMaker(config, formula, None, model=facts)
            seeds = [maker.make(np.random.default_rng(k), k) for k in range(num)]
            free = np.mean([FreeParameters(seed).number for seed in seeds])
            tallies = compare(session, seeds)
            kept = tallies["kept"].energies
            for name, tally in tallies.items():
                both = [e - kept[k] for k, e in tally.energies.items() if k in kept]
                inside = f"{1e3 * tally.inside / num:.1f}" if tally.inside else ""
                counts = (
                    sum(abs(gap) < 1e-3 for gap in both),
                    sum(gap <= -1e-3 for gap in both),
                    sum(gap >= 1e-3 for gap in both),
                )
                print(
                    f"| {formula} | {free:.1f} of {3 * len(seeds[0]) + 6} | {name} "
                    f"| {len(tally.energies)} | {tally.evaluations / num:.1f} "
                    f"| {1e3 * tally.seconds / num:.1f} | {inside} "
                    f"| {counts[0]} | {counts[1]} | {counts[2]} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
