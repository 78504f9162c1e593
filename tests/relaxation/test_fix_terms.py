"""Energy terms that are fixes of LAMMPS: distances and collective variables."""

import numpy as np
import pytest
from ase.build import bulk
from ase.constraints import FixAtoms
from pydantic import ValidationError

from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.errors import UserError
from rm_lammps.relaxation import Protocol, Relaxed
from rm_lammps.relaxation.relaxation import relax
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.relaxation.terms.colvars import ColvarsTerm
from rm_lammps.relaxation.terms.distances import DistancesTerm
from rm_lammps.systems import find_system

STILL = {"stages": [{"stage": "minimise", "style": "lbfgs", "ftol": 0.01, "steps": 300}]}
RELEASED = [
    *STILL["stages"],
    {"stage": "blend", "weights": {"distances": 0}},
    {"stage": "cell"},
]


@pytest.fixture(scope="module")
def session():
    with LammpsSession(find_bundle("diamond")) as session:
        yield session


def noisy(times=1):
    atoms = bulk("C", cubic=True).repeat(times)
    atoms.positions += 0.05 * np.random.default_rng(0).standard_normal(atoms.positions.shape)
    return atoms


@pytest.fixture
def pulled():
    return DistancesTerm(pairs=((0, 1, 1.9), (0, 7, 1.9)), constant=4.0, weight=0.5)


@pytest.fixture
def crowded(tmp_path):
    """A configuration that asks for fewer bonds than the 128 of 64 atoms of diamond."""
    file = tmp_path / "bonds.colvars"
    file.write_text(
        "colvar {\n  name bonds\n  selfCoordNum {\n    cutoff 1.8\n    expNumer 12\n"
        "    expDenom 24\n    group1 { atomsOf C }\n  }\n}\n"
        "harmonic {\n  colvars bonds\n  centers 100\n  forceConstant 0.01\n}\n"
    )
    return ColvarsTerm(file=file)


def evaluated(session, atoms, *terms):
    session.compose(terms)
    session.restrict("none", None)
    session.discard()
    session.load(atoms)
    return session.evaluate()


def test_distances_add_their_energy_and_forces(session, pulled):
    atoms = noisy(2)
    gaps = atoms.get_distances(0, [1, 7], mic=True) - 1.9
    alone, together = evaluated(session, atoms), evaluated(session, atoms, pulled)
    assert together.terms["distances"] == pytest.approx(4.0 * np.sum(gaps**2), rel=1e-6)
    expected = alone.energy + 0.5 * together.terms["distances"]
    assert together.energy == pytest.approx(expected, rel=1e-6)
    toward = atoms.get_distances(0, [1, 7], mic=True, vector=True)
    toward /= np.linalg.norm(toward, axis=1)[:, None]
    force = 0.5 * 2 * 4.0 * gaps @ toward
    np.testing.assert_allclose(together.forces[0] - alone.forces[0], force, atol=1e-4)
    # what is long enough costs nothing
    least = DistancesTerm(pairs=((0, 1, 1.0),), at_least=True)
    assert evaluated(session, atoms, least).terms["distances"] == 0.0


def test_the_energy_of_colvars_goes_by_its_weight(session, crowded):
    atoms = noisy(2)
    alone, once = evaluated(session, atoms), evaluated(session, atoms, crowded)
    thrice = evaluated(session, atoms, crowded.model_copy(update={"weight": 3.0}))
    assert once.terms["colvars"] > 0.01
    assert thrice.terms["colvars"] == pytest.approx(once.terms["colvars"], rel=1e-6)
    np.testing.assert_allclose(
        thrice.forces - alone.forces, 3 * (once.forces - alone.forces), atol=1e-4
    )
    expected = alone.energy + 3 * once.terms["colvars"]
    assert thrice.energy == pytest.approx(expected, rel=1e-6)


def test_a_distance_is_kept_and_let_go(session, pulled):
    """In a fixed cell; with the weight at zero what is left is a minimum of E~ alone."""
    atoms = noisy(2)
    atoms.set_constraint(FixAtoms([0]))
    strong = pulled.model_copy(update={"weight": 100.0})
    outcome = relax(session, atoms, Protocol(terms=(strong,), axes="none", **STILL))
    assert isinstance(outcome, Relaxed)
    kept = outcome.atoms.get_distances(0, [1, 7], mic=True)
    np.testing.assert_allclose(kept, 1.9, atol=0.05)
    np.testing.assert_array_equal(outcome.atoms.positions[0], atoms.positions[0])

    protocol = Protocol(terms=(pulled,), stages=RELEASED)
    protocol.check(find_system("crystal"))
    outcome = relax(session, noisy(2), protocol)
    assert isinstance(outcome, Relaxed)
    gaps = outcome.atoms.get_distances(0, [1, 7], mic=True) - 1.9
    assert outcome.terms["distances"] == pytest.approx(4.0 * np.sum(gaps**2), rel=1e-4)
    assert outcome.energy == pytest.approx(outcome.terms["E~"], rel=1e-6)
    free = relax(session, noisy(2), Protocol(stages=[{"stage": "cell"}]))
    assert outcome.energy == pytest.approx(free.energy, abs=5e-3)


def test_cells_that_change_are_refused(pulled):
    crystal, molecule = find_system("crystal"), find_system("molecule")
    both = [{"stage": "minimise"}, {"stage": "cell"}]
    with pytest.raises(UserError, match="distances has no stress, and stage cell changes"):
        Protocol(terms=(pulled,), stages=both).check(crystal)
    again = [*RELEASED, {"stage": "blend", "weights": {"distances": 1}}, {"stage": "hops"}]
    with pytest.raises(UserError, match="no stress, and stage hops changes"):
        Protocol(terms=(pulled,), stages=again).check(crystal)
    Protocol(terms=(pulled,), stages=both, axes="none").check(crystal)
    Protocol(terms=(pulled,), stages=[{"stage": "minimise"}]).check(molecule)


def test_distances_of_atoms_that_are_not_there(session, pulled):
    with pytest.raises(UserError, match="names atom 7, but the structure has 2 atoms"):
        relax(session, bulk("C"), Protocol(terms=(pulled,), axes="none", **STILL))
    with pytest.raises(ValidationError, match="atom 3 has no distance to itself"):
        DistancesTerm(pairs=((3, 3, 1.0),))
    with pytest.raises(ValidationError):
        DistancesTerm(pairs=((-1, 3, 1.0),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colvar {\n distance {\n group1 { atomsOf Si }\n }\n}", "names atoms of Si, but"),
        ("colvar {\n distance {\n group1 { atomNumbers 1 9 }\n }\n}", "names atom 9, but"),
        ("nonsense 3", 'can\'t use .*: Error: keyword "nonsense" is not supported'),
        ('text """', "which no configuration of Colvars needs"),
        (None, "Can't read the configuration"),
    ],
)
def test_configurations_that_can_not_be(session, tmp_path, text, message):
    file = tmp_path / "bad.colvars"
    if text is not None:
        file.write_text(text)
    term = ColvarsTerm(file=file)
    with pytest.raises(UserError, match=message):
        relax(session, noisy(), Protocol(terms=(term,), axes="none", **STILL))
    # the session goes on
    assert evaluated(session, noisy()).terms == {}
