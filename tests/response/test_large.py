"""Large cells under noise: as small ones, and crops that are exact in their middle."""

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from rm_lammps.response import FictitiousEnergy, NoiseConfig
from rm_lammps.response.batches import matched, noisy_structures
from rm_lammps.response.energy import distance_table
from rm_lammps.response.large import Room, _by_distance, _matched, cropped, joined, noisy_cell
from rm_lammps.response.structures import Structures
from rm_lammps.systems import find_system

CUTOFF = 4.0
DISTANCES = distance_table({"Na-Cl": 2.8, "Na-Na": 3.9, "Cl-Cl": 3.9})
CRYSTAL = find_system("crystal")
ENERGY = FictitiousEnergy(repulsion=0.5)


def salt():
    """512 atoms, not at the sites of a lattice."""
    atoms = bulk("NaCl", "rocksalt", a=5.6, cubic=True).repeat(4)
    atoms.rattle(0.1, seed=1)
    return atoms


SALT = salt()
EVERYTHING = Room(10_000, 10**9, 10_000)


def noisy(noise, seed=0, room=EVERYTHING, level=None):
    rng = np.random.default_rng(seed)
    limits = {"cutoff": CUTOFF, "room": room, "level": level}
    return noisy_cell(SALT, CRYSTAL, noise, ENERGY, DISTANCES, rng, **limits)


@given(st.integers(0, 1000), st.floats(0.1, 1.0))
@settings(max_examples=5, deadline=None)
def test_the_nearest_permutation_is_that_of_all_pairs(seed, sigma):
    drawn = sigma * np.random.default_rng(seed).standard_normal(SALT.positions.shape)
    drawn -= drawn.mean(axis=0)
    found = _matched(SALT, drawn, np.ones(len(SALT), dtype=bool))
    expected = matched(Structures.of([SALT], CRYSTAL), drawn, np.array([True]))
    assert (found**2).sum() == pytest.approx((expected**2).sum(), rel=0.01)
    # where the atoms are, less their displacements, all sites are taken once
    sites = SALT.positions + drawn - found
    apart = sites[:, None] - SALT.positions
    apart -= np.round(apart / SALT.cell.lengths()) * SALT.cell.lengths()
    # up to the mean that both take away
    offset = apart[0, np.abs(apart[0]).sum(axis=1).argmin()]
    taken = np.linalg.norm(apart - offset, axis=2).argmin(axis=1)
    assert len(set(taken)) == len(SALT)
    assert (SALT.numbers[taken] == SALT.numbers).all()


def test_without_regions_a_large_cell_is_like_a_small_one():
    noise = NoiseConfig(displacement=0.1, permute_above=1.0, shear=0.05, dilation=(-0.1, 0.1))
    mine = noisy(noise, level=1.0)
    theirs = noisy_structures(
        Structures.of([SALT], CRYSTAL),
        noise,
        ENERGY,
        DISTANCES,
        np.random.default_rng(0),
        cutoff=CUTOFF,
        level=1.0,
    )
    assert len(mine.edges.centre) == pytest.approx(len(theirs.edges.centre), rel=0.05)
    assert mine.forces.std() == pytest.approx(theirs.forces.std(), rel=0.05)
    assert mine.energies[0] / len(SALT) == pytest.approx(theirs.energies[0] / len(SALT), rel=0.5)
    assert mine.complete.all()


def test_regions_have_noise_of_their_own():
    noise = NoiseConfig(displacement=0.5, region_atoms=64)
    sigmas = noisy(noise).sigmas
    assert 2 <= len(np.unique(sigmas)) <= 8
    assert len(np.unique(noisy(NoiseConfig(displacement=0.5)).sigmas)) == 1


def test_a_crop_has_all_edges_of_its_atoms_and_complete_ones_in_its_middle():
    noise = NoiseConfig(displacement=0.3, region_atoms=64)
    whole = noisy(noise)
    order = _by_distance(whole.structures, np.array([0.5, 0.5, 0.5]))
    crop = cropped(whole, order, Room(300, 10**9, 512))
    counts = np.bincount(whole.edges.centre, minlength=512)
    assert len(crop.edges.centre) == counts[order[:300]].sum()
    numbers = crop.structures.numbers[np.unique(crop.edges.centre)]
    assert (numbers == 11).sum() == 150
    assert 0 < crop.complete.sum() < 300
    # neighbours of complete atoms are centres themselves
    central = np.bincount(crop.edges.centre, minlength=len(crop.complete)) > 0
    assert central[crop.edges.neighbour[crop.complete[crop.edges.centre]]].all()
    assert crop.volumes[0] == pytest.approx(whole.volumes[0] * 300 / 512)
    assert crop.forces[crop.complete].std() > 0


@given(st.integers(0, 10**6), st.integers(120, 500))
@settings(max_examples=10, deadline=None)
def test_noise_never_exceeds_the_room(seed, central):
    density = len(SALT) / SALT.get_volume()
    neighbours = 4 / 3 * np.pi * CUTOFF**3 * density
    room = Room.of(central, density, CUTOFF, neighbours)
    found = noisy(NoiseConfig(displacement=1.0, dilation=(-0.2, 0.2)), seed, room)
    assert len(np.unique(found.edges.centre)) <= room.central
    assert len(found.edges.centre) <= room.edges
    both = joined([found, found])
    assert len(both.edges.centre) == 2 * len(found.edges.centre)
    assert both.edges.neighbour.max() < len(both.structures.positions)
