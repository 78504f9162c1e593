"""Walls around atoms, through real LAMMPS."""

import numpy as np
import pytest
from ase.build import bulk
from pydantic import ValidationError

from rm_lammps.chemistry.density import volume_of
from rm_lammps.deployment.bundle import Bundle
from rm_lammps.errors import UserError
from rm_lammps.geometry.shapes import sphere_radius
from rm_lammps.relaxation import Protocol, Relaxed
from rm_lammps.relaxation.relaxation import relax
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.relaxation.terms.apart import ApartTerm
from rm_lammps.relaxation.terms.shape import ShapeTerm
from rm_lammps.systems import system_of

DENSITY = 3.5


@pytest.fixture(scope="module")
def session(diamond_bundle):
    with LammpsSession(Bundle.load(diamond_bundle)) as session:
        session.restrict("none", None)
        yield session


def crystal():
    """A cell whose atoms fill only some of it at the density that is asked for."""
    atoms = bulk("C", cubic=True) * (2, 2, 2)
    atoms.set_cell(1.2 * atoms.cell.array, scale_atoms=True)
    atoms.positions += 0.3
    return atoms


def beyond(shape, atoms):
    """How far each atom is beyond the wall, Å."""
    volume, edge = volume_of(atoms.symbols, DENSITY), atoms.cell.lengths()[0]
    away = (atoms.positions / edge % 1 - 0.5) * edge
    if shape == "sphere":
        return np.linalg.norm(away, axis=1) - sphere_radius(volume)
    if shape == "film":
        return np.abs(away[:, 2]) - 0.5 * volume / edge**2
    return ((edge**3 - volume) / edge / np.pi) ** 0.5 - np.linalg.norm(away[:, :2], axis=1)


@pytest.mark.parametrize("shape", ["sphere", "film", "pore"])
@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_atoms_beyond_the_wall_are_pushed_back(session, shape, weight):
    atoms = crystal()
    session.compose(())
    session.discard()
    session.load(atoms)
    alone = session.evaluate()
    session.compose((ShapeTerm(shape=shape, density=DENSITY, constant=3.0, weight=weight),))
    session.discard()
    session.load(atoms)
    together = session.evaluate()
    outside = beyond(shape, atoms).clip(0)
    assert (outside > 0).sum() not in {0, len(atoms)}
    assert together.terms["shape"] == pytest.approx((outside**3).sum(), rel=1e-6)
    pushed = np.linalg.norm(together.forces - alone.forces, axis=1)
    np.testing.assert_allclose(pushed, 3.0 * weight * outside**2, atol=1e-4)


@pytest.mark.parametrize("shape", ["sphere", "film", "pore"])
def test_they_stay_within(session, shape):
    atoms = crystal()
    repulsion = ApartTerm(distances={"C-C": 1.3}, height=20.0)
    protocol = Protocol(
        terms=(ShapeTerm(shape=shape, density=DENSITY, constant=10.0), repulsion),
        model_weight=1e-6,
        axes="none",
        stages=[{"stage": "minimise", "ftol": 1e-4, "steps": 500}],
        fmax=0.01,
    )
    outcome = relax(session, atoms, protocol)
    assert isinstance(outcome, Relaxed)
    assert beyond(shape, atoms).max() > 0.5
    assert beyond(shape, outcome.atoms).max() < 0.1


def test_a_cell_that_may_change_has_no_place_for_walls():
    protocol = Protocol(
        terms=(ShapeTerm(shape="film", density=2.0),), stages=[{"stage": "minimise", "steps": 9}]
    )
    with pytest.raises(UserError, match="axes: none"):
        protocol.check(system_of(crystal()))


@pytest.mark.parametrize(
    "fields", [{"shape": "cone", "density": 2}, {"shape": "film"}, {"shape": "film", "density": 0}]
)
def test_impossible_walls_are_refused(fields):
    with pytest.raises(ValidationError):
        Protocol.model_validate({"terms": [{"term": "shape"} | fields]})
