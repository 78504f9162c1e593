"""Chunks, ranges of seeds, records and their merging."""

import json

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from rm_lammps.generation.merge import merge, read_records
from rm_lammps.generation.records import (
    RECORDS,
    ShardWriter,
    crash_record,
    make_record,
    read_progress,
    seed_of,
)
from rm_lammps.generation.schedule import ChunkSchedule, SeedRanges
from rm_lammps.relaxation import Failure, Reason, Relaxed


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


def relaxed(seed):
    return make_record(seed, {"formula": "C2"}, Relaxed(bulk("C"), -2.0, 0.01, 0.1, 30), 0.5)


def failed(seed):
    return make_record(seed, {"formula": "C2"}, Failure(Reason.EXPANDED, "volume 3.1", 20), 0.25)


@pytest.fixture
def folder(tmp_path):
    """Forty seeds in three shards, every tenth failed."""
    (tmp_path / RECORDS).mkdir()
    for rank in range(3):
        with ShardWriter(tmp_path, 0, rank) as shard:
            for seed in range(rank, 40, 3):
                shard.begin(seed)
                shard.append(failed(seed) if seed % 10 == 0 else relaxed(seed))
    return tmp_path


@pytest.mark.parametrize("bucket_bytes", [10**9, 1000])
def test_records_come_in_order_of_seed(folder, bucket_bytes):
    seeds = [record["seed"] for record in read_records(folder, 40, bucket_bytes=bucket_bytes)]
    assert seeds == list(range(40))
    assert not list(folder.glob(".merge-*"))


def test_scratch_of_a_killed_merge_is_removed(folder):
    (folder / ".merge-abc").mkdir()
    merge(folder, 40)
    assert not list(folder.glob(".merge-*"))


def test_totals(folder):
    totals = merge(folder, 40)
    assert (totals["attempted"], totals["converged"]) == (40, 36)
    assert totals["failed"] == {"expanded": 4}
    assert totals["evaluations"] == 36 * 30 + 4 * 20
    first = json.loads((folder / "failures.jsonl").read_text().splitlines()[0])
    assert first["detail"] == "volume 3.1"
    assert "crc" not in first


def test_damaged_records_do_not_count(folder):
    shard = folder / RECORDS / "0000-000001.jsonl"
    whole = shard.read_bytes()
    lines = whole.splitlines(keepends=True)
    last = lines[-1]
    assert seed_of(last) == 37
    for damaged in (
        last[:-1],  # cut off
        last[: len(last) // 2],
        last.replace(b"C2", b"C3"),
        last[:40] + bytes(20) + last[60:],  # a block that never reached the disk
    ):
        shard.write_bytes(b"".join(lines[:-1]) + damaged)
        progress = read_progress(folder, 40)
        assert not progress.done[37]
        assert progress.done.sum() == 39
        assert [record["seed"] for record in read_records(folder, 40)].count(37) == 0
    assert progress.next_session == 1


def test_seeds_that_killed_their_process_are_found(folder):
    shard = folder / RECORDS / "0000-000002.jsonl"
    with shard.open("ab") as stream:
        stream.write(b'{"begin": 41}\nFatal Python error: Segmentation fault\n\nStack: ...\n')
    progress = read_progress(folder, 50)
    assert progress.crashed == {41: "Segmentation fault"}
    with ShardWriter(folder, 1, 0) as writer:
        writer.append(crash_record(41, "C2", "Segmentation fault"))
    assert read_progress(folder, 50).crashed == {}


def test_a_seed_recorded_twice_counts_once(folder):
    with ShardWriter(folder, 1, 0) as shard:
        shard.append(relaxed(4))
    assert merge(folder, 40)["attempted"] == 40
