"""Random clouds, the seeds of molecules."""

import numpy as np
import pytest
from ase.build import molecule
from hypothesis import given, settings
from hypothesis import strategies as st

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.seeds.kinds.cloud import CloudSeeds, random_cloud

DATA = [molecule(name) for name in ("CH4", "C2H6", "CH3OH", "H2O", "C6H6")]
STATISTICS = DatasetStatistics.of(DATA, cutoff=4.5)


@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.integers(0, 12), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_no_two_atoms_are_too_close(seed, carbons, hydrogens, oxygens):
    composition = {"C": carbons, "H": hydrogens, "O": oxygens}
    composition = {symbol: n for symbol, n in composition.items() if n}
    cloud = random_cloud(
        composition, STATISTICS, CloudSeeds(min_distance=0.5), np.random.default_rng(seed)
    )
    assert not cloud.pbc.any()
    assert cloud.get_chemical_symbols() == [s for s, n in composition.items() for _ in range(n)]
    distances = cloud.get_all_distances()
    for i, a in enumerate(cloud.symbols):
        for j, b in enumerate(cloud.symbols[:i]):
            # half the distance always finds a place in a ball of the molecules' own size
            assert distances[i, j] >= 0.5 * 0.95**3 * STATISTICS.min_distance(a, b)


def test_clouds_have_the_extent_of_the_data():
    rng = np.random.default_rng(0)
    config = CloudSeeds(min_distance=0.0, cloud=(1.0, 1.0))
    clouds = [random_cloud({"C": 6, "H": 6}, STATISTICS, config, rng) for _ in range(300)]
    extent = np.mean([c.positions.var(axis=0).sum() for c in clouds])
    # centring takes one twelfth of the variance away
    expected = 11 / 12 * 3 / 5 * STATISTICS.cloud_radius(12) ** 2
    assert extent == pytest.approx(expected, rel=0.05)


def test_the_same_generator_gives_the_same_cloud():
    a, b, c = (
        random_cloud({"C": 3, "H": 8}, STATISTICS, CloudSeeds(), np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(a.positions, b.positions)
    assert not np.allclose(a.positions, c.positions)
