"""``rm.relax`` on one's own structures."""

import numpy as np
import pytest
from ase.build import bulk, molecule

import rm_lammps as rm
from rm_lammps.relaxation.stages.box import BoxRounds


def test_a_stretched_crystal_comes_back_and_the_given_one_stays(diamond_bundle):
    atoms = bulk("C", a=3.7)
    before = atoms.copy()
    relaxed = rm.relax(atoms, diamond_bundle)
    assert atoms == before
    assert relaxed.atoms.get_volume() / 2 == pytest.approx(5.67, abs=0.15)
    assert relaxed.max_stress <= 0.3


def test_only_the_nearest_minimum_is_looked_for_unless_a_preset_is_named(diamond_bundle):
    atoms = rattled_diamond()
    near = rm.relax(atoms, diamond_bundle)
    searched = rm.relax(atoms, diamond_bundle, preset="hops")
    assert searched.evaluations > 2 * near.evaluations
    with pytest.warns(UserWarning, match="called hops"):
        former = rm.relax(atoms, diamond_bundle, preset="crystals")
    assert former.energy == searched.energy


def rattled_diamond():
    atoms = bulk("C", cubic=True)
    atoms.rattle(0.3, seed=2)
    return atoms


def test_pressure_squeezes(diamond_bundle):
    free = rm.relax(bulk("C", a=3.6), diamond_bundle)
    pressed = rm.relax(bulk("C", a=3.6), diamond_bundle, pressure=5.0)
    assert pressed.atoms.get_volume() < 0.99 * free.atoms.get_volume()


def test_protocols_as_objects_and_as_plain_data_are_the_same(diamond_bundle):
    atoms = bulk("C", a=3.7)
    plain = rm.relax(
        atoms, diamond_bundle, protocol={"stages": [{"stage": "box", "rounds": 12}], "fmax": 0.1}
    )
    made = rm.Protocol(stages=(BoxRounds(rounds=12),), fmax=0.1)
    assert rm.relax(atoms, diamond_bundle, protocol=made).energy == plain.energy


def test_molecules_relax_too_and_keep_the_order_of_atoms():
    atoms = molecule("CH3CH2OH")
    # no noise is added on the way, in which a molecule could fall into pieces
    assert rm.relax(atoms, "molecules").atoms.get_all_distances() == pytest.approx(
        atoms.get_all_distances(), abs=0.3
    )
    atoms.rattle(0.1, seed=0)
    relaxed = rm.relax(atoms, "molecules")
    assert relaxed.atoms.get_chemical_symbols() == atoms.get_chemical_symbols()
    assert relaxed.fmax <= 0.05
    assert np.linalg.norm(relaxed.atoms.get_distance(0, 1)) == pytest.approx(1.51, abs=0.06)


def test_a_trajectory_is_written_where_asked_for(diamond_bundle, tmp_path):
    import ase.io

    rm.relax(rattled_diamond(), diamond_bundle, trajectory=tmp_path / "way.extxyz")
    frames = ase.io.read(tmp_path / "way.extxyz", ":")
    assert len(frames) > 1
    assert len(frames[-1]) == 8


def test_what_does_not_come_to_rest_says_why(diamond_bundle):
    stages = [{"stage": "minimise", "steps": 1}]
    with pytest.raises(rm.RelaxationError) as caught:
        rm.relax(rattled_diamond(), diamond_bundle, protocol={"stages": stages})
    assert caught.value.reason is rm.Reason.NOT_CONVERGED
    assert "fmax" in caught.value.detail
    assert caught.value.evaluations > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "hopps"}, "Unknown preset 'hopps'; allowed: hops"),
        ({"protocol": {"stages": ["boxx"]}}, "unknown stage 'boxx'"),
        ({"protocol": {"fmaxx": 1}}, "fmaxx"),
        ({"model": "dimond"}, "No model 'dimond'"),
    ],
)
def test_unusable_settings_are_refused(diamond_bundle, settings, message):
    with pytest.raises(rm.UserError, match=message):
        rm.relax(bulk("C"), **{"model": diamond_bundle, **settings})


def test_what_is_no_structure_is_refused(diamond_bundle):
    with pytest.raises(rm.UserError, match=r"an ase.Atoms, not a str.*\s.*ase.io.read"):
        rm.relax("diamond.cif", model=diamond_bundle)


def test_elements_that_the_model_does_not_know_are_refused(diamond_bundle):
    with pytest.raises(rm.UserError, match="knows no Si"):
        rm.relax(bulk("Si"), diamond_bundle)
