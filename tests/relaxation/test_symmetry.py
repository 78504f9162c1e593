"""Relaxations that keep the symmetry of their seeds, through real LAMMPS and a shipped model."""

import numpy as np
import pytest
from ase.build import bulk

from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.errors import UserError
from rm_lammps.geometry import perturb
from rm_lammps.geometry.symmetry import space_group, symmetry_operations
from rm_lammps.relaxation import Protocol, Relaxed
from rm_lammps.relaxation.kept_symmetry import symmetric_change
from rm_lammps.relaxation.relaxation import relax
from rm_lammps.seeds import ModelFacts, SeedConfig, SeedMaker
from rm_lammps.systems import find_system

LOOSE = {"fmax": 0.1, "max_stress": 2.0}
CELL = {"stage": "cell"}


@pytest.fixture(scope="module")
def session():
    from rm_lammps.relaxation.session import LammpsSession

    with LammpsSession(find_bundle("crystals")) as session:
        yield session


def seeds(session, formula, number, **asked):
    bundle = session.bundle
    facts = ModelFacts(bundle.manifest.species, bundle.statistics, bundle.prototypes)
    maker = SeedMaker(SeedConfig(kind="symmetric", **asked), formula, None, model=facts)
    return [maker.make(np.random.default_rng(k), k) for k in range(number)]


PROTOCOLS = {
    "cell": [CELL],
    "minimise": [{"stage": "minimise", "style": "fire"}, CELL],
    "rattle": [{"stage": "rattle", "displacement": 0.3, "strain": 0.05}, CELL],
    "denoise": [{"stage": "denoise", "steps": 30, "start": 0.2}, CELL],
    "hops": [CELL, {"stage": "hops", "number": 2, "relax": [CELL]}],
}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_operations_survive_every_stage(session, name):
    """Random steps leave the symmetry where nothing keeps it; forces alone hardly do."""
    stages = PROTOCOLS[name]
    protocol = Protocol(stages=stages, keep_symmetry=True, **LOOSE)
    free = Protocol(stages=stages, **LOOSE)
    protocol.check(find_system("crystal"))
    lost = 0
    for number, seed in enumerate(seeds(session, "Sr4Ti4O12", 3, space_group="Pnma,P2_1/c")):
        before = len(symmetry_operations(seed)[0])
        outcome = relax(session, seed, protocol, np.random.default_rng(number))
        assert isinstance(outcome, Relaxed)
        assert len(symmetry_operations(outcome.atoms)[0]) >= before > 1
        other = relax(session, seed, free, np.random.default_rng(number))
        if isinstance(other, Relaxed):
            lost += len(symmetry_operations(other.atoms)[0]) < before
    if name in {"rattle", "denoise"}:
        assert lost


def test_a_symmetric_change_has_the_symmetry_and_moves():
    quartz_like = bulk("C", cubic=True)
    quartz_like.numbers[:4] = 14
    rng = np.random.default_rng(0)
    changed = symmetric_change(quartz_like, perturb(quartz_like, 0.2, 0.1, rng))
    assert space_group(changed, 1e-5) == space_group(quartz_like, 1e-5)
    assert changed.get_volume() != pytest.approx(quartz_like.get_volume(), rel=1e-3)


@pytest.mark.parametrize(
    ("fields", "system", "message"),
    [
        ({"stages": [{"stage": "box"}]}, "crystal", "Stage box doesn't keep symmetry"),
        (
            {"stages": [{"stage": "hops", "relax": [{"stage": "box"}]}]},
            "crystal",
            "Stage box doesn't keep symmetry",
        ),
        ({"stages": [{"stage": "minimise"}]}, "molecule", "Molecules have no space group"),
    ],
)
def test_refusals(fields, system, message):
    with pytest.raises(UserError, match=message):
        Protocol(keep_symmetry=True, **fields).check(find_system(system))
