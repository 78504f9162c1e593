"""Slabs cut from crystals as hosts, and layers as a system."""

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write
from pydantic import ValidationError

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.errors import UserError
from rm_lammps.seeds import ModelFacts, SeedConfig, SeedMaker
from rm_lammps.seeds.surfaces import cut
from rm_lammps.systems import find_system

COPPER = bulk("Cu", "fcc", a=3.6, cubic=True)
STATISTICS = DatasetStatistics.of([COPPER], cutoff=4.5)
MODEL = ModelFacts(STATISTICS.species, STATISTICS)


@pytest.fixture(scope="module")
def copper(tmp_path_factory):
    path = tmp_path_factory.mktemp("bulk") / "copper.cif"
    write(path, COPPER)
    return path


def seed(host, **fields):
    config = SeedConfig(host=str(host), **fields)
    maker = SeedMaker(config, "Cu2", None, model=MODEL)
    return maker.make(np.random.default_rng(0))


@pytest.mark.parametrize("miller", [(1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0)])
def test_slabs_are_the_crystal_with_space_above(miller):
    slab, layer = cut(COPPER, miller, 3, 9.0)
    assert layer.min() == 0
    assert np.bincount(layer).tolist() == [len(slab) // 3] * 3
    heights = slab.positions[:, 2]
    assert np.ptp(heights) + 9.0 == pytest.approx(slab.cell[2, 2])
    np.testing.assert_allclose(slab.cell.array[2, :2], 0, atol=1e-9)
    # the middle layer's atoms have the crystal's twelve neighbours
    apart = slab.get_all_distances(mic=True)
    assert apart[np.triu_indices(len(slab), 1)].min() > 3.6 / 2**0.5 - 1e-6
    assert len(slab) / (np.ptp(heights) + 9.0) > 0


def test_free_layers_and_where_atoms_begin(copper):
    atoms = seed(copper, miller="1,0,0", layers=3, free=1)
    assert len(atoms) == 3 * 4 + 2
    (held,) = atoms.constraints
    assert len(held.index) == 8
    top = atoms.positions[:12, 2].max()
    assert (atoms.positions[held.index, 2] < top - 1.0).all()
    added = atoms.positions[12:, 2]
    assert ((added >= top - 1e-3) & (added <= top + 3.001)).all()
    assert not seed(copper, miller=[1, 0, 0], layers=2, free=2).constraints
    below = seed(copper, miller="1,0,0", layers=2, where="z=0:4")
    assert (below.positions[8:, 2] <= 4).all()


def test_refusals(copper):
    with pytest.raises(UserError, match="0,0,0 name no surface"):
        seed(copper, miller="0,0,0")
    with pytest.raises(UserError, match="9 layers are to be free, but the slab has 4"):
        seed(copper, miller="1,0,0", free=9)
    with pytest.raises(ValidationError, match="no list of Miller indices"):
        SeedConfig(host=str(copper), miller="1,x,0")


@pytest.mark.parametrize("thickness", [0.0, 3.0])
def test_layers_are_flat_and_have_room(thickness):
    system = find_system("layer").model_copy(update={"thickness": thickness})
    crystal = bulk("Cu", "bcc", a=2.9).repeat((2, 1, 1))
    layer = system.adopt(crystal)
    assert system.holds(layer)
    assert np.ptp(layer.positions[:, 2]) <= thickness + 1e-9
    assert layer.cell[2, 2] - np.ptp(layer.positions[:, 2]) >= system.room - 1e-9
    size = (crystal.get_volume() / 2) ** (1 / 3)
    area = np.linalg.norm(np.cross(layer.cell[0], layer.cell[1]))
    assert area * (thickness + size) == pytest.approx(crystal.get_volume())


@pytest.mark.parametrize("pbc", [True, (True, True, False)])
def test_hosts_that_are_slabs(pbc, tmp_path):
    """Written as a slab or as a crystal with space above, for the system slab."""
    slab, _ = cut(COPPER, (1, 0, 0), 2, 12.0)
    slab.pbc = pbc
    write(tmp_path / "slab.extxyz", slab)
    facts = ModelFacts(STATISTICS.species, STATISTICS, None, find_system("slab"))
    config = SeedConfig(host=str(tmp_path / "slab.extxyz"))
    atoms = SeedMaker(config, "Cu", None, model=facts).make(np.random.default_rng(0))
    assert atoms.pbc.tolist() == [True, True, False]
    np.testing.assert_allclose(atoms.positions[: len(slab)], slab.positions)
    assert atoms.positions[-1, 2] >= slab.positions[:, 2].max() - 1e-6
