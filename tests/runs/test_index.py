"""The index of structures: written from records, rebuilt from text, never trusted blindly."""

import json
import os

import ase
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rm_lammps.errors import UserError
from rm_lammps.relaxation import Failure, Reason, Relaxed
from rm_lammps.runs.frames import FrameFile, iterate, iterate_info
from rm_lammps.runs.index import FrameTable, read_index
from rm_lammps.runs.layout import FAILURES, INDEX, RECORDS, STRUCTURES
from rm_lammps.runs.merge import merge, read_records
from rm_lammps.runs.records import Origin, SeedRecord
from rm_lammps.runs.shards import ShardWriter

COLUMNS = list(FrameTable.__dataclass_fields__)
NAMES = st.sampled_from(["slab", "layers", "offset"])
FACTS = st.dictionaries(NAMES, st.integers(0, 9) | st.floats(0, 1), max_size=2)


@st.composite
def records(draw, seed=None):
    """Any record that a run may leave."""
    seed = draw(st.integers(0, 999)) if seed is None else seed
    share = st.none() | st.floats(0, 1)
    origin = Origin("random", draw(st.none() | st.integers(0, 9)), draw(share), draw(FACTS))
    formula, seconds = draw(st.sampled_from(["C2", "Na2Cl2"])), round(draw(st.floats(0, 1e4)), 4)
    if draw(st.booleans()):
        text = draw(st.text(max_size=20))
        return SeedRecord(seed, formula, origin, Failure(Reason.EXPANDED, text, 7), seconds)
    n = draw(st.integers(1, 4))
    numbers = draw(st.lists(st.sampled_from([1, 6, 11, 17]), min_size=n, max_size=n))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    cell = 3 * np.eye(3) + rng.normal(size=(3, 3)) if draw(st.booleans()) else None
    atoms = ase.Atoms(numbers, rng.normal(size=(n, 3)), cell=cell, pbc=cell is not None)
    terms = draw(st.sampled_from([{}, {"E~": -1.5, "repulsion": 0.25}]))
    outcome = Relaxed(
        atoms, float(rng.normal()), float(rng.random()), float(rng.random()), 30, terms
    )
    return SeedRecord(seed, formula, origin, outcome, seconds)


@given(records())
@settings(max_examples=100, deadline=None)
def test_records_come_back_as_they_were(record):
    again = SeedRecord.from_line(record.line())
    assert again.line() == record.line()
    assert (again.seed, again.formula, again.origin) == (record.seed, record.formula, record.origin)
    assert again.seconds == record.seconds
    assert again.evaluations == record.evaluations
    if record.converged:
        assert again.outcome.atoms == record.outcome.atoms
        assert again.frame().info == record.frame().info


def test_facts_can_not_hide_fields():
    with pytest.raises(ValueError, match="energy, rank"):
        Origin("mine", facts={"rank": 1, "energy": 2.0, "mine": 3})


def write_records(folder, some):
    (folder / RECORDS).mkdir(parents=True, exist_ok=True)
    with ShardWriter(folder, len(list((folder / RECORDS).iterdir())), 0) as shard:
        for record in some:
            shard.append(record)


@given(st.lists(records(), max_size=8, unique_by=lambda record: record.seed))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_index_says_what_the_text_says(tmp_path_factory, some):
    folder = tmp_path_factory.mktemp("run")
    write_records(folder, some)
    merge(folder, 1000)
    written = read_index(folder)
    by_seed = sorted((r for r in some if r.converged), key=lambda record: record.seed)
    assert written.seed.tolist() == [record.seed for record in by_seed]
    assert written.energy.tolist() == [record.outcome.energy for record in by_seed]
    assert written.n_atoms.tolist() == [len(record.outcome.atoms) for record in by_seed]
    with FrameFile(folder / STRUCTURES, written.begin) as frames:
        for atoms, record in zip(frames, by_seed, strict=True):
            assert atoms.get_chemical_symbols() == record.frame().get_chemical_symbols()
            assert atoms.info["seed"] == record.seed
            assert atoms.info.get("terms", {}) == record.outcome.terms
    (folder / INDEX).unlink()
    rebuilt = read_index(folder)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(rebuilt, name), getattr(written, name), name)
    assert (folder / INDEX).exists()


@pytest.fixture
def folder(tmp_path):
    atoms = ase.Atoms("C2", [[0, 0, 0], [1, 1, 1]], cell=np.eye(3) * 3, pbc=True)
    outcomes = [Relaxed(atoms, -2.0 - seed, 0.01, 0.1, 30) for seed in range(4)]
    write_records(
        tmp_path,
        [SeedRecord(n, "C2", Origin(), outcome, 1.0) for n, outcome in enumerate(outcomes)],
    )
    merge(tmp_path, 4)
    return tmp_path


def test_an_index_of_other_structures_does_not_count(folder):
    structures = folder / STRUCTURES
    before = structures.stat()
    text = structures.read_text()
    changed = text.replace("energy_per_atom=-1.0", "energy_per_atom=-9.0")
    assert len(changed) == len(text)
    structures.write_text(changed)
    os.utime(structures, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert read_index(folder).energy_per_atom.tolist() == [-9.0, -1.5, -2.0, -2.5]


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:300], lambda data: b"x"])
def test_a_damaged_index_is_made_anew(folder, damage):
    (folder / INDEX).write_bytes(damage((folder / INDEX).read_bytes()))
    assert read_index(folder).seed.tolist() == [0, 1, 2, 3]
    assert read_index(folder).energy.tolist() == [-2.0, -3.0, -4.0, -5.0]


def test_a_folder_without_structures_is_refused(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        read_index(tmp_path)


def test_failures_stand_in_plain_lines(folder):
    write_records(
        folder, [SeedRecord(4, "C2", Origin(), Failure(Reason.COLLAPSED, "small", 3), 0.5)]
    )
    merge(folder, 5)
    assert [json.loads(line) for line in (folder / FAILURES).open()] == [
        {
            "seed": 4,
            "formula": "C2",
            "evaluations": 3,
            "seconds": 0.5,
            "reason": "collapsed",
            "detail": "small",
        }
    ]
    assert [record.seed for record in read_records(folder, 5)] == [0, 1, 2, 3, 4]


def test_a_frame_that_was_damaged_is_named(tmp_path):
    """A coordinate at infinity has neighbours without end."""
    frame = '1\nLattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3 pbc="T T T"\nC 0 0 {}\n'
    path = tmp_path / "structures.extxyz"
    for bad in ("1e400", "nan", "x"):
        path.write_text(frame.format(0) + frame.format(bad))
        frames = iterate(path)
        assert len(next(frames)) == 1
        with pytest.raises(UserError, match="frame 1 is damaged"):
            next(frames)
    path.write_text(frame.format(0) + frame.format(0).replace("3 0 0 0 3", "3 0"))
    told = iterate_info(path)
    next(told)
    with pytest.raises(UserError, match="frame 1 is damaged"):
        next(told)
