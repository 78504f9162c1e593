"""Refuse structures that can't be equilibrium structures, naming the frame at fault."""

from collections.abc import Sequence
from itertools import product
from math import isfinite
from typing import Any

import ase
import numpy as np
from numpy.typing import NDArray

from rm_lammps.errors import UserError
from rm_lammps.geometry import pairs_of
from rm_lammps.systems import SYSTEMS, System, find_system, letters, system_of

MIN_DISTANCE = 0.5
"""Å; closer atoms are an error in the data (H2 is 0.74 Å long)."""

MIN_VOLUME_PER_ATOM = 1.0
"""Å³; denser periodic cells are an error in the data (diamond has 5.7)."""

_FARTHEST = 1e6
"""Å; no structure is a tenth of a millimetre large, and neighbour lists of such are endless."""
_MOST_BINS = 1e6
"""Of the grid of a neighbour list."""
_NEAR = 25.0
"""Å; structures within this distance of the origin never have so many."""
_FEW = 100
"""Atoms of a molecule whose distances are all computed: a list of neighbours takes longer."""
_OCCUPIED = 1e-3
_CORRECT = "Correct or remove this structure."
_ONE_SYSTEM = "Train one model on each: their seeds and response differ."


def check(
    frames: Sequence[ase.Atoms],
    sources: Sequence[str],
    system: System | None = None,
    *,
    overlaps: bool = False,
) -> None:
    """Check every structure, and turn left-handed cells into right-handed ones of the same lattice.

    Args:
        frames: structures with positions and cell in Å; their cells may be changed.
        sources: how each is named in errors.
        system: what is wanted; ``None`` takes any, but one only.
        overlaps: take atoms closer than ``MIN_DISTANCE``, too.

    Raises:
        UserError: an empty frame, numbers that aren't finite, partial occupancies, a missing or
            singular cell, the periodicity of no system, or atoms closer than ``MIN_DISTANCE``; the
            message names the frame.

    """
    wanted = system
    for atoms, source in zip(frames, sources, strict=True):
        volume = _signed_volume(atoms)
        farthest = _farthest(atoms) if len(atoms) else 0.0
        problem = _problem(atoms, volume, farthest, system) if len(atoms) else "it has no atoms"
        if not problem and not overlaps:
            problem = _overlap(atoms, farthest)
        if problem:
            raise UserError(
                f"Unusable structure ({source}, {atoms.get_chemical_formula()}): {problem}.",
                _CORRECT,
            )
        wanted = system_of(atoms) if wanted is None else wanted
        if not wanted.holds(atoms):
            raise _of_other_system(atoms, source, wanted, mixed=system is None)
        if wanted.has_space_group and volume < 0:
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


def _of_other_system(atoms: ase.Atoms, source: str, wanted: System, *, mixed: bool) -> UserError:
    named = f"({source}, {atoms.get_chemical_formula()})"
    own = next(iter(_possible(atoms)), f"a structure with pbc={letters(atoms.pbc)}")
    if mixed:
        return UserError(
            f"The data mixes periodic crystals and molecules: {named} is {own}, the first "
            f"{_one(wanted)}.",
            _ONE_SYSTEM,
        )
    if atoms.cell.any() and not atoms.pbc.any():
        return UserError(
            f"{named} has a cell, but is not periodic (pbc=F F F).",
            f"If it is {_one(wanted)}, write pbc={letters(wanted.pbc)}.",
        )
    return UserError(
        f"{named} {'is' if atoms.pbc.any() else 'has no cell:'} {own}, not {_one(wanted)}.",
        f"Give {wanted.plural}: pbc={letters(wanted.pbc)}.",
    )


def _possible(atoms: ase.Atoms) -> list[str]:
    """What a structure may be, by its periodicity: first what models are trained on."""
    kinds = [find_system(kind.name) for kind in SYSTEMS]
    kinds.sort(key=lambda kind: kind.name != kind.learned_from)
    return [_one(kind) for kind in kinds if kind.holds(atoms)]


def _one(system: System) -> str:
    return f"{'an' if system.name[0] in 'aeiou' else 'a'} {system.name.replace('_', ' ')}"


def _signed_volume(atoms: ase.Atoms) -> float:
    """Of the cell, Å³; of a left-handed one below zero."""
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = atoms.cell.array.tolist()
    return float(ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx))


def _farthest(atoms: ase.Atoms) -> float:
    """Largest component of a position or cell vector, Å; NaN where one is."""
    return float(np.maximum(np.abs(atoms.positions).max(), np.abs(atoms.cell.array).max()))


def _problem(atoms: ase.Atoms, volume: float, farthest: float, system: System | None) -> str:
    if not isfinite(farthest):
        return "a coordinate or cell vector is not a finite number"
    if atoms.numbers.min() < 1 or atoms.numbers.max() > 118:
        return "it has an unknown chemical element"
    if farthest > _FARTHEST:
        return f"a coordinate or cell vector is beyond {_FARTHEST:.0e} Å"
    if atoms.pbc.any():
        problem = _problem_of_cell(atoms, volume, system)
        if problem:
            return problem
    partial = _partial_occupancy(atoms)
    return "" if partial is None else f"it is disordered: a site has the occupancy {partial}"


def _problem_of_cell(atoms: ase.Atoms, volume: float, system: System | None) -> str:
    if not atoms.pbc.all():
        if system is None:
            may_be = " or ".join(_possible(atoms))
            todo = f"if it is {may_be}, say so by the setting system" if may_be else "give a cell"
            return f"periodic in some directions only (pbc={letters(atoms.pbc)}): {todo}"
        if np.linalg.matrix_rank(atoms.cell.array[atoms.pbc]) < atoms.pbc.sum():
            return "its cell is missing or singular"
        if system.holds(atoms):
            volume = system.volume(atoms)
    if abs(volume) < MIN_VOLUME_PER_ATOM * len(atoms):
        return f"its cell is missing, singular or too small ({abs(volume):.3g} Å³)"
    return ""


def _partial_occupancy(atoms: ase.Atoms) -> float | None:
    """One that is not 1, as ASE's readers hand them over."""
    if "occupancy" not in atoms.arrays and "occupancy" not in atoms.info:
        return None
    values: list[Any] = list(atoms.arrays.get("occupancy", ()))
    sites = atoms.info.get("occupancy")
    if isinstance(sites, dict):
        values += [v for site in sites.values() if isinstance(site, dict) for v in site.values()]
    numbers = [float(value) for value in values if isinstance(value, (int, float, np.number))]
    return next((n for n in numbers if not abs(n - 1) <= _OCCUPIED), None)


def _overlap(atoms: ase.Atoms, farthest: float) -> str:
    """The two atoms that are closest, where they are too close."""
    if len(atoms) <= _FEW and not atoms.pbc.any():
        from scipy.spatial.distance import pdist  # slow to import

        distances = pdist(atoms.positions)
        k = int(np.argmin(distances)) if len(distances) else 0
        if not len(distances) or distances[k] >= MIN_DISTANCE:
            return ""
        i, j = (int(side[k]) for side in np.triu_indices(len(atoms), 1))
        return _overlapping(i, j, distances[k])
    if farthest <= _NEAR or _bins(atoms) <= _MOST_BINS:
        i, j, d = pairs_of("ijd", atoms, MIN_DISTANCE)
        k = int(np.argmin(d)) if len(d) else 0
        return _overlapping(i[k], j[k], d[k]) if len(d) else ""
    from scipy.spatial import cKDTree  # slow to import

    # a tree, unlike a grid of cells, does not mind a slab in a kilometre of vacuum
    positions, owners = atoms.positions, np.arange(len(atoms))
    if atoms.pbc.all():
        positions, owners = _with_images(atoms)
    tree = cKDTree(positions)
    distances, others = tree.query(positions[: len(atoms)], k=2, distance_upper_bound=MIN_DISTANCE)
    near = np.flatnonzero(np.isfinite(distances[:, 1]))
    if not len(near):
        return ""
    i = int(near[np.argmin(distances[near, 1])])
    # of two on one spot, either may come first
    j = int(next(owners[other] for other in others[i] if other != i))
    return _overlapping(min(i, j), max(i, j), distances[i, 1])


def _bins(atoms: ase.Atoms) -> float:
    """Of a grid around the atoms, each as wide as the distance that is looked for."""
    extent = atoms.cell.lengths() if atoms.pbc.all() else np.ptp(atoms.positions, axis=0)
    return float(np.prod(np.maximum(extent / MIN_DISTANCE, 1.0)))


def _overlapping(i: int, j: int, distance: float) -> str:
    return f"atoms {i} and {j} overlap ({distance:.3f} Å apart, at least {MIN_DISTANCE} allowed)"


def _with_images(atoms: ase.Atoms) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
    """Atoms within the cell, then their images near its faces; and whose images they are."""
    cell = atoms.cell.array
    fractions = atoms.get_scaled_positions()
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    margin = MIN_DISTANCE / heights
    reach = np.ceil(margin).astype(int)
    shifts = [s for s in product(*(range(-n, n + 1) for n in reach)) if any(s)]
    found, owners = [fractions], [np.arange(len(atoms))]
    for shift in shifts:
        moved = fractions + shift
        near = ((moved > -margin) & (moved < 1 + margin)).all(axis=1)
        found.append(moved[near])
        owners.append(np.flatnonzero(near))
    return np.concatenate(found) @ cell, np.concatenate(owners)
