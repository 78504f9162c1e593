"""What the preset ``glass`` takes from a model's training data (docs/studies/glass.md)."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from rm_lammps.datasets.shells import Shells
from rm_lammps.settings import Interval

_BOND = 1.645
"""Å, the bond of silica."""
_BETWEEN = 300
"""Steps from where neighbours stay to where the next potential begins."""
_APART = 5.0
"""Pseudo-eV: with 2.0, twice as many silicon atoms share an edge."""


def glass_protocol(
    protocol: Mapping[str, Any],
    shells: Shells | None,
    seeds: Mapping[str, Any],
    *,
    with_terms: bool,
) -> Mapping[str, Any]:
    """Fit the preset to longer bonds, numbers of neighbours, and the shape that seeds have.

    Args:
        protocol: the preset's, for silica.
        shells: neighbours in the training data, where these are known.
        seeds: settings of the seeds.
        with_terms: whether energy terms are added.

    Raises:
        ValueError: seeds have a shape without a density.
    """
    *noisy, last = protocol["stages"]
    if shells is not None:
        noisy = _scaled(noisy, max(shells.bonds.values()) / _BOND)
    terms = _terms(shells, seeds) if with_terms else []
    if not terms:
        return {**protocol, "stages": [*noisy, last]}
    # the last minimum is one of E~ alone
    released = {"stage": "blend", "weights": {term["term"]: 0.0 for term in terms}}
    return {**protocol, "terms": terms, "stages": [*noisy, released, last]}


def _scaled(stages: list[dict[str, Any]], factor: float) -> list[dict[str, Any]]:
    """Let neighbours change at noise that is the same share of a bond.

    The noise at which the next potential begins is that of training, so longer bonds need a stage
    more.
    """
    melt, cool, *rest = stages
    begins = cool["end"]
    melted = round(min(melt["end"] * factor, melt["start"]), 3)
    frozen = round(begins * factor, 3)
    if frozen <= begins:
        return stages
    return [
        {**melt, "end": melted},
        {**cool, "start": melted, "end": frozen},
        {**cool, "start": frozen, "end": begins, "steps": _BETWEEN},
        *rest,
    ]


def _terms(shells: Shells | None, seeds: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Energy terms that hold while there is noise."""
    terms: list[dict[str, Any]] = []
    if shells is not None:
        terms.append(
            {"term": "coordination", "neighbours": shells.neighbours, "within": shells.within}
        )
        if shells.apart:
            terms.append({"term": "apart", "distances": shells.apart, "height": _APART})
    if seeds.get("shape") is not None:
        density = _one_density(seeds)
        terms.append({"term": "shape", "shape": seeds["shape"], "density": density})
    return terms


def _one_density(seeds: Mapping[str, Any]) -> float:
    """Of seeds in a shape, g/cm³.

    Raises:
        ValueError: there is none, or a range.
    """
    given = seeds.get("density")
    low, high = (0.0, 1.0) if given is None else TypeAdapter(Interval).validate_python(given)
    if low != high:
        raise ValueError("a shape needs one density of the seeds, g/cm³, e.g. density: 2.2")
    return float(low)
