"""Many structures at once: the same labels and edges as one by one."""

import ase
import numpy as np
import pytest
from ase.build import bulk, make_supercell, molecule
from ase.geometry import minkowski_reduce
from hypothesis import given, settings
from hypothesis import strategies as st

from rm_lammps.geometry import pairs_within
from rm_lammps.response import FictitiousEnergy, NoiseConfig, matched_displacements
from rm_lammps.response.batches import matched, noisy_structures
from rm_lammps.response.edges import find_edges
from rm_lammps.response.energy import distance_table
from rm_lammps.response.structures import Structures

SEEDS = st.integers(0, 2**32 - 1)
ENERGY = FictitiousEnergy(repulsion=2.0, repulsion_range=1.0)
DISTANCES = distance_table(
    {"C-C": 1.54, "Na-Na": 3.9, "Cl-Na": 2.8, "Cl-Cl": 3.9, "C-H": 1.1, "H-H": 1.7, "C-O": 1.2}
)
CUTOFF = 4.5


def reduced(atoms):
    atoms.set_cell(minkowski_reduce(atoms.cell.array)[0])
    return atoms


CRYSTALS = [
    bulk("C", cubic=True),
    reduced(bulk("NaCl", "rocksalt", a=5.64)),
    reduced(make_supercell(bulk("C"), [[1, 0, 0], [1, 3, 0], [0, 1, 1]])),
    ase.Atoms("C", cell=[1.9, 2.2, 9.0], pbc=True),
    bulk("NaCl", "rocksalt", a=5.64, cubic=True),
]
MOLECULES = [molecule(name) for name in ("CH4", "C2H2", "C6H6", "CO", "C2H6")] + [ase.Atoms("C")]


def parts(structures):
    for first, count in zip(structures.first, structures.counts, strict=True):
        yield slice(first, first + count)


def edges_by_pair(centre, neighbour, vectors):
    rows = np.column_stack([centre, neighbour, np.round(vectors, 5) + 0.0])
    return rows[np.lexsort(rows.T[::-1])]


@pytest.mark.parametrize("frames", [CRYSTALS, MOLECULES], ids=["crystals", "molecules"])
@given(seed=SEEDS, cutoff=st.floats(1.0, 7.0))
@settings(max_examples=20, deadline=None)
def test_edges_are_those_of_matscipy(frames, seed, cutoff):
    structures = Structures.of(frames)
    rng = np.random.default_rng(seed)
    moved = structures.positions + 3 * rng.standard_normal(structures.positions.shape)
    structures = Structures(moved, structures.numbers, structures.counts, structures.cells)
    edges = find_edges(structures, cutoff)
    for number, part in enumerate(parts(structures)):
        cell = np.eye(3) if structures.cells is None else structures.cells[number]
        i, j, vectors = pairs_within(
            "ijD", moved[part], cell, periodic=structures.cells is not None, cutoff=cutoff
        )
        own = (edges.centre >= part.start) & (edges.centre < part.stop)
        np.testing.assert_allclose(
            edges_by_pair(edges.centre[own], edges.neighbour[own], edges.vectors[own]),
            edges_by_pair(i + part.start, j + part.start, vectors),
            atol=2e-5,
        )


@pytest.mark.parametrize("frames", [CRYSTALS, MOLECULES], ids=["crystals", "molecules"])
@given(seed=SEEDS, sigma=st.floats(0.0, 1.2), permute=st.booleans())
@settings(max_examples=25, deadline=None)
def test_assignments_are_those_of_single_structures(frames, seed, sigma, permute):
    structures = Structures.of(frames)
    drawn = sigma * np.random.default_rng(seed).standard_normal(structures.positions.shape)
    chosen = np.arange(len(frames)) % 2 == int(permute)
    found = matched(structures, drawn, chosen)
    for number, part in enumerate(parts(structures)):
        cell = None if structures.cells is None else structures.cells[number]
        expected = matched_displacements(
            structures.positions[part],
            drawn[part],
            structures.numbers[part],
            cell,
            permute=bool(chosen[number]),
        )
        np.testing.assert_allclose(found[part], expected, atol=1e-7)


@pytest.mark.parametrize("frames", [CRYSTALS, MOLECULES], ids=["crystals", "molecules"])
@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_labels_are_those_of_single_structures(frames, seed):
    sites = Structures.of(frames)
    noise = NoiseConfig(displacement=0.4, permute_above=0.2, shear=0.1, dilation=(-0.2, 0.3))
    noisy = noisy_structures(
        sites, noise, ENERGY, DISTANCES, np.random.default_rng(seed), cutoff=CUTOFF
    )
    for number, part in enumerate(parts(sites)):
        positions = noisy.structures.positions[part]
        cell = deformation = cell0 = None
        drawn = positions - sites.positions[part]
        if sites.cells is not None:
            cell, cell0 = noisy.structures.cells[number], sites.cells[number]
            deformation = np.linalg.solve(cell0, cell)
            drawn = positions @ np.linalg.inv(deformation) - sites.positions[part]
        displacements = matched_displacements(
            sites.positions[part],
            drawn,
            sites.numbers[part],
            cell0,
            permute=bool(noisy.sigmas[part][0] > noise.permute_above),
        )
        labels = ENERGY.labels(
            positions,
            displacements,
            sites.numbers[part],
            min_distances=DISTANCES,
            cell=cell,
            deformation=deformation,
        )
        assert noisy.energies[number] == pytest.approx(labels.energy, rel=1e-7, abs=1e-9)
        np.testing.assert_allclose(noisy.forces[part], labels.forces, atol=1e-7)
        if labels.stress is not None:
            np.testing.assert_allclose(noisy.stresses[number], labels.stress, atol=1e-9)


@given(SEEDS, st.floats(0.0, 0.4), st.floats(0.0, 0.5), st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_levels_stay_in_their_range(seed, low, width, strain_min):
    noise = NoiseConfig(displacement_min=low, displacement=low + width, strain_min=strain_min)
    sigmas, strains = noise.draw_levels(np.random.default_rng(seed), 200)
    assert sigmas.min() >= low - 1e-12
    assert sigmas.max() <= low + width + 1e-12
    assert strains.min() >= strain_min
    assert strains.max() <= 1


def test_a_share_of_samples_has_no_noise_at_all():
    noise = NoiseConfig(displacement_min=0.1, strain_min=0.2, noiseless=0.25)
    sites = Structures.of([bulk("C", cubic=True)] * 400)
    noisy = noisy_structures(
        sites, noise, FictitiousEnergy(), DISTANCES, np.random.default_rng(1), cutoff=3.0
    )
    silent = noisy.sigmas[::8] == 0
    assert 60 < silent.sum() < 140
    np.testing.assert_allclose(noisy.forces[np.repeat(silent, 8)], 0, atol=1e-12)
    np.testing.assert_allclose(noisy.stresses[silent], 0, atol=1e-12)
    np.testing.assert_allclose(noisy.energies[silent], 0, atol=1e-12)
    assert (noisy.energies[~silent] > 0.01).all()


def test_structures_without_repelling_pairs_have_labels():
    sites = Structures.of([bulk("C", cubic=True)])
    rng = np.random.default_rng(1)
    noisy = noisy_structures(
        sites, NoiseConfig(), FictitiousEnergy(), DISTANCES, rng, cutoff=3.0, level=0.0
    )
    np.testing.assert_allclose(noisy.forces, 0, atol=1e-12)


def test_a_range_the_wrong_way_round_is_refused():
    with pytest.raises(ValueError, match="displacement_min"):
        NoiseConfig(displacement_min=0.6, displacement=0.5)
