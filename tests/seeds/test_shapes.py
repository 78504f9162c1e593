"""Atoms at random in a sphere, a film, and around a pore."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rm_lammps.chemistry.density import volume_of
from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.errors import UserError
from rm_lammps.generation.generation_config import GenerationConfig
from rm_lammps.generation.run_seeds import RunSeeds
from rm_lammps.geometry.shapes import cell_around, depths, filled_volume, sphere_radius
from rm_lammps.seeds.kinds.disordered import DisorderedSeeds

SHAPES = st.sampled_from(["sphere", "film", "pore"])


def seeds(shape, **fields):
    settings = {"model": "silica", "formula": "SiO2", "atoms": 1500, "preset": "glass"}
    own = {"kind": "disordered", "shape": shape, "density": 2.2, **fields}
    return RunSeeds(GenerationConfig(**settings, seeds=own), find_bundle("silica"))


@given(SHAPES, st.floats(1e3, 1e6), st.floats(3.0, 30.0), st.floats(5.0, 30.0))
def test_a_cell_has_room_for_what_lies_in_it(shape, volume, size, vacuum):
    cell = cell_around(shape, volume, size, vacuum)
    width = cell[0, 0] - (vacuum if shape == "sphere" else 0.0)
    assert filled_volume(shape, width, size) == pytest.approx(volume, rel=1e-6)
    if shape == "film":
        assert cell[2, 2] == pytest.approx(size + vacuum)


@given(SHAPES, st.integers(0, 1000))
def test_depth_falls_towards_the_wall(shape, number):
    cell = cell_around(shape, 2e4, 8.0, 15.0)
    points = np.random.default_rng(number).random((50, 3)) @ cell
    middle = 0.5 * cell.diagonal()
    outwards = points + 0.01 * (points - middle)
    falls = depths(shape, outwards, cell) - depths(shape, points, cell)
    assert (falls > 0 if shape == "pore" else falls < 0).all()


@pytest.mark.parametrize(
    ("shape", "fields"), [("sphere", {}), ("film", {"size": 14}), ("pore", {"size": 6})]
)
def test_atoms_fill_the_shape_at_the_density(shape, fields):
    made = seeds(shape, **fields)
    atoms = made.make(0, np.random.default_rng(3))
    assert atoms.get_chemical_formula() == "O1000Si500"
    volume, away = volume_of(atoms.symbols, 2.2), atoms.positions - 0.5 * atoms.cell.lengths()
    # random atoms fluctuate, so their ends are not those of the mean
    if shape == "sphere":
        radius = sphere_radius(volume)
        assert np.linalg.norm(away, axis=1).max() == pytest.approx(radius, rel=0.05)
        assert atoms.cell.lengths() == pytest.approx(2 * radius + 15)
    elif shape == "film":
        assert np.ptp(away[:, 2]) == pytest.approx(14, rel=0.12)
        assert atoms.cell.lengths()[2] == pytest.approx(29)
    else:
        assert np.linalg.norm(away[:, :2], axis=1).min() == pytest.approx(6, rel=0.12)
        assert atoms.get_volume() == pytest.approx(
            volume + np.pi * 36 * atoms.cell.lengths()[2], rel=1e-6
        )
    again = seeds(shape, **fields).make(0, np.random.default_rng(3))
    np.testing.assert_array_equal(atoms.positions, again.positions)


def test_a_shape_brings_its_walls():
    settings = {"model": "silica", "formula": "SiO2", "atoms": 1500}
    own = {"kind": "disordered", "shape": "pore", "size": 6, "density": "2.2"}
    config = GenerationConfig(**settings, seeds=own)
    walls = config.protocol.terms[-1]
    assert (walls.name, walls.shape, walls.density) == ("shape", "pore", 2.2)
    assert config.protocol.axes == "none"
    assert config.protocol.stages[-2].weights["shape"] == 0.0
    assert GenerationConfig(**config.model_dump()) == config


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"shape": "film"}, "thickness"),
        ({"shape": "pore"}, "radius"),
        ({"shape": "sphere", "size": 4}, "only a film or a pore"),
        ({"size": 4}, "only a film or a pore"),
        ({"shape": "torus"}, "sphere"),
        ({"shape": "film", "size": -1}, "greater than 0"),
    ],
)
def test_impossible_shapes_are_refused(fields, message):
    with pytest.raises(ValidationError, match=message):
        DisorderedSeeds.model_validate(fields)


@pytest.mark.parametrize("density", [None, "2.1-2.3"])
def test_a_shape_needs_one_density(density):
    with pytest.raises(ValidationError, match="needs one density"):
        seeds("sphere", density=density)


@pytest.mark.parametrize(
    ("shape", "fields"), [("sphere", {}), ("film", {"size": 30}), ("pore", {"size": 8})]
)
def test_too_few_atoms_for_a_shape(shape, fields):
    settings = {"model": "silica", "formula": "SiO2", "preset": "glass"}
    own = {"kind": "disordered", "shape": shape, "density": 2.2, **fields}

    def check(atoms):
        RunSeeds(GenerationConfig(**settings, atoms=atoms, seeds=own), find_bundle("silica"))

    with pytest.raises(UserError, match="Give at least") as refused:
        check(30)
    # and so many are enough
    check(int(str(refused.value).split("Give at least ")[1].split()[0]))
