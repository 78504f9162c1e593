"""The stages of a protocol, through real LAMMPS."""

import ase
import numpy as np
import pytest
from ase.build import bulk
from ase.spacegroup.symmetrize import refine_symmetry
from pydantic import ValidationError

from rm_lammps.deployment.bundle import Bundle
from rm_lammps.geometry.symmetry import UNKNOWN, space_group
from rm_lammps.relaxation import DroppedError, Failure, Protocol, Reason, Relaxed
from rm_lammps.relaxation.outcome import classify
from rm_lammps.relaxation.relaxation import relax as relax_in
from rm_lammps.relaxation.stages.anneal import Anneal
from rm_lammps.relaxation.stages.box import BoxRounds
from rm_lammps.relaxation.stages.cell import CellMinimisation
from rm_lammps.relaxation.stages.hops import Hops
from rm_lammps.relaxation.stages.minimise import Minimise
from rm_lammps.relaxation.stages.rattle import Rattle
from rm_lammps.relaxation.stages.symmetrise import Symmetrise


@pytest.fixture(scope="module")
def session(diamond_bundle):
    from rm_lammps.relaxation.session import LammpsSession

    with LammpsSession(Bundle.load(diamond_bundle)) as session:
        yield session


def noisy(sigma=0.15):
    atoms = bulk("C", cubic=True)
    atoms.positions += sigma * np.random.default_rng(1).standard_normal(atoms.positions.shape)
    return atoms


def relax(session, *stages, rng=0, atoms=None, **fields):
    return relax_in(
        session,
        noisy() if atoms is None else atoms,
        Protocol(stages=stages, **fields),
        np.random.default_rng(rng),
    )


@pytest.mark.parametrize("style", ["cg", "sd", "fire", "lbfgs"])
def test_minimisers_agree(session, style):
    outcome = relax(session, Minimise(style=style, ftol=0.01, steps=500), BoxRounds())
    assert isinstance(outcome, Relaxed)
    best = relax(session, BoxRounds())
    assert outcome.energy == pytest.approx(best.energy, abs=0.01)


def test_one_minimisation_of_atoms_and_cell_is_enough(session):
    """Also with atoms at the faces, where box/relax needs further rounds."""
    for seed in range(10):
        atoms = bulk("C", cubic=True)
        strain = 0.03 * np.random.default_rng(seed).standard_normal((3, 3))
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
        once = relax(session, CellMinimisation(rounds=1), atoms=atoms)
        rounds = relax(session, BoxRounds(), atoms=atoms)
        assert isinstance(once, Relaxed)
        assert once.energy == pytest.approx(rounds.energy, abs=2e-3)
        assert once.evaluations < rounds.evaluations


@pytest.mark.parametrize("pressure", [-5.0, 20.0])
def test_atoms_and_cell_under_pressure(session, pressure):
    outcome = relax(session, CellMinimisation(), pressure=pressure, max_stress=0.05)
    assert isinstance(outcome, Relaxed)
    result = session.evaluate()
    assert np.abs(result.stress + pressure * np.eye(3)).max() <= 0.05
    assert result.energy == pytest.approx(outcome.energy, abs=1e-4)


def test_minimisations_that_end_early_go_on(session):
    short = CellMinimisation(rounds=30, steps=3)
    assert isinstance(relax(session, short), Relaxed)
    failed = relax(session, CellMinimisation(rounds=2, steps=1))
    assert isinstance(failed, Failure)
    assert failed.reason is Reason.NOT_CONVERGED


@pytest.mark.parametrize(("distance", "fused"), [(0.3, True), (1.0, False)])
def test_fused_atoms_are_failures(session, distance, fused):
    """Whatever E~ says of them."""
    atoms = noisy(0.0)
    atoms.positions[1] = atoms.positions[0] + [distance, 0, 0]
    still = Rattle(displacement=0.0, strain=0.0)
    outcome = relax(session, still, atoms=atoms, fmax=1e9, max_stress=1e9)
    assert isinstance(outcome, Failure if fused else Relaxed)
    if fused:
        assert outcome.reason is Reason.FUSED
        assert "C and C 0.30 Å" in outcome.detail


def test_annealing_heats_and_cools(session):
    session.load(noisy(0.0))
    start = session.evaluate()
    hot = Protocol(stages=(Anneal(start=0.2, end=0.2, steps=200),), fmax=1e3, max_stress=1e4)
    outcome = relax_in(session, noisy(0.0), hot, np.random.default_rng(0))
    assert isinstance(outcome, Relaxed)
    # equipartition gives 3/2 of 0.2 pseudo-eV to the potential energy of an atom
    assert 0.03 < (outcome.energy - start.energy) / 8 < 0.9
    cooled = relax(session, Anneal(start=0.05, steps=300), BoxRounds())
    assert isinstance(cooled, Relaxed)


def test_annealing_lets_the_volume_follow_the_pressure(session):
    big = noisy(0.0)
    big.set_cell(1.08 * big.cell.array, scale_atoms=True)
    stage = Anneal(start=0.01, end=0.01, steps=600, box=True)
    outcome = relax(session, stage, atoms=big, fmax=1e3, max_stress=1e4)
    assert isinstance(outcome, Relaxed)
    assert outcome.atoms.get_volume() < 0.9 * big.get_volume()


def test_random_stages_depend_on_the_seed_alone(session):
    stages = (Rattle(displacement=0.2, strain=0.02), Anneal(steps=50), BoxRounds())
    first, again, other = (relax(session, *stages, rng=rng) for rng in (0, 0, 1))
    np.testing.assert_array_equal(first.atoms.positions, again.atoms.positions)
    assert not np.allclose(first.atoms.positions, other.atoms.positions, atol=1e-8)


def test_symmetry_is_found_and_kept(session):
    import spglib

    def symmetry(atoms):
        cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
        return spglib.get_spacegroup(cell, symprec=1e-4)

    near = relax(session, BoxRounds(), fmax=0.1, max_stress=3.0)
    assert symmetry(near.atoms) != "Fd-3m (227)"
    exact = relax(session, BoxRounds(), Symmetrise(), BoxRounds(), fmax=0.1, max_stress=3.0)
    assert isinstance(exact, Relaxed)
    assert symmetry(exact.atoms) == "Fd-3m (227)"
    assert len(exact.atoms) == 8


def test_hops_never_make_it_worse(session):
    atoms = noisy(0.9)
    before = relax(session, BoxRounds(), atoms=atoms)
    after = relax(session, BoxRounds(), Hops(number=5), atoms=atoms)
    assert isinstance(after, Relaxed)
    assert isinstance(before, Failure) or after.energy <= before.energy + 1e-9
    assert after.evaluations > before.evaluations


def test_hops_mend_a_failed_seed(session):
    hasty = (BoxRounds(rounds=1, steps=1),)
    assert isinstance(relax(session, *hasty), Failure)
    assert isinstance(relax(session, *hasty, Hops(number=3)), Relaxed)


def test_hops_stop_when_it_is_enough(session):
    once = relax(session, BoxRounds())
    enough = relax(session, BoxRounds(), Hops(number=50, enough=0.0))
    assert enough.energy == once.energy


def test_pressure_compresses(session):
    free, pressed = (relax(session, BoxRounds(), pressure=pressure) for pressure in (0.0, 15.0))
    assert isinstance(pressed, Relaxed)
    assert pressed.atoms.get_volume() < 0.98 * free.atoms.get_volume()
    assert pressed.max_stress <= Protocol().max_stress


def test_dropped_seeds_have_no_outcome(session):
    with pytest.raises(DroppedError):
        relax_in(session, noisy(), Protocol(), dropped=lambda: True)
    assert isinstance(relax(session, BoxRounds()), Relaxed)


def test_flat_cells_are_failures(session):
    flat = noisy()
    flat.set_cell([3.6, 3.6, 1e-9])
    outcome = relax(session, BoxRounds(), atoms=flat)
    assert isinstance(outcome, Failure)
    assert outcome.reason is Reason.BAD_BOX


@pytest.mark.parametrize(
    "stage",
    [
        {"stage": "minimise", "style": "magic"},
        {"stage": "anneal", "start": 0},
        {"stage": "hops", "relax": [{"stage": "hops"}]},
        {"stage": "box", "style": "fire"},
        {"stage": "cell", "vmax": 0},
    ],
)
def test_impossible_stages_are_refused(stage):
    with pytest.raises(ValidationError):
        Protocol.model_validate({"stages": [stage]})


def test_messages_of_lammps_have_reasons():
    assert classify("ERROR: Lost atoms: original 8 current 7 (src/thermo.cpp)") is Reason.LOST_ATOMS
    assert classify("anything else") is Reason.LAMMPS_ERROR


def test_symmetrising_leaves_spglib_without_exceptions():
    refine_symmetry(bulk("C"), symprec=0.1)
    overlapping = ase.Atoms("C2", cell=3 * [3.0], pbc=True)
    assert space_group(overlapping) == UNKNOWN
