"""Compositions like those of the training data, for structures that nobody asked for by name."""

from collections.abc import Sequence

import numpy as np
from ase.formula import Formula

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.errors import UserError

_LARGEST_CELL = 20
_VAIN_DRAWS = 5_000
"""In a row without a new composition: there are no more, or as good as none."""


def charge_balanced(formula: str) -> bool:
    """Whether oxidation states can add up to zero, electronegative elements negative (smact).

    Metals among themselves and pure elements pass too. Oxidation states are the set ``smact14``,
    which published numbers on generated crystals rest on.

    Raises:
        UserError: smact is not installed.
    """
    try:
        from smact.screening import smact_validity
    except ImportError as error:
        raise UserError(
            f"Charges are balanced with smact, which can't be imported: {error}",
            "Install it: pip install 'rm_lammps[denovo]'.",
        ) from error
    return bool(smact_validity(formula, oxidation_states_set="smact14"))


def sample_compositions(
    number: int,
    statistics: DatasetStatistics,
    *,
    elements: Sequence[str] | None,
    max_atoms: int | None,
    rng: np.random.Generator,
) -> tuple[str, ...]:
    """Draw compositions.

    Molecules have formulas of training molecules, as often as these come. Crystals have different
    compositions, a cell's stoichiometry drawn first, then its elements: both come as often as in
    the training data, independently of each other; what can't be charge balanced is drawn anew.

    Args:
        number: of compositions.
        statistics: of the training data.
        elements: allowed ones; ``None`` for all of the training data.
        max_atoms: in a cell or molecule; ``None`` for 20 in a cell and any molecule.
        rng: source of randomness.

    Returns:
        Formulas of cells, metals first.

    Raises:
        UserError: statistics without compositions, unknown elements, or fewer compositions than
            asked for.
    """
    species = list(statistics.structures_per_element)
    if not species or not statistics.stoichiometries:
        raise UserError(
            "The model's statistics say nothing about compositions: it was made by an earlier "
            "version.",
            "Update its statistics.json: python scripts/update_statistics.py MODEL --data FILE.",
        )
    unknown = [symbol for symbol in elements or () if symbol not in species]
    if unknown:
        raise UserError(
            f"The model's training data has no {', '.join(unknown)}.",
            f"Elements in it: {' '.join(species)}",
        )
    allowed = list(dict.fromkeys(elements or species))
    if not statistics.system.has_cell:
        return _sample_molecules(number, statistics, allowed, max_atoms, rng)
    max_atoms = _LARGEST_CELL if max_atoms is None else max_atoms
    cells = {
        tuple(map(int, key.split("-"))): count for key, count in statistics.stoichiometries.items()
    }
    cells = {c: n for c, n in cells.items() if sum(c) <= max_atoms and len(c) <= len(allowed)}
    if not cells:
        raise UserError(f"The training data has no cells of {max_atoms} atoms or fewer.")
    kinds, often = list(cells), _shares(list(cells.values()))
    shares = _shares([statistics.structures_per_element[symbol] for symbol in allowed])
    balanced: dict[str, bool] = {}
    found: list[str] = []
    vain = 0
    while len(found) < number:
        counts = kinds[rng.choice(len(kinds), p=often)]
        chosen = rng.choice(len(allowed), size=len(counts), replace=False, p=shares)
        text = "".join(f"{allowed[k]}{n}" for k, n in zip(chosen, counts, strict=True))
        formula = Formula(text).format("metal")
        vain += 1
        if formula not in balanced:
            balanced[formula] = charge_balanced(formula)
            if balanced[formula]:
                found.append(formula)
                vain = 0
        if vain > _VAIN_DRAWS:
            raise UserError(
                f"There are only about {len(found)} compositions of {max_atoms} atoms or fewer of "
                f"{', '.join(allowed)}.",
                "Ask for fewer compositions, more elements or more atoms.",
            )
    return tuple(found)


def _sample_molecules(
    number: int,
    statistics: DatasetStatistics,
    allowed: Sequence[str],
    max_atoms: int | None,
    rng: np.random.Generator,
) -> tuple[str, ...]:
    counts = {}
    for formula, times in statistics.molecular_formulas.items():
        atoms = Formula(formula).count()
        if set(atoms) <= set(allowed) and sum(atoms.values()) <= (max_atoms or np.inf):
            counts[formula] = times
    if not counts:
        most = "" if max_atoms is None else f" with at most {max_atoms} atoms"
        raise UserError(
            f"The training data has no molecules of {', '.join(allowed)}{most}.",
            "Allow more elements (hydrogen is one of them) or more atoms.",
        )
    formulas = list(counts)
    drawn = rng.choice(len(formulas), size=number, p=_shares(list(counts.values())))
    return tuple(formulas[k] for k in drawn)


def _shares(counts: list[int]) -> np.ndarray:
    weights = np.array(counts, dtype=float)
    return weights / weights.sum()
