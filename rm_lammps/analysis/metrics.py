"""All measures of a run of crystals, in ``metrics.json``."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ase
import numpy as np
from numpy.typing import NDArray

from rm_lammps.analysis.composition_frames import CompositionFrames
from rm_lammps.analysis.prediction import predict
from rm_lammps.analysis.quality import Known, judge, space_group_distribution, total_variation
from rm_lammps.analysis.rerank import Reranking, rerank
from rm_lammps.analysis.second_opinion import METASTABLE
from rm_lammps.analysis.unique import UniqueSet
from rm_lammps.datasets import read_structures
from rm_lammps.files import write_json
from rm_lammps.ranks import Communicator, OneProcess, on_root
from rm_lammps.runs.contents import read_summary
from rm_lammps.runs.layout import METRICS


def measure(
    folder: Path,
    unique: UniqueSet,
    reference_file: Path | None = None,
    *,
    comm: Communicator | None = None,
    at: Sequence[int] = (20,),
    training_file: Path | None = None,
    reranking: Reranking | None = None,
) -> dict[str, Any]:
    """Measure a run against references and training data.

    Args:
        folder: written by ``rm-generate``; gets ``metrics.json``.
        unique: of the folder.
        reference_file: what should have been found; ``info["name"]`` or ``info["material_id"]``
            names a structure.
        comm: every rank of it calls this function; rank 0 writes. One process unless given.
        at: numbers of candidates a composition at which to state match rates.
        training_file: structures that are not novel, and of which the convex hull is made.
        reranking: how to evaluate the best candidates with a physical potential; ``None`` for
            not at all.

    Returns:
        The content of ``metrics.json``, on every rank.

    Raises:
        UserError: the folder holds no finished run, or a file is unusable.
    """
    comm = OneProcess() if comm is None else comm
    summary = on_root(comm, lambda: read_summary(folder))
    references = on_root(comm, lambda: _read(reference_file))
    training = on_root(comm, lambda: _read(training_file))
    found = CompositionFrames(folder, unique)
    result: dict[str, Any] = {
        "compositions": len(found.formulas),
        "seeds_per_composition": _one_number(found.seeds),
        "attempted": summary["attempted"],
        "converged": summary["converged"],
        "core_seconds_per_composition": summary["seed_seconds"] / len(found.formulas),
        "core_seconds_per_seed": summary["seed_seconds"] / max(summary["attempted"], 1),
    }
    known = Known(training) if training else None
    balanced = find_spec("smact") is not None
    result["top_ranked"] = judge(found, comm, known=known, balanced=balanced)
    if reranking is not None:
        # before the prediction is judged, which then knows the new order too
        result["rerank"] = rerank(folder, found, references, comm, reranking, training)
        if training:
            _add_stability(result)
    if references:
        result["prediction"] = predict(found, references, comm, at=at)
        systems = space_group_distribution(references)
        result["reference_crystal_systems"] = systems
        distance = total_variation(systems, result["top_ranked"]["crystal_systems"])
        result["crystal_system_distance"] = distance
    on_root(comm, lambda: write_json(folder / METRICS, result))
    return result


def _add_stability(result: dict[str, Any]) -> None:
    """Count the top-ranked structures that are stable (to 0.1 eV per atom), unique and novel."""
    top = result["top_ranked"]
    above = result["rerank"].pop("energies_above_hull")
    for verdict, energy in zip(top["structures"], above, strict=True):
        verdict["above_hull"] = energy
    top["stable_unique_and_novel"] = sum(
        v["novel"] and v["unique"] and v["above_hull"] is not None and v["above_hull"] <= METASTABLE
        for v in top["structures"]
    ) / len(top["structures"])


def _one_number(seeds: NDArray[np.int64]) -> float:
    """Seeds of each composition; the mean where several runs had different compositions."""
    return int(seeds[0]) if (seeds == seeds[0]).all() else float(seeds.mean())


def _read(file: Path | None) -> list[ase.Atoms]:
    if file is None:
        return []
    return read_structures(file, periodic=True)
