"""Slabs that are the same up to motions within the plane, cells and turning over."""

import ase
import numpy as np
import pytest
from ase.build import add_adsorbate, fcc100, fcc111, make_supercell
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher

from rm_lammps.geometry.symmetry import space_group
from rm_lammps.systems import find_system

SLAB = find_system("slab")
MATCHER = StructureMatcher()


def covered(position, cut=fcc100, size=(2, 2, 3)):
    slab = cut("Cu", size, vacuum=8.0)
    add_adsorbate(slab, "O", 1.2, position)
    slab.center(vacuum=8.0, axis=2)
    slab.pbc = SLAB.pbc
    return slab


def same(first, second):
    return SLAB.identity(first).same(SLAB.identity(second), MATCHER)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), over=st.booleans(), times=st.sampled_from([(1, 1), (2, 1)]))
def test_motions_cells_and_noise_change_nothing(seed, over, times):
    rng = np.random.default_rng(seed)
    start = covered("hollow")
    moved = start.copy()
    moved.positions += 0.03 * rng.standard_normal(moved.positions.shape)
    moved = moved.repeat((*times, 1))
    # another cell of the same lattice, turned about the normal
    shear = np.eye(3, dtype=int)
    shear[1, 0] = rng.integers(-2, 3)
    moved = make_supercell(moved, shear)
    moved.pbc = SLAB.pbc
    moved.positions[:, :2] += rng.uniform(-5, 5, 2)
    moved.rotate(rng.uniform(0, 360), "z", rotate_cell=True)
    if over:
        moved.positions[:, 1:] *= -1
        moved.set_cell(moved.cell.array * [1, -1, 1] * [[1], [1], [1]])
        moved.center(vacuum=8.0, axis=2)
    moved = moved[rng.permutation(len(moved))]
    assert same(start, moved)
    assert same(moved, start)
    assert not same(covered("bridge"), moved)


def test_what_differs():
    assert not same(covered("hollow"), covered("ontop"))
    assert not same(covered("ontop"), covered("ontop", fcc111))
    assert not same(covered("ontop", fcc111), covered("fcc", fcc111))
    assert not same(covered("fcc", fcc111), covered("hcp", fcc111))
    assert not same(covered("hollow"), covered("hollow", size=(2, 2, 4)))
    stretched = covered("hollow")
    stretched.set_cell(stretched.cell.array * [1.4, 1, 1], scale_atoms=True)
    assert not same(covered("hollow"), stretched)


def test_one_cell_of_many():
    assert len(SLAB.identity(fcc100("Cu", (3, 2, 4), vacuum=8.0)).numbers) == 4
    assert len(SLAB.identity(covered("hollow")).numbers) == 13


def test_validity_and_group():
    slab = covered("hollow")
    assert SLAB.pieces(slab) == 1
    slab.positions[-1, 2] += 4.0
    assert SLAB.pieces(slab) == 2
    assert str(space_group(covered("hollow"))) == "p4mm, layer group 55"
    assert space_group(ase.Atoms("Cu")).number == 0
    assert str(space_group(fcc111("Cu", (1, 1, 3), vacuum=8.0))).startswith("p-3m1")


@pytest.mark.parametrize("thickness", [2.0, 8.0])
def test_seeds_without_a_host(thickness):
    system = SLAB.model_copy(update={"thickness": thickness})
    crystal = fcc100("Cu", (2, 2, 4), vacuum=1.0)
    crystal.pbc = True
    slab = system.adopt(crystal)
    assert SLAB.holds(slab)
    assert np.ptp(slab.positions[:, 2]) <= thickness
