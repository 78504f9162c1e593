"""Grouping: known pairs first, then properties that must hold for any run."""

import json

import ase
import ase.io
import numpy as np
import pytest
from ase.build import bulk, molecule
from crystals import (
    BCC,
    CAESIUM_CHLORIDE,
    DIAMOND,
    GRAPHITE,
    ROCKSALT,
    disguised,
    write_run,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure
from scipy.spatial.transform import Rotation

from rm_lammps.analysis.grouping import Grouping, Tolerances
from rm_lammps.analysis.ranking import PROTOTYPE_WEIGHT, SYMMETRY_WEIGHT
from rm_lammps.analysis.standard_cells import order_of_symmetry, point_group_order, symmetrised
from rm_lammps.analysis.unique import read_unique, write_unique
from rm_lammps.errors import UserError
from rm_lammps.geometry.symmetry import SpaceGroup, space_group
from rm_lammps.ranks import OneProcess
from rm_lammps.runs.index import TableBuilder, read_index
from rm_lammps.runs.layout import GROUPS, UNIQUE
from rm_lammps.systems import find_system
from rm_lammps.systems.fingerprint import LEVELS, NEIGHBOURS, fingerprint
from rm_lammps.systems.identity import identify

CRYSTALS = [DIAMOND, BCC, GRAPHITE, ROCKSALT, CAESIUM_CHLORIDE]
NUMBERS = pytest.mark.parametrize("crystal", CRYSTALS, ids=lambda a: f"{a.symbols}{len(a)}")


@NUMBERS
def test_the_judge_knows_a_crystal_in_disguise_and_no_other(crystal):
    matcher = StructureMatcher()
    for seed in range(6):
        other = identify(disguised(crystal, seed))
        assert [identify(c).same(other, matcher) for c in CRYSTALS] == [
            c is crystal for c in CRYSTALS
        ]


@NUMBERS
def test_noise_that_hides_a_translation_does_not_matter(crystal):
    """Relaxed cells are primitive only within the noise of their convergence."""
    large = crystal.repeat((2, 2, 1))
    for seed in range(4):
        noisy = disguised(large, seed, noise=0.06)
        assert identify(crystal).same(identify(noisy), StructureMatcher())
        assert identify(noisy).same(identify(crystal), StructureMatcher())
        others = [c for c in CRYSTALS if c is not crystal]
        assert not any(identify(c).same(identify(noisy), StructureMatcher()) for c in others)


@NUMBERS
def test_fingerprint_sees_only_the_structure(crystal):
    own = fingerprint(crystal)
    assert own.shape == (len(set(crystal.numbers)) * len(LEVELS) * NEIGHBOURS,)
    for seed in range(6):
        np.testing.assert_allclose(fingerprint(disguised(crystal, seed, noise=0)), own, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.floats(0.001, 0.2))
def test_fingerprint_moves_at_most_twice_as_far_as_atoms(seed, size):
    moves = np.random.default_rng(seed).standard_normal((8, 3))
    moves *= size / np.linalg.norm(moves, axis=1).max()
    crystal = bulk("C", a=3.567, cubic=True)
    moved = crystal.copy()
    moved.positions += moves
    unit = (crystal.get_volume() / 8) ** (1 / 3)
    change = np.abs(fingerprint(moved) - fingerprint(crystal)).max() * unit
    assert change <= 2 * size + 1e-5


def test_fingerprint_reaches_across_empty_space():
    lonely = ase.Atoms("C2", [[0, 0, 0], [0, 0, 1.4]], cell=[4, 4, 30], pbc=True)
    assert np.isfinite(fingerprint(lonely)).all()
    by_level = fingerprint(lonely).reshape(len(LEVELS), NEIGHBOURS)
    assert (np.diff(by_level) >= 0).all()


def frames_of_a_run():
    """Five crystals, each several times; energies as the same minimum has them, not quite equal."""
    rng = np.random.default_rng(0)
    energies = [-1.0, -0.4, -0.997, -0.9, -0.7]
    return [
        disguised(CRYSTALS[seed % 5], seed, energies[seed % 5] + 1e-4 * rng.standard_normal())
        for seed in range(23)
    ]


def groups_of(folder):
    return [sorted(atoms.info["seeds"].tolist()) for atoms in read_unique(folder)]


EXPECTED = sorted(list(range(start, 23, 5)) for start in range(5))


def test_unique_structures_are_counted_ranked_and_named(tmp_path):
    frames = frames_of_a_run()
    unique = write_unique(write_run(tmp_path, frames), symmetrise=True)
    assert len(unique) == 5
    assert sorted(groups_of(tmp_path)) == EXPECTED
    found = list(read_unique(tmp_path))
    compositions = [atoms.symbols.formula.reduce()[0].format("hill") for atoms in found]
    in_order = list(dict.fromkeys(f.symbols.formula.reduce()[0].format("hill") for f in frames))
    assert len(in_order) > 1
    # by composition, in order of their first seed, then by E~
    places = [
        (in_order.index(composition), atoms.info["energy_per_atom"])
        for composition, atoms in zip(compositions, found, strict=True)
    ]
    assert places == sorted(places)
    ranks = [compositions[: n + 1].count(composition) for n, composition in enumerate(compositions)]
    assert [atoms.info["rank"] for atoms in found] == ranks
    for atoms, members in zip(found, unique.members(), strict=True):
        assert atoms.info["found"] == len(atoms.info["seeds"]) == len(members)
        # the frame is that of the most symmetric member, the lowest of these, untouched
        best = min(members, key=lambda seed: (*lack(frames[seed]), energy_of(frames[seed])))
        assert atoms.info["seed"] == best
        assert (atoms.numbers == frames[best].numbers).all()
        np.testing.assert_allclose(atoms.positions, frames[best].positions, atol=1e-7)
        assert atoms.get_potential_energy() == frames[best].info["energy"]
    numbers = {atoms.info["space_group_number"] for atoms in found}
    assert numbers == {227, 229, 194, 225, 221}
    standard = ase.io.read(tmp_path / "unique_symmetrised.extxyz", ":", parallel=False)
    assert [a.info["seed"] for a in standard] == [a.info["seed"] for a in found]
    assert {len(a) for a in standard} == {8, 2, 4}


def energy_of(atoms):
    return atoms.info["energy_per_atom"]


def lack(atoms):
    """Of symmetry, loosely and tightly."""
    return [-point_group_order(space_group(atoms, symprec).number) for symprec in (0.1, 0.01)]


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(range(23)), batch=st.sampled_from([1, 3, 7, 1000]))
def test_groups_depend_on_neither_order_nor_batches(tmp_path, order, batch):
    frames = frames_of_a_run()
    shuffled = [frames[number] for number in order]
    table = read_index(write_run(tmp_path, shuffled))
    leader = Grouping(
        table,
        lambda n: shuffled[n],
        OneProcess(),
        system=find_system("crystal"),
        matcher=StructureMatcher(),
        tolerances=Tolerances(),
        batch=batch,
    ).leaders()
    pairs = {(int(table.seed[frame]), int(table.seed[lead])) for frame, lead in enumerate(leader)}
    groups = {lead: sorted(a for a, b in pairs if b == lead) for _, lead in pairs}
    assert sorted(groups.values()) == EXPECTED


def test_large_cells_are_reduced_without_pymatgens_slow_search(monkeypatch):
    search = Structure.get_primitive_structure

    def for_small_ones(structure, **options):
        assert len(structure) < 100, "this takes minutes for 512 atoms"
        return search(structure, **options)

    large = bulk("C", a=3.567, cubic=True).repeat(4)
    assert len(large) == 512
    rng = np.random.default_rng(0)
    amorphous = large.copy()
    amorphous.positions += 0.6 * rng.standard_normal((512, 3))
    small = identify(DIAMOND)
    monkeypatch.setattr(Structure, "get_primitive_structure", for_small_ones)
    for noise in (0.002, 0.02):
        other = large.copy()
        other.positions += noise * rng.standard_normal((512, 3))
        assert identify(other).same(small, StructureMatcher())
    again = amorphous[rng.permutation(512)]
    again.translate([1, 2, 3])
    assert identify(amorphous).same(identify(again), StructureMatcher())
    assert not identify(amorphous).same(small, StructureMatcher())


def test_energy_tolerance_splits(run, tmp_path):
    write_run(tmp_path, [disguised(DIAMOND, 0, -1.0), disguised(DIAMOND, 1, -0.995)])
    run("rm-evaluate", tmp_path)
    assert groups_of(tmp_path) == [[0, 1]]
    run("rm-evaluate", tmp_path, "--energy-tolerance", "0.001")
    assert groups_of(tmp_path) == [[0], [1]]


def test_leader_is_the_lowest_and_first_match_wins():
    """A chain of strains: the ends don't match, the middle matches both."""
    cells = [1.0, 1.12, 1.24, 1.36]
    frames = []
    for seed, stretch in enumerate(cells):
        atoms = DIAMOND.copy()
        atoms.set_cell(atoms.cell.array * [stretch, stretch**-0.5, stretch**-0.5], scale_atoms=True)
        atoms.info = {"seed": seed, "energy_per_atom": -1 + 1e-3 * seed}
        frames.append(atoms)
    matcher = StructureMatcher(ltol=0.1, stol=0.1, angle_tol=8)
    expected = []
    for seed, atoms in enumerate(frames):
        leads = [n for n in sorted(set(expected)) if n < seed]
        hit = [n for n in leads if identify(frames[n]).same(identify(atoms), matcher)]
        expected.append(hit[0] if hit else seed)
    assert 1 < len(set(expected)) < 4
    for batch in (1, 4):
        leader = Grouping(
            table_of(frames),
            lambda n: frames[n],
            OneProcess(),
            system=find_system("crystal"),
            matcher=matcher,
            tolerances=Tolerances(fingerprint=10),
            batch=batch,
        ).leaders()
        assert leader.tolist() == expected


def table_of(frames):
    builder = TableBuilder()
    for atoms in frames:
        builder.add(
            end=0,
            seed=atoms.info["seed"],
            composition=builder.number_of_elements(atoms.numbers),
            n_atoms=len(atoms),
            energy_per_atom=atoms.info["energy_per_atom"],
            volume_per_atom=atoms.get_volume() / len(atoms),
        )
    return builder.build("")


def test_likely_prototypes_rank_before_others(tmp_path):
    diamond, bcc = disguised(DIAMOND, 0, -1.0), disguised(BCC, 1, -1.05)
    again = disguised(DIAMOND, 2, -0.95)
    write_run(tmp_path, [diamond, bcc])
    assert [a.info["seed"] for a in read_unique_frames(tmp_path)] == [1, 0]
    # what counts is its likeliest prototype, whichever seed has the lowest E~
    for atoms, share in ((diamond, 0.1), (bcc, 0.05), (again, 0.5)):
        atoms.info["prototype_share"] = share
    write_run(tmp_path, [diamond, bcc, again])
    best, other = read_unique_frames(tmp_path)
    assert best.info["seed"] == 0
    expected = np.array([-1.0, -1.05]) - PROTOTYPE_WEIGHT * np.log([0.5, 0.05])
    expected -= SYMMETRY_WEIGHT * np.log(48)
    assert [best.info["rank_score"], other.info["rank_score"]] == pytest.approx(expected)


def test_symmetry_within_what_a_model_of_many_elements_knows():
    displaced = DIAMOND * (2, 1, 1)
    displaced.rattle(0.02, seed=1)
    tight = space_group(displaced, 1e-3)
    assert tight.number == 1
    assert order_of_symmetry(displaced, tight) == 48
    # what is found within the smaller tolerance counts too
    assert order_of_symmetry(GRAPHITE, SpaceGroup("Fm-3m", 225)) == 48


def read_unique_frames(folder):
    write_unique(folder, tolerances=Tolerances(energy=0.2))
    return list(read_unique(folder))


def test_groups_are_found_once(tmp_path, monkeypatch):
    write_run(tmp_path, frames_of_a_run())
    write_unique(tmp_path)
    first = (tmp_path / UNIQUE).read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Grouping, "leaders", must_not_run)
        write_unique(tmp_path)
    assert (tmp_path / UNIQUE).read_bytes() == first


def must_not_run(self):
    raise RuntimeError("grouped again")


@pytest.mark.parametrize(
    "spoil", [b"", b"no archive", b"PK\x03\x04 cut off"], ids=["empty", "other", "cut"]
)
def test_a_broken_file_of_groups_is_made_anew(tmp_path, spoil):
    write_run(tmp_path, frames_of_a_run())
    write_unique(tmp_path)
    whole = (tmp_path / GROUPS).read_bytes()
    (tmp_path / GROUPS).write_bytes(spoil)
    write_unique(tmp_path)
    assert sorted(groups_of(tmp_path)) == EXPECTED
    (tmp_path / GROUPS).write_bytes(whole[: len(whole) // 2])
    write_unique(tmp_path)
    assert sorted(groups_of(tmp_path)) == EXPECTED


def test_groups_of_other_structures_or_tolerances_do_not_count(tmp_path):
    frames = frames_of_a_run()
    write_run(tmp_path, frames)
    write_unique(tmp_path)
    write_run(tmp_path, frames[:10])
    assert len(write_unique(tmp_path)) == 5
    assert sum(map(len, groups_of(tmp_path))) == 10
    # no two of the same minimum are as near as this
    assert len(write_unique(tmp_path, tolerances=Tolerances(energy=1e-9))) == 10
    assert len(write_unique(tmp_path, matcher=StructureMatcher(stol=1e-6))) > 5


@pytest.mark.parametrize("ranks", [2, 3])
def test_any_number_of_ranks_gives_the_same_file(run, tmp_path, ranks):
    write_run(tmp_path, frames_of_a_run())
    run("rm-evaluate", tmp_path, "--symmetrise")
    names = ("unique.extxyz", "unique_symmetrised.extxyz", "evaluation.json")
    one = {name: (tmp_path / name).read_bytes() for name in names}
    for name in (*names, GROUPS):
        (tmp_path / name).unlink()
    run("rm-evaluate", tmp_path, "--symmetrise", ranks=ranks)
    assert {name: (tmp_path / name).read_bytes() for name in names} == one


def test_molecules_are_told_apart(tmp_path):
    frames = []
    for seed, name in enumerate(["CH3CH2OH", "CH3OCH3", "CH3CH2OH", "CH3OCH3"]):
        atoms = molecule(name)
        atoms.positions = Rotation.random(random_state=seed).apply(atoms.positions)
        atoms = atoms[np.random.default_rng(seed).permutation(len(atoms))]
        atoms.info = {"seed": seed, "energy_per_atom": -1.0}
        frames.append(atoms)
    write_unique(write_run(tmp_path, frames))
    assert sorted(groups_of(tmp_path)) == [[0, 2], [1, 3]]
    assert {a.info["space_group"] for a in read_unique(tmp_path)} == {"unknown"}


def test_no_converged_structure(run, tmp_path):
    write_run(tmp_path, [], failed=[("expanded", "too large"), ("not_finite", "")])
    assert len(write_unique(tmp_path, symmetrise=True)) == 0
    assert (tmp_path / "unique.extxyz").read_text() == ""
    done = run("rm-evaluate", tmp_path, "--format", "cif", "--format", "db")
    assert "expanded" in done.stdout
    assert json.loads((tmp_path / "evaluation.json").read_text())["unique"] == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense\n", "frame 0: not extended XYZ"),
        ('1\nenergy=1 Lattice="1 0 0 0 1 0 0 0 1"\nC 0 0 0\n2\nenergy=1\nC 0 0', "frame 1: not"),
        ('1\nLattice="1 0 0 0 1 0 0 0 1"\nC 0 0 0\n', "frame 0: no usable E~"),
        ('1\nenergy=nan Lattice="1 0 0 0 1 0 0 0 1"\nC 0 0 0\n', "frame 0: no usable E~"),
    ],
)
def test_broken_files_are_refused_by_frame(tmp_path, text, message):
    (tmp_path / "structures.extxyz").write_text(text)
    with pytest.raises(UserError, match=message):
        write_unique(tmp_path)


@pytest.mark.parametrize("ranks", [None, 2])
def test_refused_once_on_any_number_of_ranks(refused, tmp_path, ranks):
    text = refused("rm-evaluate", tmp_path, ranks=ranks)
    assert text.count("Error:") == 1
    assert "holds no finished run" in text


def test_space_groups_and_standard_cells():
    assert space_group(DIAMOND) == SpaceGroup("Fd-3m", 227)
    assert str(space_group(GRAPHITE)) == "P6_3/mmc (194)"
    tilted = disguised(ROCKSALT, 3)
    standard = symmetrised(tilted)
    assert len(standard) == 8
    np.testing.assert_allclose(standard.cell.angles(), 90)
    # elements in the order of the frame
    first = [str(standard.symbols[0]), str(standard.symbols[-1])]
    assert first == list(dict.fromkeys(tilted.symbols))
    assert space_group(standard, 1e-5).number == 225
