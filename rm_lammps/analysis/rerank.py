"""Rank the best candidates anew by an independent universal potential, chgnet.

Deng et al., Nature Machine Intelligence 5, 1031 (2023); its weights are in the package. E~ chooses
among hundreds of structures at next to no cost, chgnet then among a few.
"""

import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

import ase
import ase.io
import numpy as np

from rm_lammps.analysis.compositions import CompositionFrames
from rm_lammps.analysis.hull import energies_above_hull
from rm_lammps.analysis.matching import to_pymatgen
from rm_lammps.analysis.plots import plot_screening
from rm_lammps.chemistry.formula import reduced_formula
from rm_lammps.errors import UserError
from rm_lammps.files import replacing
from rm_lammps.ranks import Communicator, on_root, share_out
from rm_lammps.runs.layout import RERANKED, SCREENING

METASTABLE = 0.1
"""eV per atom above the reference or the hull."""
_VOLUMES = tuple(1.12 ** np.arange(-2, 5))
"""Tried for each candidate, in units of its own: E~ knows shapes better than volumes, above all
those of open frameworks."""
_ON_HULL = 1e-3
"""eV per atom up to which a structure is not above them."""


@dataclass(frozen=True)
class Reranking:
    """How many candidates of each composition are evaluated, and how."""

    top: int = 20
    steps: int = 0
    """Steps of relaxation at most; 0 for the energy at the best of several volumes."""
    fmax: float = 0.1
    """eV/Å, where a relaxation ends."""


@dataclass
class Judged:
    """A structure with its energy by chgnet."""

    atoms: ase.Atoms
    energy: float
    """eV per atom; infinite where chgnet gives none."""
    rms: float | None = None
    """From the structure to chgnet's minimum, in units of (V/N)^(1/3); none if not relaxed, or if
    the minimum is another structure."""
    score: float = field(default=0.0)
    """What the candidate was ranked by before."""
    prior: float = field(default=0.0)
    """What of that was not E~."""

    @property
    def new_score(self) -> float:
        """What it is ranked by now."""
        return self.energy + self.prior


class Potential:
    """chgnet on the CPU.

    Raises:
        UserError: it is not installed.
    """

    def __init__(self) -> None:
        try:
            with warnings.catch_warnings(), _single_precision():
                warnings.simplefilter("ignore")
                from chgnet.model import CHGNet, StructOptimizer

                self._model = CHGNet.load(verbose=False, use_device="cpu")
                self._optimizer = StructOptimizer(model=self._model, use_device="cpu")
        except ImportError as error:
            raise UserError(
                f"chgnet can't be imported: {error}",
                "Install it: pip install 'rm_lammps[rerank]'.",
            ) from error

    def energy(self, atoms: ase.Atoms) -> float:
        """Energy of a crystal as it is, eV per atom; infinite where there is none."""
        with warnings.catch_warnings(), _single_precision():
            warnings.simplefilter("ignore")
            try:
                return float(self._model.predict_structure(to_pymatgen(atoms), task="e")["e"])
            except (RuntimeError, ValueError) as error:
                _raise_unless_apart(error)
                return float("inf")

    def judge(self, atoms: ase.Atoms, how: Reranking) -> Judged:
        """Evaluate a crystal at the best of ``_VOLUMES``, relaxed from there if asked for."""
        from rm_lammps.analysis.prediction import rms

        tried = [_at_volume(atoms, volume) for volume in _VOLUMES]
        energies = [self.energy(some) for some in tried]
        best, energy = min(zip(tried, energies, strict=True), key=itemgetter(1))
        if how.steps == 0 or not np.isfinite(energy):
            return Judged(best, energy)
        with warnings.catch_warnings(), _single_precision():
            warnings.simplefilter("ignore")
            try:
                done = self._optimizer.relax(
                    to_pymatgen(best), fmax=how.fmax, steps=how.steps, verbose=False
                )
            except (RuntimeError, ValueError) as error:
                _raise_unless_apart(error)
                return Judged(atoms, float("inf"))
        relaxed = done["final_structure"].to_ase_atoms()
        plain = ase.Atoms(relaxed.numbers, relaxed.positions, cell=relaxed.cell, pbc=True)
        energy = float(done["trajectory"].energies[-1]) / len(atoms)
        return Judged(plain, energy, rms(atoms, plain))


def _at_volume(atoms: ase.Atoms, factor: float) -> ase.Atoms:
    scaled = atoms.copy()
    scaled.set_cell(atoms.cell.array * factor ** (1 / 3), scale_atoms=True)
    return scaled


def _raise_unless_apart(error: Exception) -> None:
    """No graph: atoms that see no neighbour, or a cell that fell apart."""
    if isinstance(error, RuntimeError) and "bond graph" not in str(error):
        raise error


@contextmanager
def _single_precision() -> Iterator[None]:
    """Chgnet makes its tensors in torch's default precision, which nequip sets to double."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def rerank(
    folder: Path,
    found: CompositionFrames,
    references: Sequence[ase.Atoms],
    comm: Communicator,
    how: Reranking,
    known: Sequence[ase.Atoms] = (),
) -> dict[str, Any]:
    """Evaluate the best candidates of each composition and rank them with chgnet's energy.

    It takes the place of E~ in ``rank_score``; votes and symmetry count as before. ``found`` learns
    the new order. ``reranked.extxyz`` in ``folder`` gets the candidates, for each composition
    lowest score first, with their ``chgnet_energy_per_atom`` in eV. ``screening.png`` shows that
    against the ranking before.

    Args:
        folder: of the run.
        found: structures of the run.
        references: structures of the same compositions to compare energies with.
        comm: every rank of it calls this function.
        how: how many are evaluated, and how.
        known: structures whose convex hull tells how stable the candidates are; they are
            evaluated as they are.

    Returns:
        Cost, correlation with the ranking before, distances to chgnet's minima, and energies
        relative to references of the same composition and to the hull.
    """
    potential = Potential()
    best = [(n, frame) for n in range(len(found.formulas)) for frame in found.best(how.top)(n)]

    def judge(candidate: tuple[int, int]) -> tuple[Judged, float]:
        begin = time.process_time()
        judged = potential.judge(found.atoms(candidate[1]), how)
        return judged, time.process_time() - begin

    verdicts = share_out(comm, best, judge, "structures")
    seconds = sum(spent for _, spent in verdicts)
    candidates: dict[int, list[tuple[int, Judged]]] = {n: [] for n in range(len(found.formulas))}
    for (composition, frame), (judged, _) in zip(best, verdicts, strict=True):
        judged.score, judged.prior = found.score(frame), found.prior(frame)
        candidates[composition].append((frame, judged))
    levels = share_out(comm, references, lambda atoms: potential.judge(atoms, how).energy)
    stability = _stability(found, candidates, known, potential, comm) if known else {}
    for composition, some in candidates.items():
        order = sorted(some, key=lambda pair: pair[1].new_score)
        found.reorder(composition, [frame for frame, _ in order])
    on_root(comm, lambda: _write(folder / RERANKED, found, candidates))
    on_root(comm, lambda: _draw(folder / SCREENING, list(candidates.values())))
    return {
        "top": how.top,
        "steps": how.steps,
        "structures": sum(map(len, candidates.values())),
        "core_seconds_per_composition": seconds / max(len(found.formulas), 1),
        **_agreement(list(candidates.values())),
        **_above(found, candidates, references, levels),
        **stability,
    }


def _stability(
    found: CompositionFrames,
    candidates: dict[int, list[tuple[int, Judged]]],
    known: Sequence[ase.Atoms],
    potential: Potential,
    comm: Communicator,
) -> dict[str, Any]:
    """Energies above the hull of what was ranked first before, and of the lowest candidates."""
    number = len(found.formulas)
    energies = [_energies(candidates[n]) for n in range(number)]
    both = [*(some[0] for some in energies), *map(min, energies)]

    above = energies_above_hull([*found.formulas] * 2, both, known, potential.energy, comm)
    first, best = above[:number], above[number:]
    rates = {name: _stable(some) for name, some in (("top_ranked", first), ("lowest", best))}
    return {"above_hull": rates, "energies_above_hull": first}


def _energies(judged: Sequence[tuple[int, Judged]]) -> list[float]:
    """Of the candidates of a composition, in the order of the ranking before; never empty."""
    return [candidate.energy for _, candidate in judged] or [float("inf")]


def _stable(above: Sequence[float | None]) -> dict[str, Any]:
    """Shares of all compositions; those without a hull or a structure are not stable."""
    values = np.array([np.inf if value is None else value for value in above])
    decided = values[np.isfinite(values)]
    return {
        "compositions": len(values),
        "decided": len(decided),
        "median": float(np.median(decided)) if len(decided) else None,
        "on_hull": float(np.mean(values <= _ON_HULL)),
        "within_0.1": float(np.mean(values <= METASTABLE)),
    }


def _agreement(candidates: Sequence[list[tuple[int, Judged]]]) -> dict[str, Any]:
    """How well the ranking before tells chgnet's."""
    from scipy.stats import spearmanr

    correlations, same_first, displacements = [], [], []
    for judged in candidates:
        energies = np.array([candidate.energy for _, candidate in judged])
        displacements += [c.rms for _, c in judged if c.rms is not None]
        if len(judged) < 2 or not np.isfinite(energies).all():
            continue
        same_first.append(bool(energies[0] == energies.min()))
        if len(judged) > 2:
            scores = [candidate.score for _, candidate in judged]
            correlations.append(float(spearmanr(scores, energies).statistic))
    finite = [c for c in correlations if np.isfinite(c)]
    return {
        "rank_correlation": float(np.mean(finite)) if finite else None,
        "same_first": float(np.mean(same_first)) if same_first else None,
        "compositions_with_choice": len(same_first),
        "rms_to_minimum": float(np.median(displacements)) if displacements else None,
    }


def _draw(picture: Path, candidates: Sequence[list[tuple[int, Judged]]]) -> None:
    scores: list[float] = []
    energies: list[float] = []
    for judged in candidates:
        finite = [c for _, c in judged if np.isfinite(c.energy)]
        best = min((c.score for c in finite), default=0.0)
        lowest = min((c.energy for c in finite), default=0.0)
        scores += [c.score - best for c in finite]
        energies += [c.energy - lowest for c in finite]
    plot_screening(scores, energies, picture)


def _above(
    found: CompositionFrames,
    candidates: dict[int, list[tuple[int, Judged]]],
    references: Sequence[ase.Atoms],
    levels: Sequence[float],
) -> dict[str, Any]:
    """Energies of the best candidates above the lowest reference of their composition."""
    lowest: dict[str, float] = defaultdict(lambda: float("inf"))
    for atoms, energy in zip(references, levels, strict=True):
        key = reduced_formula(Counter(atoms.get_chemical_symbols()))
        lowest[key] = min(lowest[key], energy)
    first, best = [], []
    for composition, formula in enumerate(found.formulas):
        key = reduced_formula(Counter(ase.formula.Formula(formula).count()))
        if not np.isfinite(lowest[key]):
            continue
        energies = _energies(candidates[composition])
        first.append(energies[0] - lowest[key])
        best.append(min(energies) - lowest[key])
    if not first:
        return {}
    return {
        "above_reference": {
            name: {
                "compositions": len(values),
                "median": float(np.median(values)),
                "not_above": float(np.mean(np.array(values) <= _ON_HULL)),
                "within_0.1": float(np.mean(np.array(values) <= METASTABLE)),
            }
            for name, values in (("top_ranked", first), ("lowest_of_candidates", best))
        }
    }


def _write(
    path: Path, found: CompositionFrames, candidates: dict[int, list[tuple[int, Judged]]]
) -> None:
    with replacing(path) as stream:
        for composition in sorted(candidates):
            judged = dict(candidates[composition])
            for rank, frame in enumerate(found.reranked(None)(composition), start=1):
                atoms = found.atoms(frame)
                candidate = judged[frame]
                atoms.info |= {"rank": rank, "rank_score": candidate.new_score}
                atoms.info["chgnet_energy_per_atom"] = candidate.energy
                ase.io.write(stream, atoms, format="extxyz", parallel=False)
