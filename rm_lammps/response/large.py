"""Cells of thousands of atoms under noise: regions with noise of their own, crops of fixed size.

What is computed is what :mod:`~rm_lammps.response.batches` computes for small structures, by
neighbour lists instead of all pairs. A crop holds some atoms with all of their edges. E~ is a sum
of atomic energies that depend on an atom's own edges, so in a crop the energies of these atoms are
those of the whole cell, and the forces of those among them whose neighbours all belong to it.
"""

import dataclasses
from dataclasses import dataclass
from math import ceil

import ase
import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from rm_lammps.geometry import Array, pairs_within
from rm_lammps.response.batches import NoisyStructures, label
from rm_lammps.response.edges import EdgeList
from rm_lammps.response.energy import FictitiousEnergy
from rm_lammps.response.noise import NoiseConfig
from rm_lammps.response.structures import Bools, Ints, Structures
from rm_lammps.systems import System

LARGE = 500
"""Atoms from which neighbour lists are quicker than all pairs."""
_EDGES, _SHELL = 1.03, 1.2
"""Of what noise without strain would need."""
_REACH = 1.25
"""Farthest site that an atom is assigned to, in units of the distance between alike sites."""


@dataclass(frozen=True)
class Room:
    """What a crop may hold."""

    central: int
    """Atoms with all of their edges."""
    edges: int
    atoms: int
    """With the neighbours of the central ones, about."""

    @classmethod
    def of(cls, central: int, density: float, cutoff: float, neighbours: float) -> "Room":
        """Room for a sphere of atoms.

        Args:
            central: atoms with all of their edges.
            density: atoms per Å³, the highest that noise makes.
            cutoff: of the edges, Å.
            neighbours: of an atom at that density.
        """
        shell = (1 + _SHELL * cutoff / radius(central, density)) ** 3
        return cls(central, ceil(_EDGES * central * neighbours), ceil(central * shell))


def radius(atoms: int, density: float) -> float:
    """Radius of a sphere with so many atoms of a density (atoms per Å³), Å."""
    return float((3 * atoms / (4 * np.pi * density)) ** (1 / 3))


def noisy_cell(
    atoms: ase.Atoms,
    system: System,
    noise: NoiseConfig,
    energy: FictitiousEnergy,
    min_distances: Array,
    rng: np.random.Generator,
    *,
    cutoff: float,
    room: Room,
    level: float | None = None,
    scale: float = 1.0,
    counted: Bools | None = None,
) -> NoisyStructures:
    """Draw noise for a large periodic cell, label it, and crop what would not fit.

    Args:
        atoms: equilibrium structure.
        system: what it is, periodic in all directions.
        noise: its distribution.
        energy: the fictitious energy.
        min_distances: of :func:`~rm_lammps.response.energy.distance_table`.
        rng: source of randomness.
        cutoff: of the edges, Å; at least the range of the repulsion.
        room: what the result may hold.
        level: fix both noise levels (0 to 1) instead of drawing them.
        scale: that the noise is multiplied by.
        counted: atoms whose forces count, shape (atoms,); nothing for all.
    """
    sigmas = scale * _sigmas(atoms, noise, rng, level)
    strains = scale * noise.draw_levels(rng, 1, level=level)[1]
    drawn = sigmas[:, None] * rng.standard_normal(atoms.positions.shape)
    drawn -= drawn.mean(axis=0)
    displacements = _matched(atoms, drawn, sigmas > noise.permute_above)
    deformations = noise.deformations(rng, strains, system.strained)
    noisy = Structures(
        (atoms.positions + drawn) @ deformations[0],
        atoms.numbers.astype(int),
        np.array([len(atoms)]),
        (atoms.cell.array @ deformations[0])[None],
        system,
    )
    edges = _edges(noisy, cutoff)
    labels = label(noisy, displacements, deformations, edges, energy, min_distances)
    whole = NoisyStructures.whole(noisy, sigmas, labels, edges)
    if counted is not None:
        whole = dataclasses.replace(whole, complete=counted)
    if len(atoms) <= room.central and len(edges.centre) <= room.edges:
        return whole
    return cropped(whole, _by_distance(noisy, rng.random(3)), room)


def _sigmas(
    atoms: ase.Atoms, noise: NoiseConfig, rng: np.random.Generator, level: float | None
) -> Array:
    """Standard deviation of each atom's coordinates, alike in a region around a random point."""
    count = 1 if noise.region_atoms is None else max(1, len(atoms) // noise.region_atoms)
    sigmas, _ = noise.draw_levels(rng, count, level=level)
    points = rng.random((count, 3))
    places = atoms.get_scaled_positions()
    best, region = np.full(len(atoms), np.inf), np.zeros(len(atoms), dtype=int)
    for number, point in enumerate(points):
        squares = _squares(places - point, atoms.cell.array)
        nearer = squares < best
        best[nearer], region[nearer] = squares[nearer], number
    spread: Array = sigmas[region]
    return spread


def _squares(fractional: Array, cell: Array) -> Array:
    """Squared lengths of vectors, wrapped to the nearest image but in strongly skewed cells."""
    vectors = (fractional - np.round(fractional)) @ cell
    squares: Array = np.einsum("ni,ni->n", vectors, vectors)
    return squares


def _edges(noisy: Structures, cutoff: float) -> EdgeList:
    if noisy.cells is None:
        raise ValueError("only periodic cells are large")
    centre, neighbour, vectors = pairs_within(
        "ijD", noisy.positions, noisy.cells[0], pbc=noisy.system.pbc, cutoff=cutoff
    )
    order = np.argsort(centre, kind="stable")
    return EdgeList(centre[order].astype(int), neighbour[order].astype(int), vectors[order])


def _matched(atoms: ase.Atoms, drawn: Array, permute: np.ndarray) -> Array:
    """Displacement of each atom from its site in the nearest permutation, shape (n, 3), Å."""
    result = drawn.copy()
    for number in np.unique(atoms.numbers[permute]):
        members = np.flatnonzero(permute & (atoms.numbers == number))
        alike = int((atoms.numbers == number).sum())
        reach = _REACH * (atoms.get_volume() / alike) ** (1 / 3)
        result[members] = _assigned(
            atoms.positions[members], drawn[members], atoms.cell.array, reach
        )
    centred: Array = result - result.mean(axis=0)
    return centred


def _assigned(sites: Array, drawn: Array, cell: Array, reach: float) -> Array:
    """Displacements under the permutation of least squares, to near sites or the own one."""
    count = len(sites)
    both = np.concatenate([sites + drawn, sites])
    first, second, vectors = pairs_within("ijD", both, cell, pbc=(True,) * 3, cutoff=reach)
    other = (first < count) & (second >= count) & (second != first + count)
    own = np.arange(count)
    rows = np.concatenate([own, first[other]])
    columns = np.concatenate([own, second[other] - count])
    # from the atom to the site: the displacement's negative
    moves = np.concatenate([drawn, -vectors[other]])
    squares = np.einsum("pi,pi->p", moves, moves)
    # of several images of a site the nearest one counts
    order = np.lexsort((squares, columns, rows))
    rows, columns, moves, squares = rows[order], columns[order], moves[order], squares[order]
    fresh = np.r_[True, (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])]
    rows, columns, moves, squares = rows[fresh], columns[fresh], moves[fresh], squares[fresh]
    # a weight of zero would be no edge of the graph
    graph = csr_matrix((squares + 1e-6, (rows, columns)), shape=(count, count))
    _, chosen = min_weight_full_bipartite_matching(graph)
    place = np.searchsorted(rows * count + columns, own * count + chosen)
    assigned: Array = moves[place]
    return assigned


def _by_distance(noisy: Structures, point: Array) -> Ints:
    """Atoms by distance from a point, each species in proportion to its share of the cell."""
    if noisy.cells is None:
        raise ValueError("only periodic cells are large")
    cell = noisy.cells[0]
    squares = _squares(noisy.positions @ np.linalg.inv(cell) - point, cell)
    order = np.argsort(squares, kind="stable")
    turn = np.empty(len(order))
    for number in np.unique(noisy.numbers):
        (members,) = np.nonzero(noisy.numbers[order] == number)
        turn[members] = (np.arange(len(members)) + 0.5) / len(members)
    return order[np.argsort(turn, kind="stable")]


def cropped(whole: NoisyStructures, order: Ints, room: Room) -> NoisyStructures:
    """Keep the first of some atoms with all of their edges, and the neighbours without theirs.

    The volume that belongs to a crop is the share of the cell's that its atoms are of all atoms, so
    that its virial makes the cell's stress.

    Args:
        whole: one structure.
        order: its atoms, those to keep first.
        room: what the crop may hold.
    """
    structures, edges = whole.structures, whole.edges
    count = len(structures.positions)
    held = np.cumsum(np.bincount(edges.centre, minlength=count)[order])
    central = np.zeros(count, dtype=bool)
    central[order[: min(room.central, int(np.searchsorted(held, room.edges, side="right")))]] = True
    kept = central[edges.centre]
    centre, neighbour = edges.centre[kept], edges.neighbour[kept]
    complete = central & whole.complete
    complete[centre[~central[neighbour]]] = False
    present = central.copy()
    present[neighbour] = True
    place = np.cumsum(present) - 1
    share = central.sum() / count
    return dataclasses.replace(
        whole,
        structures=Structures(
            structures.positions[present],
            structures.numbers[present],
            np.array([present.sum()]),
            structures.cells,
            structures.system,
        ),
        sigmas=whole.sigmas[present],
        forces=whole.forces[present],
        energies=whole.energies * share,
        volumes=None if whole.volumes is None else whole.volumes * share,
        complete=complete[present],
        edges=EdgeList(place[centre], place[neighbour], edges.vectors[kept]),
    )


def joined(parts: list[NoisyStructures]) -> NoisyStructures:
    """Put noisy structures side by side; all periodic."""
    counts = np.concatenate([part.structures.counts for part in parts])
    shifts = np.cumsum([0, *(len(part.structures.positions) for part in parts[:-1])])
    structures = [part.structures for part in parts]
    edges = EdgeList(
        np.concatenate([p.edges.centre + s for p, s in zip(parts, shifts, strict=True)]),
        np.concatenate([p.edges.neighbour + s for p, s in zip(parts, shifts, strict=True)]),
        np.concatenate([part.edges.vectors for part in parts]),
    )
    return NoisyStructures(
        Structures(
            np.concatenate([one.positions for one in structures]),
            np.concatenate([one.numbers for one in structures]),
            counts,
            np.concatenate([one.cells for one in structures if one.cells is not None]),
            structures[0].system,
        ),
        np.concatenate([part.sigmas for part in parts]),
        np.concatenate([part.energies for part in parts]),
        np.concatenate([part.forces for part in parts]),
        np.concatenate([part.stresses for part in parts if part.stresses is not None]),
        np.concatenate([part.volumes for part in parts if part.volumes is not None]),
        np.concatenate([part.complete for part in parts]),
        edges,
    )
