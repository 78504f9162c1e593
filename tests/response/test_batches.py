"""Many structures at once: the same labels and edges as one by one."""

import ase
import numpy as np
import pytest
from ase.build import bulk, make_supercell, molecule
from ase.geometry import minkowski_reduce
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from rm_lammps.geometry import pairs_within
from rm_lammps.response import FictitiousEnergy, NoiseConfig, matched_displacements
from rm_lammps.response.batches import matched, noisy_structures
from rm_lammps.response.edges import find_edges
from rm_lammps.response.energy import distance_table
from rm_lammps.response.structures import Structures
from rm_lammps.systems import Invariances, find_system
from rm_lammps.systems.kinds.layer import Layer

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


class Chain(Layer):
    """Periodic along one direction, about which it may be turned."""

    name = "chain"
    pbc = (False, False, True)


class Held(Layer):
    """Held where it is along its normal: models of it are not blind to heights."""

    name = "held"

    @property
    def invariances(self):
        return Invariances(images=self.pbc, translations=(True, True, False))


def in_vacuum(system, *frames):
    for atoms in frames:
        atoms.pbc = system.pbc
    return [system.standard(atoms) for atoms in frames]


def flat():
    sheet = ase.Atoms(
        "C2", [[0, 0, 9], [1.23, 0.71, 9]], cell=[[2.46, 0, 0], [1.23, 2.13, 0], [0, 0, 20]]
    )
    return sheet, bulk("NaCl", "rocksalt", a=5.64, cubic=True), bulk("C", cubic=True)


SYSTEMS = {
    "crystals": (CRYSTALS, find_system("crystal")),
    "molecules": (MOLECULES, find_system("molecule")),
    "layers": (in_vacuum(Layer(), *flat()), Layer()),
    "held": (in_vacuum(Held(), *flat()), Held()),
    "chains": (in_vacuum(Chain(), *flat()[1:]), Chain()),
}
ALL = pytest.mark.parametrize(("frames", "system"), SYSTEMS.values(), ids=list(SYSTEMS))


def parts(structures):
    for first, count in zip(structures.first, structures.counts, strict=True):
        yield slice(first, first + count)


def edges_by_pair(centre, neighbour, vectors):
    rows = np.column_stack([centre, neighbour, np.round(vectors, 5) + 0.0])
    return rows[np.lexsort(rows.T[::-1])]


@ALL
@given(seed=SEEDS, cutoff=st.floats(1.0, 7.0))
@settings(max_examples=20, deadline=None)
def test_edges_are_those_of_matscipy(frames, system, seed, cutoff):
    structures = Structures.of(frames, system)
    rng = np.random.default_rng(seed)
    moved = structures.positions + 3 * rng.standard_normal(structures.positions.shape)
    structures = Structures(
        moved, structures.numbers, structures.counts, structures.cells, structures.system
    )
    edges = find_edges(structures, cutoff)
    for number, part in enumerate(parts(structures)):
        cell = np.eye(3) if structures.cells is None else structures.cells[number]
        i, j, vectors = pairs_within(
            "ijD", moved[part], cell, pbc=structures.system.pbc, cutoff=cutoff
        )
        own = (edges.centre >= part.start) & (edges.centre < part.stop)
        np.testing.assert_allclose(
            edges_by_pair(edges.centre[own], edges.neighbour[own], edges.vectors[own]),
            edges_by_pair(i + part.start, j + part.start, vectors),
            atol=2e-5,
        )


@ALL
@given(seed=SEEDS, sigma=st.floats(0.0, 1.2), permute=st.booleans())
@settings(max_examples=25, deadline=None)
def test_assignments_are_those_of_single_structures(frames, system, seed, sigma, permute):
    structures = Structures.of(frames, system)
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
            structures.system,
            permute=bool(chosen[number]),
        )
        np.testing.assert_allclose(found[part], expected, atol=1e-7)


@ALL
@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_labels_are_those_of_single_structures(frames, system, seed):
    sites = Structures.of(frames, system)
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
            sites.system,
            permute=bool(noisy.sigmas[part][0] > noise.permute_above),
        )
        labels = ENERGY.labels(
            positions,
            displacements,
            sites.numbers[part],
            sites.system,
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
    sites = Structures.of([bulk("C", cubic=True)] * 400, find_system("crystal"))
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
    sites = Structures.of([bulk("C", cubic=True)], find_system("crystal"))
    rng = np.random.default_rng(1)
    noisy = noisy_structures(
        sites, NoiseConfig(), FictitiousEnergy(), DISTANCES, rng, cutoff=3.0, level=0.0
    )
    np.testing.assert_allclose(noisy.forces, 0, atol=1e-12)


def test_a_range_the_wrong_way_round_is_refused():
    with pytest.raises(ValueError, match="displacement_min"):
        NoiseConfig(displacement_min=0.6, displacement=0.5)


def labels_at(positions, cell, sites, system):
    """Labels of one noisy structure from where its atoms and vectors are."""
    cell0, numbers = sites.cell.array, sites.numbers
    # what is not strained is no cell, and stays
    deformation = np.where(system.strained, np.linalg.solve(cell0, cell), np.eye(3))
    drawn = positions @ np.linalg.inv(deformation) - sites.positions
    u = matched_displacements(sites.positions, drawn, numbers, cell0, system)
    return ENERGY.labels(
        positions,
        u,
        numbers,
        system,
        min_distances=DISTANCES,
        cell=cell0 @ deformation,
        deformation=deformation,
    )


IN_VACUUM = pytest.mark.parametrize(
    ("sites", "system"),
    [(SYSTEMS[name][0][number], SYSTEMS[name][1]) for name, number in
     (("layers", 0), ("layers", 1), ("held", 1), ("chains", 1))],
)  # fmt: skip


@IN_VACUUM
@given(SEEDS)
@settings(max_examples=10, deadline=None)
def test_forces_and_stress_in_vacuum_are_derivatives(sites, system, seed):
    rng = np.random.default_rng(seed)
    stretch = np.eye(3) + 0.05 * rng.standard_normal((3, 3)) * system.strained
    stretch = 0.5 * (stretch + stretch.T)
    positions = (sites.positions + 0.1 * rng.standard_normal(sites.positions.shape)) @ stretch
    cell = sites.cell.array @ stretch
    labels = labels_at(positions, cell, sites, system)
    move, strain = rng.standard_normal(positions.shape), rng.standard_normal((3, 3))
    strain = 0.5 * (strain + strain.T) * system.strained
    h = 1e-5
    up, down = (labels_at(positions + s * h * move, cell, sites, system).energy for s in (1, -1))
    assert (down - up) / (2 * h) == pytest.approx(np.sum(labels.forces * move), rel=1e-4, abs=1e-6)
    up, down = (
        labels_at(positions @ f, cell @ f, sites, system).energy
        for f in (np.eye(3) + h * strain, np.eye(3) - h * strain)
    )
    virial = np.sum(labels.stress * strain) * abs(np.linalg.det(cell))
    assert (up - down) / (2 * h) == pytest.approx(virial, rel=1e-4, abs=1e-6)
    assert not labels.stress[~system.strained].any()


@IN_VACUUM
@given(SEEDS)
@settings(max_examples=10, deadline=None)
def test_what_a_system_is_invariant_to_has_no_response(sites, system, seed):
    rng = np.random.default_rng(seed)
    cell, invariances = sites.cell.array, system.invariances
    positions = sites.positions + 0.05 * rng.standard_normal(sites.positions.shape)
    before = labels_at(positions, cell, sites, system)
    shift = rng.uniform(-0.2, 0.2, 3)
    turn = Rotation.from_rotvec(rng.uniform(-0.2, 0.2) * np.array(invariances.rotations))
    centre = positions.mean(axis=0)
    images = rng.integers(-1, 2, positions.shape) * invariances.images @ cell
    moved = turn.apply(positions - centre) + centre + shift * invariances.translations + images
    after = labels_at(moved, cell, sites, system)
    assert after.energy == pytest.approx(before.energy, rel=1e-5, abs=1e-7)
    np.testing.assert_allclose(after.forces, turn.apply(before.forces), atol=1e-4)
    held = ~np.array(invariances.translations)
    np.testing.assert_allclose(after.forces.sum(axis=0)[~held], 0, atol=1e-8)
    # what is held is pulled back
    lifted = labels_at(positions + 0.1 * held, cell, sites, system)
    pull = (lifted.forces - before.forces).sum(axis=0)
    np.testing.assert_allclose(pull, -0.1 * len(sites) * held, atol=1e-8)
