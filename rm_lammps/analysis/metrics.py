"""All measures of a run of crystals, in ``metrics.json``."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ase
import numpy as np
from numpy.typing import NDArray

from rm_lammps.analysis.composition_frames import CompositionFrames
from rm_lammps.analysis.kept_opinions import KeptOpinions, Question
from rm_lammps.analysis.physical import Opinions
from rm_lammps.analysis.prediction import predict
from rm_lammps.analysis.quality import Known, judge, space_group_distribution, total_variation
from rm_lammps.analysis.second_opinion import METASTABLE, summary
from rm_lammps.analysis.unique import UniqueSet
from rm_lammps.datasets import read_structures
from rm_lammps.files import write_json
from rm_lammps.ranks import Communicator, OneProcess, on_root
from rm_lammps.runs.layout import METRICS
from rm_lammps.runs.small_files import read_summary
from rm_lammps.systems import find_system


def measure(
    folder: Path,
    unique: UniqueSet,
    reference_file: Path | None = None,
    *,
    comm: Communicator | None = None,
    at: Sequence[int] = (20,),
    training_file: Path | None = None,
    opinions: Opinions | None = None,
) -> dict[str, Any]:
    """Measure a run against references and training data.

    Args:
        folder: written by ``rm-generate``; gets ``metrics.json``.
        unique: of the folder.
        reference_file: what should have been found; ``info["name"]`` or ``info["material_id"]``
            names a structure.
        comm: every rank of it calls this function; rank 0 writes. One process unless given.
        at: numbers of candidates a composition at which to state match rates.
        training_file: structures that are not novel.
        opinions: what physical potentials said of the candidates.

    Returns:
        The content of ``metrics.json``, on every rank.

    Raises:
        UserError: the folder holds no finished run, or a file is unusable.
    """
    comm = OneProcess() if comm is None else comm
    totals = on_root(comm, lambda: read_summary(folder))
    references = on_root(comm, lambda: _read(reference_file))
    training = on_root(comm, lambda: _read(training_file))
    found = CompositionFrames(folder, unique)
    result: dict[str, Any] = {
        "compositions": len(found.formulas),
        "seeds_per_composition": _one_number(found.seeds),
        "attempted": totals["attempted"],
        "converged": totals["converged"],
        "core_seconds_per_composition": totals["seed_seconds"] / len(found.formulas),
        "core_seconds_per_seed": totals["seed_seconds"] / max(totals["attempted"], 1),
    }
    known = Known(training) if training else None
    balanced = find_spec("smact") is not None
    result["top_ranked"] = judge(found, comm, known=known, balanced=balanced)
    if opinions is not None:
        levels = _levels(folder, references, opinions, comm)
        result["second_opinion"] = summary(opinions, references, levels)
        _add_stability(result["top_ranked"], found, opinions)
    if references:
        result["prediction"] = predict(found, references, comm, at=at)
        systems = space_group_distribution(references)
        result["reference_crystal_systems"] = systems
        distance = total_variation(systems, result["top_ranked"]["crystal_systems"])
        result["crystal_system_distance"] = distance
    on_root(comm, lambda: write_json(folder / METRICS, result))
    return result


def _levels(
    folder: Path, references: Sequence[ase.Atoms], opinions: Opinions, comm: Communicator
) -> list[float]:
    """Energies of references by the mean of the potentials, at their best volume; eV per atom."""
    potentials = opinions.how.potentials
    questions = [Question(p, atoms, "volume") for atoms in references for p in potentials]
    answers = KeptOpinions(folder, comm).ask(questions, "energies of references")
    energies = np.array([answer.energy for answer in answers]).reshape(-1, len(potentials))
    return energies.mean(axis=1).tolist()


def _add_stability(top: dict[str, Any], found: CompositionFrames, opinions: Opinions) -> None:
    """Count the top-ranked structures that are stable (to 0.1 eV per atom), unique and novel."""
    judged = opinions.of_frames()
    for number, verdict in enumerate(top["structures"]):
        frames = found.best(1)(number)
        one = judged.get(found.leader(frames[0])) if frames else None
        verdict["above_hull"] = None if one is None or one.above is None else one.above.energy
    if any(verdict["novel"] is None for verdict in top["structures"]):
        return
    top["stable_unique_and_novel"] = sum(
        v["novel"] and v["unique"] and v["above_hull"] is not None and v["above_hull"] <= METASTABLE
        for v in top["structures"]
    ) / len(top["structures"])


def _one_number(seeds: NDArray[np.int64]) -> float:
    """Seeds of each composition; the mean where several runs had different compositions."""
    return int(seeds[0]) if (seeds == seeds[0]).all() else float(seeds.mean())


def _read(file: Path | None) -> list[ase.Atoms]:
    return [] if file is None else read_structures(file, find_system("crystal"))
