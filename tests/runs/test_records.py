"""Records and their merging."""

import json

import pytest
from ase.build import bulk

from rm_lammps.relaxation import Failure, Reason, Relaxed
from rm_lammps.runs.layout import RECORDS
from rm_lammps.runs.merge import merge, read_records
from rm_lammps.runs.records import Origin, SeedRecord, seed_of
from rm_lammps.runs.shards import ShardWriter, crash_record, read_recorded


def relaxed(seed):
    return SeedRecord(seed, "C2", Origin("random"), Relaxed(bulk("C"), -2.0, 0.01, 0.1, 30), 0.5)


def failed(seed):
    return SeedRecord(seed, "C2", Origin(), Failure(Reason.EXPANDED, "volume 3.1", 20), 0.25)


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
    seeds = [record.seed for record in read_records(folder, 40, bucket_bytes=bucket_bytes)]
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
        progress = read_recorded(folder, 40)
        assert not progress.done[37]
        assert progress.done.sum() == 39
        assert [record.seed for record in read_records(folder, 40)].count(37) == 0
    assert progress.next_session == 1


def test_a_beginning_that_was_overwritten_begins_nothing(folder):
    shard = folder / RECORDS / "0000-000002.jsonl"
    record = shard.read_bytes().splitlines(keepends=True)[-1]
    with shard.open("ab") as stream:
        stream.write(b'{"begin": inf' + record + b"Fatal Python error: Segmentation fault\n")
    assert read_recorded(folder, 50).crashed == {}


def test_seeds_that_killed_their_process_are_found(folder):
    shard = folder / RECORDS / "0000-000002.jsonl"
    with shard.open("ab") as stream:
        stream.write(b'{"begin": 41}\nFatal Python error: Segmentation fault\n\nStack: ...\n')
    progress = read_recorded(folder, 50)
    assert progress.crashed == {41: "Segmentation fault"}
    with ShardWriter(folder, 1, 0) as writer:
        writer.append(crash_record(41, "C2", "Segmentation fault"))
    assert read_recorded(folder, 50).crashed == {}


def test_a_seed_recorded_twice_counts_once(folder):
    with ShardWriter(folder, 1, 0) as shard:
        shard.append(relaxed(4))
    assert merge(folder, 40)["attempted"] == 40
