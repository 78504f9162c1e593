"""Held atoms and axes, through real LAMMPS and a shipped model."""

import numpy as np
import pytest
from ase.build import bulk
from ase.constraints import FixAtoms

from rm_lammps.deployment.bundle import Bundle
from rm_lammps.errors import UserError
from rm_lammps.relaxation import Protocol, Relaxed
from rm_lammps.relaxation.relaxation import relax
from rm_lammps.systems import find_system

CELL = {"stage": "cell"}
HOPS = {"stage": "hops", "number": 2, "relax": [CELL]}


@pytest.fixture(scope="module")
def session(diamond_bundle):
    from rm_lammps.relaxation.session import LammpsSession

    with LammpsSession(Bundle.load(diamond_bundle)) as session:
        yield session


def skewed(held=range(4)):
    """Diamond in a cell that is neither reduced nor in LAMMPS's orientation, half of it held."""
    atoms = bulk("C", cubic=True)
    atoms.cell[2] += 3 * atoms.cell[0]
    atoms.rotate(37, (1, 2, 3), rotate_cell=True)
    rng = np.random.default_rng(4)
    free = sorted(set(range(8)) - set(held))
    atoms.positions[free] += 0.15 * rng.standard_normal((len(free), 3))
    if held:
        atoms.set_constraint(FixAtoms(list(held)))
    return atoms


MINIMISE = {"stage": "minimise", "ftol": 0.01, "steps": 500}
DENOISE = {"stage": "denoise", "start": 0.2, "end": 0.02, "steps": 60}


@pytest.mark.parametrize("stages", [[CELL], [MINIMISE], [CELL, HOPS], [DENOISE, MINIMISE]])
def test_held_atoms_and_the_cell_stay_exactly(session, stages):
    start = skewed()
    outcome = relax(session, start, Protocol(stages=stages, axes="none"), np.random.default_rng(0))
    assert isinstance(outcome, Relaxed)
    np.testing.assert_array_equal(outcome.atoms.positions[:4], start.positions[:4])
    np.testing.assert_allclose(outcome.atoms.cell.array, start.cell.array, atol=1e-9)
    moved = np.abs(outcome.atoms.positions[4:] - start.positions[4:]).max()
    assert 0.05 < moved < 2
    whole = relax(session, bulk("C", cubic=True), Protocol(stages=(CELL,)))
    assert outcome.energy == pytest.approx(whole.energy, abs=0.05)


def test_held_atoms_go_with_a_cell_that_changes(session):
    start = skewed()
    start.set_cell(1.03 * start.cell.array, scale_atoms=True)
    outcome = relax(session, start, Protocol(stages=(CELL,), axes="xyz"))
    assert isinstance(outcome, Relaxed)
    before, after = start.get_scaled_positions(), outcome.atoms.get_scaled_positions(wrap=False)
    np.testing.assert_allclose(after[:4], start.get_scaled_positions(wrap=False)[:4], atol=1e-8)
    assert np.abs(after[4:] - before[4:]).max() > 0.01
    assert outcome.atoms.get_volume() < start.get_volume()


@pytest.mark.parametrize(("axes", "fixed"), [("z", [0, 1]), ("xy", [2])])
def test_axes_that_may_change(session, axes, fixed):
    """The other vectors of the cell keep their lengths, the stress along these axes goes."""
    start = bulk("C", cubic=True)
    start.set_cell(start.cell.array * 1.04, scale_atoms=True)
    protocol = Protocol(stages=(CELL,), axes=axes, max_stress=0.5)
    outcome = relax(session, start, protocol)
    assert isinstance(outcome, Relaxed)
    before, after = start.cell.lengths(), outcome.atoms.cell.lengths()
    np.testing.assert_allclose(after[fixed], before[fixed], atol=1e-9)
    free = [axis for axis in range(3) if axis not in fixed]
    assert (after[free] < before[free] - 0.05).all()
    assert outcome.max_stress < 0.5


def test_springs(session):
    start = skewed()
    start.positions[0] += [0.1, 0.0, 0.0]
    moved = []
    for spring in (1.0, 100.0):
        protocol = Protocol(stages=(CELL,), axes="none", spring=spring)
        outcome = relax(session, start, protocol)
        assert isinstance(outcome, Relaxed)
        moved.append(np.linalg.norm(outcome.atoms.positions[0] - start.positions[0]))
        # E~ of the structure alone, without the springs
        assert outcome.energy == pytest.approx(energy(session, outcome.atoms), abs=1e-6)
    assert moved[0] > 3 * moved[1] > 0


def energy(session, atoms):
    session.restrict("xyz", None)
    session.discard()
    atoms = atoms.copy()
    atoms.set_constraint()
    session.load(atoms)
    return session.evaluate().energy


@pytest.mark.parametrize("stage", ["box", "anneal"])
def test_stages_that_would_move_them_are_refused(session, stage):
    protocol = Protocol(stages=[{"stage": stage}])
    with pytest.raises(UserError, match=f"Stage {stage} moves atoms that are to stay"):
        relax(session, skewed(), protocol)
    with pytest.raises(UserError, match=f"Stage {stage} moves atoms that are to stay"):
        Protocol(stages=[{"stage": stage}], axes="z").check(find_system("crystal"))


def test_nothing_free_to_move(session):
    with pytest.raises(UserError, match="Nothing is free to move: all 8 atoms are held"):
        relax(session, skewed(range(8)), Protocol(stages=(CELL,), axes="none"))
