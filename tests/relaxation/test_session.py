"""Relaxation through real LAMMPS with the shipped model."""

import numpy as np
import pytest
from ase.build import bulk

from rm_lammps.deployment.bundle import Bundle
from rm_lammps.relaxation import Failure, Protocol, Reason, Relaxed
from rm_lammps.relaxation.relaxation import relax
from rm_lammps.relaxation.stages.box import BoxRounds
from rm_lammps.relaxation.stages.hops import Hops


@pytest.fixture(scope="module")
def session(diamond_bundle):
    from rm_lammps.relaxation.session import LammpsSession

    with LammpsSession(Bundle.load(diamond_bundle)) as session:
        yield session


def noisy_diamond(seed=0, sigma=0.1):
    atoms = bulk("C", cubic=True)
    rng = np.random.default_rng(seed)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.03 * rng.standard_normal((3, 3))), True)
    atoms.positions += sigma * rng.standard_normal(atoms.positions.shape)
    return atoms


def test_noisy_diamond_comes_back(session):
    from pymatgen.analysis.structure_matcher import StructureMatcher

    from rm_lammps.systems.crystal_matcher import to_pymatgen

    outcome = relax(session, noisy_diamond(), Protocol())
    assert isinstance(outcome, Relaxed)
    assert outcome.fmax <= Protocol().fmax
    assert outcome.max_stress <= Protocol().max_stress
    assert outcome.evaluations > 10
    assert StructureMatcher().fit(to_pymatgen(bulk("C")), to_pymatgen(outcome.atoms))


def test_no_round_raises_the_energy_whichever_atoms_are_at_the_faces(session, monkeypatch):
    """LAMMPS returns atoms wrapped during fix box/relax to another place than they came from."""
    energies = []
    evaluate = type(session).evaluate

    def noted(self):
        result = evaluate(self)
        energies.append(result.energy)
        return result

    monkeypatch.setattr(type(session), "evaluate", noted)
    evaluations = []
    for seed in range(10):
        atoms = noisy_diamond(seed, sigma=0.0)
        for shift in (0.0, 0.3):
            moved = atoms.copy()
            moved.positions += shift
            energies.clear()
            outcome = relax(session, moved, Protocol(stages=(BoxRounds(),)))
            assert isinstance(outcome, Relaxed)
            assert max(np.diff(energies), default=0) < 1e-4
            evaluations.append(outcome.evaluations)
    # whatever the origin, it takes as long
    assert evaluations[::2] == evaluations[1::2]


def test_stress_has_the_sign_of_ase(session):
    """A stretched cell has positive stress: (1/V) dE/d(strain), here by finite differences."""
    atoms = bulk("C", cubic=True)
    atoms.set_cell(1.04 * atoms.cell.array, scale_atoms=True)

    def energy(stretch):
        stretched = atoms.copy()
        stretched.set_cell(stretched.cell.array * [1 + stretch, 1, 1], scale_atoms=True)
        session.load(stretched)
        return session.evaluate().energy

    session.load(atoms)
    stress = session.evaluate().stress
    h = 0.01
    numerical = (energy(h) - energy(-h)) / (2 * h * atoms.get_volume())
    gpa = 160.2176634  # of one eV/Å³
    assert stress[0, 0] > 1.0
    assert stress[0, 0] == pytest.approx(numerical * gpa, rel=0.01)


def test_skewed_cells_are_the_same_crystal(session):
    atoms = noisy_diamond(1)
    session.load(atoms)
    straight = session.evaluate()
    skewed = atoms.copy()
    skewed.set_cell(np.array([[1, 0, 0], [3, 1, 0], [-2, 4, 1]]) @ atoms.cell.array)
    session.load(skewed)
    assert session.evaluate().energy == pytest.approx(straight.energy, rel=1e-5)


def test_a_box_taken_over_is_as_good_as_a_new_one(session):
    first, second = noisy_diamond(3), noisy_diamond(4)
    second.set_cell(1.1 * second.cell.array, scale_atoms=True)
    second.positions += 7.0
    session.load(first)
    session.evaluate()
    session.load(second)
    taken_over, structure = session.evaluate(), session.structure()
    session.discard()
    session.load(second)
    new = session.evaluate()
    assert taken_over.energy == pytest.approx(new.energy, rel=1e-6)
    np.testing.assert_allclose(taken_over.forces, new.forces, atol=1e-4)
    np.testing.assert_allclose(taken_over.stress, new.stress, atol=1e-3)
    np.testing.assert_allclose(structure.positions, session.structure().positions, atol=1e-9)


def test_seeds_do_not_depend_on_those_before(session):
    protocol = Protocol(stages=(BoxRounds(), Hops(number=2)))
    alone = relax(session, noisy_diamond(5), protocol)
    relax(session, noisy_diamond(6, sigma=0.5), protocol)
    again = relax(session, noisy_diamond(5), protocol)
    np.testing.assert_array_equal(alone.atoms.positions, again.atoms.positions)


def test_seeds_that_are_not_numbers_are_failures(session):
    lost = bulk("C", cubic=True)
    lost.positions[0] = np.nan
    outcome = relax(session, lost, Protocol())
    assert isinstance(outcome, Failure)
    assert outcome.reason is Reason.NOT_FINITE


def test_atoms_on_one_spot_end_the_seed_alone(session):
    on_one_spot = bulk("C", cubic=True)
    on_one_spot.positions[1] = on_one_spot.positions[0]
    outcome = relax(session, on_one_spot, Protocol())
    assert isinstance(outcome, Failure)
    assert outcome.reason is Reason.NOT_FINITE
    assert isinstance(relax(session, noisy_diamond(), Protocol()), Relaxed)


def test_session_survives_an_error_of_lammps(session, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(session, "volume", lambda: session.command("run nonsense"))
        outcome = relax(session, noisy_diamond(), Protocol())
    assert isinstance(outcome, Failure)
    assert outcome.reason is Reason.LAMMPS_ERROR
    assert "nonsense" in outcome.detail
    assert isinstance(relax(session, noisy_diamond(), Protocol()), Relaxed)


def test_unfinished_relaxations_are_failures(session):
    hasty = Protocol.model_validate({"stages": [{"stage": "minimise", "steps": 1}], "fmax": 1e-6})
    outcome = relax(session, noisy_diamond(sigma=0.3), hasty)
    assert isinstance(outcome, Failure)
    assert outcome.reason is Reason.NOT_CONVERGED
    assert "fmax" in outcome.detail


@pytest.mark.parametrize(
    ("volume", "reason"), [((0.01, 0.5), Reason.EXPANDED), ((2.0, 9.0), Reason.COLLAPSED)]
)
def test_volumes_out_of_range_are_failures(session, volume, reason):
    outcome = relax(session, noisy_diamond(), Protocol(volume=volume))
    assert isinstance(outcome, Failure)
    assert outcome.reason is reason


def test_order_of_atoms_is_kept(session):
    atoms = noisy_diamond(2, sigma=0.02)
    outcome = relax(session, atoms, Protocol(stages=(BoxRounds(),)))
    assert isinstance(outcome, Relaxed)
    before = atoms.get_all_distances(mic=True)
    after = outcome.atoms.get_all_distances(mic=True)
    # neighbours stay neighbours
    assert ((before < 1.9) == (after < 1.9)).all()


def test_evaluations_are_those_of_one_seed(session):
    first = relax(session, noisy_diamond(), Protocol())
    second = relax(session, noisy_diamond(), Protocol())
    assert first.evaluations == second.evaluations
    np.testing.assert_array_equal(first.atoms.positions, second.atoms.positions)
