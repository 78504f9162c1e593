"""Energy terms beside E~, through real LAMMPS."""

import numpy as np
import pytest
from ase.build import bulk
from pydantic import ValidationError

from rm_lammps.deployment.bundle import Bundle
from rm_lammps.errors import UserError
from rm_lammps.relaxation import Protocol, Relaxed
from rm_lammps.relaxation.relaxation import relax
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.relaxation.terms.bundle import BundleTerm
from rm_lammps.relaxation.terms.pair import PairTerm


@pytest.fixture(scope="module")
def session(diamond_bundle):
    with LammpsSession(Bundle.load(diamond_bundle)) as session:
        yield session


def noisy():
    atoms = bulk("C", cubic=True)
    atoms.positions += 0.1 * np.random.default_rng(0).standard_normal(atoms.positions.shape)
    return atoms


def evaluated(session, *terms):
    session.compose(terms)
    session.discard()
    session.load(noisy())
    return session.evaluate()


def soft(**fields):
    return PairTerm(style="soft", arguments="1.6", coefficients=("* * 2.0",), **fields)


def soft_energy(atoms, cutoff=1.6, strength=2.0):
    """LAMMPS's pair style soft: A (1 + cos(pi r / rc))."""
    from rm_lammps.geometry import pairs_of

    d = pairs_of("d", atoms, cutoff)
    return 0.5 * strength * np.sum(1 + np.cos(np.pi * d / cutoff))


def test_a_term_adds_its_energy_forces_and_stress(session):
    alone = evaluated(session)
    together = evaluated(session, soft(weight=0.5))
    twice = evaluated(session, soft(weight=1.0))
    assert alone.terms == {}
    assert together.terms["pair"] == pytest.approx(soft_energy(noisy()), rel=1e-6)
    assert together.terms["E~"] == pytest.approx(alone.energy, rel=1e-6)
    expected = alone.energy + 0.5 * together.terms["pair"]
    assert together.energy == pytest.approx(expected, rel=1e-6)
    added = (together.forces - alone.forces, together.stress - alone.stress)
    assert np.abs(added[0]).max() > 0.1
    np.testing.assert_allclose(2 * added[0], twice.forces - alone.forces, atol=1e-4)
    np.testing.assert_allclose(2 * added[1], twice.stress - alone.stress, atol=1e-3)
    # without the term again, nothing of it is left
    assert evaluated(session).energy == pytest.approx(alone.energy, rel=1e-9)


def test_the_same_model_as_a_term_doubles_the_energy(session):
    alone = evaluated(session)
    doubled = evaluated(session, BundleTerm(model="diamond", label="again"))
    assert doubled.terms["again"] == pytest.approx(alone.energy, rel=1e-6)
    assert doubled.energy == pytest.approx(2 * alone.energy, rel=1e-6)


def test_relaxation_counts_evaluations_and_keeps_energies(session):
    term = soft(weight=0.2, label="core")
    outcome = relax(session, noisy(), Protocol(terms=(term,)))
    assert isinstance(outcome, Relaxed)
    assert outcome.evaluations > 10
    expected = outcome.terms["E~"] + 0.2 * outcome.terms["core"]
    assert outcome.energy == pytest.approx(expected, rel=1e-6)
    softer = relax(session, noisy(), Protocol())
    assert outcome.atoms.get_volume() > softer.atoms.get_volume()


def test_terms_from_yaml_and_back():
    fields = {"terms": [{"term": "pair", "style": "lj/cut", "coefficients": ["* * 1.0 2.0"]}]}
    protocol = Protocol.model_validate(fields)
    assert Protocol.model_validate(protocol.model_dump(mode="json")) == protocol


@pytest.mark.parametrize(
    "terms",
    [
        [{"term": "pair", "style": "lj/cut", "coefficients": ["*"]}],
        [{"term": "pair", "style": "lj/cut"}],
        [{"term": "magic"}],
        [{"style": "lj/cut"}],
        2 * [{"term": "pair", "style": "soft", "coefficients": ["* * 1.0"]}],
    ],
)
def test_impossible_terms_are_refused(terms):
    with pytest.raises(ValidationError):
        Protocol.model_validate({"terms": terms})


def test_a_model_that_lacks_an_element_is_refused(diamond_bundle):
    with pytest.raises(UserError, match="knows no O"):
        BundleTerm(model=str(diamond_bundle)).pair(["C", "O"])


def test_weights_and_pressure_follow_a_schedule(session):
    """Guided at first and not at the end: a minimum of E~ alone, but another one than without."""
    relaxed = [{"stage": "minimise", "ftol": 0.01, "steps": 300}, {"stage": "cell"}]
    tight = {"fmax": 0.02, "max_stress": 0.3}
    for schedule in ([{"weights": {"soft": 0.0}}], [{"weights": {"soft": 3.0}}], []):
        steps = [*relaxed, *({"stage": "weigh", **values} for values in schedule), *relaxed]
        protocol = Protocol(stages=steps, terms=[soft(label="soft")], **tight)
        weight = schedule[0]["weights"]["soft"] if schedule else 1.0
        outcome = relax(session, noisy(), protocol)
        assert isinstance(outcome, Relaxed)
        parts = outcome.terms
        assert outcome.energy == pytest.approx(parts["E~"] + weight * parts["soft"], abs=1e-4)
    plain = relax(session, noisy(), Protocol(stages=relaxed, **tight))
    # of a term that is E~ again, any weights that add up to one change nothing
    twice = BundleTerm(model=str(session.bundle.folder), weight=0.0)
    mixed = [{"stage": "weigh", "weights": {"E~": -0.5, "bundle": 1.5}}, *relaxed]
    outcome = relax(session, noisy(), Protocol(stages=mixed, terms=[twice], **tight))
    assert outcome.energy == pytest.approx(plain.energy, abs=1e-3)
    squeezed = [{"stage": "weigh", "pressure": 20.0}, *relaxed]
    volumes = []
    for steps in (squeezed, [*squeezed, {"stage": "weigh", "pressure": 0.0}, *relaxed]):
        outcome = relax(session, noisy(), Protocol(stages=steps, **tight))
        assert isinstance(outcome, Relaxed)
        volumes.append(outcome.atoms.get_volume() / plain.atoms.get_volume())
    assert volumes[0] < 0.99
    assert volumes[1] == pytest.approx(1.0, abs=2e-3)


def test_weights_of_no_term(session):
    protocol = Protocol(stages=[{"stage": "weigh", "weights": {"hard": 1.0}}], terms=[soft()])
    with pytest.raises(UserError, match="There is no energy term 'hard' to weigh"):
        relax(session, noisy(), protocol)
