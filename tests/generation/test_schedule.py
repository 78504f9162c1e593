"""Chunks and ranges of seeds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rm_lammps.generation.schedule import ChunkSchedule, SeedRanges


@given(st.integers(0, 5000), st.integers(1, 300))
@settings(max_examples=100, deadline=None)
def test_chunks_hold_every_position_once(total, workers):
    schedule = ChunkSchedule(total, workers)
    chunks = [schedule[n] for n in range(schedule.chunks)]
    assert [position for chunk in chunks for position in chunk] == list(range(total))
    assert all(len(chunk) > 0 for chunk in chunks)
    assert len(schedule[schedule.chunks + 7]) == 0
    lengths = [len(chunk) for chunk in chunks]
    assert lengths == sorted(lengths, reverse=True)


def test_chunks_shrink_to_single_seeds():
    schedule = ChunkSchedule(1_000_000, 512)
    assert len(schedule[0]) == 976
    assert len(schedule[schedule.chunks - 1]) == 1
    assert schedule.chunks < 512 * 13


@given(st.lists(st.booleans(), max_size=200))
def test_ranges_are_the_missing_seeds(done):
    ranges = SeedRanges.missing(np.array(done, dtype=bool))
    expected = [seed for seed, finished in enumerate(done) if not finished]
    assert len(ranges) == len(expected)
    assert list(ranges) == expected
    assert [ranges[position] for position in range(len(ranges))] == expected
    with pytest.raises(IndexError):
        ranges[len(ranges)]
