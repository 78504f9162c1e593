"""The stage denoise, through real LAMMPS and a shipped model."""

import numpy as np
import pytest
import spglib
from ase.build import bulk, make_supercell
from pydantic import ValidationError

from rm_lammps.deployment.bundle import Bundle
from rm_lammps.errors import UserError
from rm_lammps.relaxation import Failure, Protocol, Reason, Relaxed
from rm_lammps.relaxation.relaxation import relax as relax_in
from rm_lammps.relaxation.stages.box import BoxRounds
from rm_lammps.relaxation.stages.denoise import Denoise
from rm_lammps.seeds import ModelFacts, SeedConfig, SeedMaker


@pytest.fixture(scope="module")
def session(diamond_bundle):
    from rm_lammps.relaxation.session import LammpsSession

    with LammpsSession(Bundle.load(diamond_bundle)) as session:
        yield session


def relax(session, atoms, *stages, rng=0, **fields):
    return relax_in(session, atoms, Protocol(stages=stages, **fields), np.random.default_rng(rng))


def random_box(session, number):
    bundle = session.bundle
    facts = ModelFacts(bundle.manifest.species, bundle.statistics)
    maker = SeedMaker(SeedConfig(kind="random"), "C8", None, model=facts)
    return maker.make(np.random.default_rng(number), number)


def operations(atoms, symprec=1e-3):
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    return len(spglib.get_symmetry(cell, symprec=symprec)["rotations"])


def test_random_boxes_become_diamond(session):
    """Four of five do; the shipped model was trained on one cell of diamond."""
    lowest = relax(session, bulk("C", cubic=True), BoxRounds()).energy
    stages = (Denoise(start=0.35, end=0.02, steps=100), BoxRounds())
    outcomes = [relax(session, random_box(session, number), *stages) for number in range(24)]
    found = [o for o in outcomes if isinstance(o, Relaxed) and o.energy < lowest + 0.02]
    assert len(found) >= 12
    assert all(100 < outcome.evaluations < 300 for outcome in found)


def test_depends_on_the_seed_alone(session):
    atoms = random_box(session, 0)
    stages = (Denoise(steps=60), BoxRounds())
    loose = {"fmax": 10.0, "max_stress": 100.0}
    first, again, other = (relax(session, atoms, *stages, rng=k, **loose) for k in (0, 0, 1))
    np.testing.assert_array_equal(first.atoms.positions, again.atoms.positions)
    assert first.evaluations == again.evaluations
    assert not np.allclose(first.atoms.positions, other.atoms.positions, atol=1e-8)


def test_symmetry_is_kept_on_request(session):
    """A compressed, sheared crystal keeps its operations through the noise; without, none."""
    atoms = make_supercell(bulk("C"), [[2, 0, 0], [0, 1, 0], [0, 0, 1]])
    atoms.set_cell(atoms.cell.array @ np.diag([1.1, 1.1, 0.95]), scale_atoms=True)
    before = operations(atoms)
    assert before >= 8
    anneal = {"start": 0.1, "end": 0.05, "steps": 70}
    loose = {"fmax": 100.0, "max_stress": 1000.0}
    kept = relax(session, atoms, Denoise(**anneal, keep_symmetry=True), **loose)
    free = relax(session, atoms, Denoise(**anneal), **loose)
    assert operations(kept.atoms) >= before
    assert operations(free.atoms) == 1
    assert kept.evaluations < 80


def test_pressure_compresses(session):
    crystal = bulk("C", cubic=True)
    quiet = Denoise(start=0.02, end=0.001, steps=60)
    free, pressed = (
        relax(session, crystal, quiet, BoxRounds(), pressure=pressure) for pressure in (0.0, 15.0)
    )
    assert pressed.atoms.get_volume() < 0.98 * free.atoms.get_volume()


def test_cells_that_fly_apart_are_failures(session):
    outcome = relax(
        session, random_box(session, 1), Denoise(start=0.5, end=0.5, strain=1.0, steps=300)
    )
    assert isinstance(outcome, Failure)
    ways = {Reason.EXPANDED, Reason.COLLAPSED, Reason.BAD_BOX, Reason.NOT_FINITE, Reason.LOST_ATOMS}
    assert outcome.reason in ways


def test_no_atom_is_lost_above_a_layer(session):
    """What leaves a surface is thrown back where the cell ends."""
    atoms = bulk("C", cubic=True).repeat((3, 3, 1))
    atoms.set_cell([*atoms.cell.lengths()[:2], 12.0])
    atoms.pbc = (True, True, False)
    atoms.center(axis=2)
    outcome = relax(session, atoms, Denoise(start=0.9, end=0.9, steps=300), fmax=100.0)
    assert isinstance(outcome, Relaxed) or outcome.reason != Reason.LOST_ATOMS


def test_levels_that_are_not_there_are_named(session):
    session.load(bulk("C", cubic=True))
    with pytest.raises(UserError, match="diamond has no level 'large'"):
        session.use_level("large")


@pytest.mark.parametrize("fields", [{"end": 0}, {"step": 2}, {"cell": "box"}, {"steps": 0}])
def test_impossible_settings_are_refused(fields):
    with pytest.raises(ValidationError):
        Denoise(**fields)
