"""Noise and labels of many structures at once: the same as one by one, without Python in between.

:mod:`~rm_lammps.response.noise`, :mod:`~rm_lammps.response.nearest_sites` and
:mod:`~rm_lammps.response.energy` say what is computed, for one structure; the tests hold both
against each other.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from rm_lammps.geometry import Array
from rm_lammps.response.edges import EdgeList, find_edges
from rm_lammps.response.energy import FictitiousEnergy
from rm_lammps.response.noise import NoiseConfig
from rm_lammps.response.structures import (
    Bools,
    Ints,
    Structures,
    means,
    minimum_images,
    pairs_within_groups,
)

_MAX_ROUNDS = 10


@dataclass(frozen=True)
class NoisyStructures:
    """Structures under noise, with the labels that lead back and the edges of their atoms."""

    structures: Structures
    """Noisy positions and cells."""
    sigmas: Array
    """Standard deviation that an atom's coordinates were displaced with, shape (atoms,), Å."""
    energies: Array
    """shape (structures,), pseudo-eV; zero for an equilibrium structure."""
    forces: Array
    """shape (atoms, 3), pseudo-eV/Å."""
    stresses: Array | None
    """shape (structures, 3, 3), pseudo-eV/Å³; ``None`` for systems without a cell."""
    volumes: Array | None
    """Of the atoms that have edges, shape (structures,), Å³; ``None`` likewise."""
    complete: Bools
    """Atoms whose forces count, shape (atoms,): in crops those whose neighbours all have all of
    their edges."""
    edges: EdgeList

    @classmethod
    def whole(
        cls, structures: Structures, sigmas: Array, labels: "_Labels", edges: EdgeList
    ) -> "NoisyStructures":
        """Structures that are no crops."""
        energies, forces, stresses = labels
        cells = structures.cells
        volumes = None if cells is None else np.abs(np.linalg.det(cells))
        complete = np.ones(len(structures.positions), dtype=bool)
        return cls(structures, sigmas, energies, forces, stresses, volumes, complete, edges)


def noisy_structures(
    sites: Structures,
    noise: NoiseConfig,
    energy: FictitiousEnergy,
    min_distances: Array,
    rng: np.random.Generator,
    *,
    cutoff: float,
    level: float | None = None,
    scales: Array | None = None,
) -> NoisyStructures:
    """Draw noise for structures and label it.

    Args:
        sites: equilibrium structures with Minkowski-reduced cells.
        noise: its distribution.
        energy: the fictitious energy.
        min_distances: of :func:`~rm_lammps.response.energy.distance_table`.
        rng: source of randomness.
        cutoff: of the edges, Å; at least the range of the repulsion.
        level: fix both noise levels (0 to 1) instead of drawing them.
        scales: that the noise of each structure is multiplied by, shape (structures,); nothing
            for all alike.
    """
    sigmas, strain_levels = noise.draw_levels(rng, len(sites), level=level)
    if scales is not None:
        sigmas, strain_levels = scales * sigmas, scales * strain_levels
    drawn = sigmas[sites.owner, None] * rng.standard_normal(sites.positions.shape)
    system = sites.system
    drawn -= system.invariances.translational(means(drawn, sites.counts)[sites.owner])
    displacements = matched(sites, drawn, sigmas > noise.permute_above)
    positions = sites.positions + drawn
    deformations = None
    cells = sites.cells
    if cells is not None:
        deformations = noise.deformations(rng, strain_levels, system.strained)
        positions = np.einsum("ni,nij->nj", positions, deformations[sites.owner])
        cells = cells @ deformations
    noisy = Structures(positions, sites.numbers, sites.counts, cells, system)
    edges = find_edges(noisy, cutoff)
    labels = label(noisy, displacements, deformations, edges, energy, min_distances)
    return NoisyStructures.whole(noisy, sigmas[sites.owner], labels, edges)


_Labels = tuple[Array, Array, Array | None]


def label(
    noisy: Structures,
    displacements: Array,
    deformations: Array | None,
    edges: EdgeList,
    energy: FictitiousEnergy,
    min_distances: Array,
) -> _Labels:
    """Energies, forces and stresses; see :meth:`FictitiousEnergy.labels`.

    Args:
        noisy: positions and cells, deformed.
        displacements: in the undeformed frame, shape (atoms, 3), Å.
        deformations: of the cells, shape (structures, 3, 3); ``None`` without cells.
        edges: to at least the range of the repulsion.
        energy: the fictitious energy.
        min_distances: of :func:`~rm_lammps.response.energy.distance_table`.
    """
    count, owner = len(noisy), noisy.owner
    pair_energies, gradients, (centre, vectors) = _repulsion(noisy, edges, energy, min_distances)
    # each pair is listed from both sides
    energies = np.zeros(count)
    energies += 0.5 * np.bincount(owner[centre], pair_energies, count)
    energies += 0.5 * energy.spring * np.bincount(owner, np.sum(displacements**2, axis=1), count)
    # of no pairs at all, bincount makes integers
    columns = [np.bincount(centre, gradients[:, k], len(owner)) for k in range(3)]
    forces: Array = np.stack(columns, axis=1).astype(float)
    if noisy.cells is None or deformations is None:
        return energies, forces - energy.spring * displacements, None
    inverses = np.linalg.inv(deformations)
    forces -= energy.spring * np.einsum("ni,nji->nj", displacements, inverses[owner])
    lam, mu = energy.lame
    squares, axes = np.linalg.eigh(np.swapaxes(deformations, 1, 2) @ deformations)
    strains: Array = np.einsum("sik,sk,sjk->sij", axes, 0.5 * np.log(squares), axes)
    traces = np.trace(strains, axis1=1, axis2=2)
    volumes = np.abs(np.linalg.det(noisy.cells))
    volumes0 = volumes / np.abs(np.linalg.det(deformations))
    energies += volumes0 * (mu * np.sum(strains**2, axis=(1, 2)) + 0.5 * lam * traces**2)
    stresses = 2 * mu * strains + lam * traces[:, None, None] * np.eye(3)
    stresses *= (volumes0 / volumes)[:, None, None]
    virials = 0.5 * np.einsum("pi,pj->pij", gradients, vectors)
    np.add.at(stresses, owner[centre], virials / volumes[owner[centre], None, None])
    return energies, forces, stresses * noisy.system.strained


def _repulsion(
    noisy: Structures, edges: EdgeList, energy: FictitiousEnergy, min_distances: Array
) -> tuple[Array, Array, tuple[Ints, Array]]:
    """Energies and gradients of the pairs that repel, with their centres and vectors."""
    numbers = noisy.numbers
    ranges = energy.repulsion_range * min_distances[numbers[edges.centre], numbers[edges.neighbour]]
    squares = np.einsum("ei,ei->e", edges.vectors, edges.vectors)
    (near,) = np.nonzero((squares < ranges**2) & (energy.repulsion > 0))
    x, vectors = squares[near] / ranges[near] ** 2, edges.vectors[near]
    strengths = -4 * energy.repulsion * (1 - x) / ranges[near] ** 2
    energies = energy.repulsion * (1 - x) ** 2
    return energies, strengths[:, None] * vectors, (edges.centre[near], vectors)


def matched(sites: Structures, drawn: Array, permute: Bools) -> Array:
    """Displacement of each atom from its site in the nearest assignment.

    See :func:`~rm_lammps.response.nearest_sites.matched_displacements`.

    Args:
        sites: equilibrium structures.
        drawn: displacement of each atom from its own site, shape (atoms, 3), Å.
        permute: structures whose identical atoms may exchange sites, shape (structures,).
    """
    problem = _Matching(sites, drawn)
    every = np.arange(len(sites.positions))
    result = problem.remaining(every, problem.follow(every))
    (chosen,) = np.nonzero(permute)
    if len(chosen) == 0:
        return result
    atoms = np.flatnonzero(permute[sites.owner])
    part = Structures(
        sites.positions[atoms],
        sites.numbers[atoms],
        sites.counts[chosen],
        None if sites.cells is None else sites.cells[chosen],
        sites.system,
    )
    problem = _Matching(part, drawn[atoms])
    own = np.arange(len(atoms))
    starts = [problem.follow(own)]
    if part.cells is not None:
        shifts = means(drawn[atoms], part.counts)[part.owner]
        starts.append(part.positions + part.system.invariances.translational(shifts))
    candidates = np.stack([problem.nearest(start) for start in starts])
    sums = np.stack([means(np.sum(u**2, axis=1), part.counts) for u in candidates])
    best = sums.argmin(axis=0)[part.owner]
    result[atoms] = candidates[best, own]
    return result


class _Matching:
    """Sites and noisy positions of some structures."""

    def __init__(self, sites: Structures, drawn: Array) -> None:
        self._sites, self._positions = sites, sites.positions + drawn
        self._owner, self._first = sites.owner, sites.first
        self._invariances = sites.system.invariances
        self._inverses: Array | None = None
        if sites.cells is not None:
            self._inverses = np.asarray(np.linalg.inv(sites.cells), dtype=np.float64)

    def _images(self, vectors: Array, owner: Ints) -> Array:
        cells, inverses = self._sites.cells, self._inverses
        if cells is None or inverses is None:
            return vectors
        return minimum_images(vectors, cells, inverses, owner, self._invariances.images)

    def _means(self, values: Array) -> Array:
        spread: Array = means(values, self._sites.counts)[self._owner]
        return spread

    def follow(self, order: Ints) -> Array:
        """Sites that the atoms are assigned to, moved rigidly to where the atoms are."""
        sites, positions = self._sites.positions[order], self._positions
        axes, translational = self._invariances.rotations, self._invariances.translational
        if all(axes):
            return self._turned(sites)
        offsets: Array = np.subtract(positions, sites, dtype=float)
        # relative to one atom first: a mean over atoms in different images means nothing
        one = offsets[self._first][self._owner]
        mean = translational(one + self._means(self._images(offsets - one, self._owner)))
        rest = self._means(self._images(offsets - mean, self._owner))
        moved = sites + mean + translational(rest)
        return self._turned_about(axes.index(True), moved) if any(axes) else moved

    def _turned_about(self, axis: int, sites: Array) -> Array:
        """Turn sites that are where the atoms are about an axis through their centre."""
        centre = self._means(sites)
        own = sites - centre
        others = own + self._images(self._positions - sites, self._owner)
        j, k = (axis + 1) % 3, (axis + 2) % 3
        along = self._means(own[:, j] * others[:, j] + own[:, k] * others[:, k])
        across = self._means(own[:, j] * others[:, k] - own[:, k] * others[:, j])
        angles = np.arctan2(across, along)
        turned = own.copy()
        turned[:, j] = np.cos(angles) * own[:, j] - np.sin(angles) * own[:, k]
        turned[:, k] = np.sin(angles) * own[:, j] + np.cos(angles) * own[:, k]
        return centre + turned

    def _turned(self, sites: Array) -> Array:
        centred = sites - self._means(sites)
        target = self._means(self._positions)
        products = np.einsum("ni,nj->nij", centred, self._positions - target)
        left, _, right = np.linalg.svd(means(products, self._sites.counts))
        sign = np.sign(np.linalg.det(left @ right))
        left[:, :, 2] *= sign[:, None]
        return np.einsum("ni,nij->nj", centred, (left @ right)[self._owner]) + target

    def remaining(self, order: Ints, moved: Array) -> Array:
        """Displacements from moved sites, given in the sites' own order, with zero mean."""
        apart: Array = np.subtract(self._positions, moved[order], dtype=float)
        vectors = self._images(apart, self._owner)
        return vectors - self._invariances.translational(self._means(vectors))

    def nearest(self, moved: Array) -> Array:
        """Improve assignment and rigid motion in turn; displacements, shape (atoms, 3)."""
        groups = _Groups.of(self._sites)
        order = np.arange(len(moved))
        active = np.ones(len(self._sites), dtype=bool)
        for _ in range(_MAX_ROUNDS):
            new = self._assign(moved, order, groups, active)
            changed = np.add.reduceat(new != order, self._first) > 0
            if not changed.any():
                break
            order = new
            followed = np.empty_like(moved)
            # back to the sites' own order, in which the next assignment is sought
            followed[order] = self.follow(order)
            moved = np.where(changed[self._owner, None], followed, moved)
            active = changed
        return self.remaining(order, moved)

    def _assign(self, moved: Array, order: Ints, groups: "_Groups", active: Bools) -> Ints:
        """For each atom its site under the permutation of least squares; others keep theirs."""
        new = order.copy()
        pairs = active[groups.owner[groups.group]]
        rows, columns = groups.rows[pairs], groups.columns[pairs]
        apart: Array = np.subtract(self._positions[rows], moved[columns], dtype=float)
        vectors = self._images(apart, self._owner[rows])
        squares = np.einsum("pi,pi->p", vectors, vectors)
        start = 0
        for group in np.flatnonzero(active[groups.owner]):
            size = groups.sizes[group]
            matrix = squares[start : start + size * size].reshape(size, size)
            start += size * size
            members = groups.members[groups.first[group] : groups.first[group] + size]
            if size == 2:
                swap = matrix[0, 0] + matrix[1, 1] > matrix[0, 1] + matrix[1, 0]
                new[members] = members[::-1] if swap else members
            else:
                new[members] = members[linear_sum_assignment(matrix)[1]]
        return new


@dataclass(frozen=True)
class _Groups:
    """Atoms of the same species in the same structure, where there are several."""

    members: Ints
    sizes: Ints
    first: Ints
    owner: Ints
    rows: Ints
    columns: Ints
    group: Ints

    @classmethod
    def of(cls, structures: Structures) -> "_Groups":
        keys = structures.owner * 256 + structures.numbers
        order = np.argsort(keys, kind="stable")
        _, sizes = np.unique(keys, return_counts=True)
        several = np.repeat(sizes > 1, sizes)
        members, sizes = order[several], sizes[sizes > 1]
        first = np.cumsum(sizes) - sizes
        rows, columns, group = pairs_within_groups(sizes)
        return cls(
            members,
            sizes,
            first,
            structures.owner[members[first]],
            members[rows],
            members[columns],
            group,
        )
