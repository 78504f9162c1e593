"""Refuse structures that can't be equilibrium structures, naming the frame at fault."""

from collections.abc import Sequence
from typing import Any

import ase
import numpy as np

from rm_lammps.errors import UserError
from rm_lammps.geometry import pairs_of

MIN_DISTANCE = 0.5
"""Å; closer atoms are an error in the data (H2 is 0.74 Å long)."""

MIN_VOLUME_PER_ATOM = 1.0
"""Å³; denser periodic cells are an error in the data (diamond has 5.7)."""

_OCCUPIED = 1e-3
_CORRECT = "Correct or remove this structure."
_ONE_KIND = "Train one model on each: their seeds and response differ."


def check(
    frames: Sequence[ase.Atoms],
    sources: Sequence[str],
    *,
    periodic: bool | None = None,
    overlaps: bool = False,
) -> None:
    """Check every structure, and turn left-handed cells into right-handed ones of the same lattice.

    Args:
        frames: structures with positions and cell in Å; their cells may be changed.
        sources: how each is named in errors.
        periodic: whether crystals or molecules are wanted; ``None`` takes either, but not both.
        overlaps: take atoms closer than ``MIN_DISTANCE``, too.

    Raises:
        UserError: an empty frame, numbers that aren't finite, partial occupancies, a missing or
            singular cell, partly periodic boundaries, or atoms closer than ``MIN_DISTANCE``; the
            message names the frame.

    """
    wanted = bool(frames[0].pbc.all()) if periodic is None and frames else periodic
    for atoms, source in zip(frames, sources, strict=True):
        problem = "it has no atoms" if len(atoms) == 0 else _problem(atoms)
        if not problem and not overlaps:
            problem = _overlap(atoms)
        if problem:
            raise UserError(
                f"Unusable structure ({source}, {atoms.get_chemical_formula()}): {problem}.",
                _CORRECT,
            )
        if bool(atoms.pbc.all()) != wanted:
            raise _of_other_kind(atoms, source, mixed=periodic is None)
        if wanted and np.linalg.det(atoms.cell.array) < 0:
            # the lattice is its own mirror image
            atoms.set_cell(-atoms.cell.array)


def validate(frames: Sequence[ase.Atoms]) -> None:
    """Check structures that were made otherwise than by reading; see :func:`check`.

    Args:
        frames: structures with positions and cell in Å.

    Raises:
        UserError: as :func:`check`.
    """
    check(frames, [f"number {number}" for number in range(len(frames))])


def _of_other_kind(atoms: ase.Atoms, source: str, *, mixed: bool) -> UserError:
    named = f"({source}, {atoms.get_chemical_formula()})"
    if mixed:
        kind = "a crystal" if atoms.pbc.all() else "a molecule"
        return UserError(
            f"The data mixes periodic crystals and molecules: {named} is {kind}, the first is not.",
            _ONE_KIND,
        )
    if atoms.pbc.all():
        return UserError(
            f"{named} is periodic: a crystal, not a molecule.", "Give a file of molecules."
        )
    if atoms.cell.any():
        return UserError(
            f"{named} has a cell, but is not periodic (pbc=F F F).",
            "If it is a crystal, write pbc=T T T or leave pbc out.",
        )
    return UserError(f"{named} has no cell: a molecule, not a crystal.", "Give crystals.")


def _problem(atoms: ase.Atoms) -> str:
    if not np.isfinite(atoms.positions).all() or not np.isfinite(atoms.cell.array).all():
        return "a coordinate or cell vector is not a finite number"
    if (atoms.numbers < 1).any() or (atoms.numbers > 118).any():
        return "it has an unknown chemical element"
    if atoms.pbc.any() and not atoms.pbc.all():
        return f"periodic in some directions only (pbc={atoms.pbc.tolist()}); give a full cell"
    volume = abs(float(np.linalg.det(atoms.cell.array)))
    if atoms.pbc.all() and volume < MIN_VOLUME_PER_ATOM * len(atoms):
        return f"its cell is missing, singular or too small ({volume:.3g} Å³)"
    partial = _partial_occupancy(atoms)
    if partial is not None:
        return f"it is disordered: a site has the occupancy {partial}"
    return ""


def _partial_occupancy(atoms: ase.Atoms) -> float | None:
    """One that is not 1, as ASE's readers hand them over."""
    values: list[Any] = list(atoms.arrays.get("occupancy", ()))
    sites = atoms.info.get("occupancy")
    if isinstance(sites, dict):
        values += [v for site in sites.values() if isinstance(site, dict) for v in site.values()]
    numbers = [float(value) for value in values if isinstance(value, (int, float, np.number))]
    return next((n for n in numbers if not abs(n - 1) <= _OCCUPIED), None)


def _overlap(atoms: ase.Atoms) -> str:
    i, j, d = pairs_of("ijd", atoms, MIN_DISTANCE)
    if len(d) == 0:
        return ""
    k = int(np.argmin(d))
    return f"atoms {i[k]} and {j[k]} overlap ({d[k]:.3f} Å apart, at least {MIN_DISTANCE} allowed)"
