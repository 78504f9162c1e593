"""The energy of wrong numbers of neighbours, through real LAMMPS."""

import numpy as np
import pytest
from pydantic import ValidationError

from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.geometry import pairs_of
from rm_lammps.relaxation import Protocol, Relaxed
from rm_lammps.relaxation.relaxation import relax
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.relaxation.terms.coordination import CoordinationTerm

SILICA = {"neighbours": {"Si": 4, "O": 2}, "within": {"Si-O": [2.1, 3.1]}}


@pytest.fixture(scope="module")
def session():
    with LammpsSession(find_bundle("silica")) as session:
        yield session


def noisy(atoms, noise=0.2):
    """Atoms moved a little."""
    atoms = atoms.copy()
    atoms.positions += noise * np.random.default_rng(3).standard_normal(atoms.positions.shape)
    return atoms


def energy_of(atoms, term):
    """The sum over atoms, by its definition."""
    within = {frozenset(pair.split("-")): limits for pair, limits in term.within.items()}
    symbols = np.array(atoms.get_chemical_symbols())
    counts = np.zeros(len(atoms))
    for i, j, distance in zip(*pairs_of("ijd", atoms, 4.0), strict=True):
        whole, none = within.get(frozenset((symbols[i], symbols[j])), (0.0, 1e-9))
        way = np.clip((distance - whole) / (none - whole), 0, 1)
        counts[i] += 0.5 * (1 + np.cos(np.pi * way))
    total = 0.0
    for symbol, count in zip(symbols, counts, strict=True):
        if symbol in term.neighbours:
            total += term.height * min((count - n) ** 2 for n in term.neighbours[symbol])
    return total


def evaluated(session, atoms, *terms):
    session.compose(terms)
    session.discard()
    session.load(atoms)
    return session.evaluate()


@pytest.mark.parametrize(
    "fields",
    [
        SILICA,
        {"neighbours": {"O": [1, 3]}, "within": {"O-Si": [1.6, 2.5]}, "height": 0.7},
        {
            "neighbours": {"Si": 9, "O": 3},
            "within": {"Si-O": [2.0, 3.0], "O-O": [2.4, 3.3], "C-O": [1.2, 1.3]},
        },
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_energy_and_forces_are_those_of_the_definition(session, cristobalite, fields, order):
    atoms, term = noisy(cristobalite)[::order], CoordinationTerm.model_validate(fields)
    alone, together = evaluated(session, atoms), evaluated(session, atoms, term)
    assert together.terms["coordination"] == pytest.approx(energy_of(atoms, term), rel=1e-5)
    forces = together.forces - alone.forces
    for atom in (0, 9, 20):
        moved = []
        for step in (-1e-4, 1e-4):
            copy = atoms.copy()
            copy.positions[atom, 1] += step
            moved.append(energy_of(copy, term))
        assert forces[atom, 1] == pytest.approx(-(moved[1] - moved[0]) / 2e-4, abs=2e-4)


def test_right_numbers_of_neighbours_cost_nothing(session, cristobalite):
    term = CoordinationTerm.model_validate(SILICA)
    assert evaluated(session, cristobalite, term).terms["coordination"] == pytest.approx(
        0.0, abs=1e-9
    )


def test_a_missing_neighbour_comes_nearer(session, cristobalite):
    """By the term alone: an oxygen atom that was pulled away from one of its two silicon atoms."""
    atoms = cristobalite.copy()
    first, ways = pairs_of("iD", atoms, 1.7)
    atoms.positions[8] += 0.6 * ways[first == 8][0]
    term = CoordinationTerm.model_validate(SILICA)
    protocol = Protocol(
        terms=(term,), model_weight=1e-6, stages=[{"stage": "minimise", "ftol": 0.001}], fmax=0.01
    )
    outcome = relax(session, atoms, protocol)
    assert isinstance(outcome, Relaxed)
    assert outcome.terms["coordination"] < 0.01 < energy_of(atoms, term)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "Field required"),
        ({"neighbours": {"Si": 4}}, "Field required"),
        (SILICA | {"neighbours": {}}, "at least 1 item"),
        (SILICA | {"neighbours": {"Si": []}}, "at least 1 item"),
        (SILICA | {"neighbours": {"Si": -1}}, "greater than or equal to 0"),
        (SILICA | {"neighbours": {"Si": 4.5}}, "valid"),
        (SILICA | {"neighbours": {"C": 4}}, "within has no pair of C"),
        (SILICA | {"within": {"Si-O": [3.1, 2.1]}}, "must be below the second"),
        (SILICA | {"within": {"Si-O": [2.1]}}, "Field required"),
        (SILICA | {"within": {"SiO": [2.1, 3.1]}}, "two chemical symbols"),
        (SILICA | {"within": {"Si-O": [2.1, 3.1], "O-Si": [2.1, 3.1]}}, "there twice"),
        (SILICA | {"height": 0}, "greater than 0"),
    ],
)
def test_impossible_settings_are_refused(fields, message):
    with pytest.raises(ValidationError, match=message):
        Protocol.model_validate({"terms": [{"term": "coordination"} | fields]})
