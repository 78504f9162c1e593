import numpy as np
import pytest
from ase.build import bulk, molecule

from rm_lammps.datasets import DatasetStatistics


def test_volumes_are_the_least_squares_ones():
    frames = [bulk("Fe"), bulk("NaCl", "rocksalt", a=5.64), bulk("Na", "bcc", a=4.29)]
    statistics = DatasetStatistics.of(frames, cutoff=4.0)
    assert statistics.species == ["Na", "Cl", "Fe"]
    assert statistics.volume({"Fe": 2}) == pytest.approx(2 * frames[0].get_volume())
    assert statistics.volume({"Na": 1, "Cl": 1}) == pytest.approx(frames[1].get_volume())


def test_volumes_are_never_negative():
    dense = bulk("NaCl", "rocksalt", a=3.0)
    statistics = DatasetStatistics.of([dense, bulk("Na", "bcc", a=4.29)], cutoff=4.0)
    assert statistics.volume_per_element["Cl"] == 0.0


def test_distances_and_neighbours_of_diamond():
    statistics = DatasetStatistics.of([bulk("C", a=3.567)], cutoff=3.0)
    assert statistics.min_distances == {"C-C": pytest.approx(3.567 * np.sqrt(3) / 4)}
    assert statistics.neighbours_per_atom == 4 + 12 + 12
    assert statistics.system.name == "crystal"


def test_pairs_that_never_met_get_the_mean_contact():
    statistics = DatasetStatistics.of([bulk("Fe"), bulk("Cu")], cutoff=3.0)
    expected = 0.5 * (statistics.min_distance("Fe", "Fe") + statistics.min_distance("Cu", "Cu"))
    assert statistics.min_distance("Fe", "Cu") == pytest.approx(expected)


def test_molecules_have_no_volume():
    statistics = DatasetStatistics.of([molecule("CH4"), molecule("H2O")], cutoff=4.0)
    assert statistics.volume_per_element == {}
    assert statistics.min_distance("H", "O") == pytest.approx(
        molecule("H2O").get_distance(0, 1), abs=1e-6
    )


def test_round_trip_through_json():
    statistics = DatasetStatistics.of([bulk("C")], cutoff=3.5)
    assert DatasetStatistics.model_validate_json(statistics.model_dump_json()) == statistics
