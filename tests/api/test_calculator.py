"""E~ as a calculator of ASE, against finite differences through real LAMMPS."""

import numpy as np
import pytest
from ase.build import add_adsorbate, bulk, fcc111, molecule
from ase.calculators.calculator import CalculationFailed, PropertyNotImplementedError
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

import rm_lammps as rm


@pytest.fixture(scope="module")
def calculator(diamond_bundle):
    return rm.Calculator(diamond_bundle)


STRAIGHT = np.eye(3)
SKEWED = np.array([[1, 0, 0], [3, 1, 0], [-2, 4, 1]])


def noisy_diamond(skew=STRAIGHT):
    atoms = bulk("C", cubic=True)
    rng = np.random.default_rng(3)
    strain = np.eye(3) + 0.03 * rng.standard_normal((3, 3))
    atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
    atoms.positions += 0.1 * rng.standard_normal((8, 3))
    atoms.set_cell(skew @ atoms.cell.array)
    return atoms


@pytest.mark.parametrize("skew", [STRAIGHT, SKEWED, -SKEWED, np.diag([1, 1, -1])])
def test_derivatives_are_those_of_the_energy(calculator, skew):
    """Whatever cell describes the crystal: skewed, left-handed."""
    atoms = noisy_diamond(skew)
    atoms.calc = calculator
    forces, stress = atoms.get_forces(), atoms.get_stress()
    assert np.abs(forces).max() > 0.05
    assert np.abs(stress).max() > 0.01
    np.testing.assert_allclose(forces, calculate_numerical_forces(atoms, 0.01), atol=1e-3)
    np.testing.assert_allclose(stress, calculate_numerical_stress(atoms, 0.01), atol=1e-3)


def test_atoms_have_their_shares(calculator):
    atoms = noisy_diamond(SKEWED)
    atoms.calc = calculator
    volume = atoms.get_volume()
    energies, stresses = atoms.get_potential_energies(), atoms.get_stresses()
    assert energies.shape == (8,)
    assert stresses.shape == (8, 6)
    assert np.ptp(energies) > 1e-3
    assert energies.sum() == pytest.approx(atoms.get_potential_energy(), abs=1e-6)
    np.testing.assert_allclose(stresses.sum(axis=0), atoms.get_stress(), atol=1e-6)
    virials = calculator.get_virials(atoms)
    np.testing.assert_allclose(
        -virials.sum(axis=0) / volume, atoms.get_stress(voigt=False), atol=1e-6
    )
    assert atoms.calc.export_properties()["free_energy"] == atoms.get_potential_energy()


def test_turning_a_crystal_turns_its_vectors_and_tensors(calculator):
    atoms = noisy_diamond()
    atoms.calc = calculator
    forces, virials = atoms.get_forces(), calculator.get_virials(atoms)
    turned = atoms.copy()
    turned.rotate(40, (1, 2, 3), rotate_cell=True)
    turned.calc = calculator
    turn = np.linalg.solve(atoms.cell.array, turned.cell.array)
    np.testing.assert_allclose(turned.get_forces(), forces @ turn, atol=1e-4)
    np.testing.assert_allclose(calculator.get_virials(turned), turn.T @ virials @ turn, atol=1e-4)


def test_molecules_have_no_stress_but_virials(run):
    calculator = rm.Calculator("molecules")
    atoms = molecule("CH3CH2OH")
    atoms.rattle(0.05, seed=1)
    atoms.calc = calculator
    np.testing.assert_allclose(
        atoms.get_forces(), calculate_numerical_forces(atoms, 0.005), atol=2e-3
    )
    assert atoms.get_potential_energies().sum() == pytest.approx(atoms.get_potential_energy())
    with pytest.raises(PropertyNotImplementedError):
        atoms.get_stress()
    # minus the derivative with respect to strain, here by finite differences
    h, change = 1e-3, []
    for sign in (1, -1):
        strained = atoms.copy()
        strained.positions[:, 0] *= 1 + sign * h
        strained.calc = calculator
        change.append(strained.get_potential_energy())
    slope = (change[0] - change[1]) / (2 * h)
    virial = calculator.get_virials(atoms).sum(axis=0)
    assert virial[0, 0] == pytest.approx(-slope, abs=2e-3)


def test_calculators_of_different_models_do_not_disturb_each_other(calculator):
    carbon, ethanol = noisy_diamond(), molecule("CH3CH2OH")
    carbon.calc, ethanol.calc = calculator, rm.Calculator("molecules")
    before = carbon.get_potential_energy(), ethanol.get_potential_energy()
    for atoms in (carbon, ethanol):
        atoms.calc.reset()
    assert (carbon.get_potential_energy(), ethanol.get_potential_energy()) == before


def test_optimisers_of_ase_find_diamond(calculator):
    atoms = noisy_diamond()
    atoms.calc = calculator
    assert BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=0.01, steps=100)
    assert atoms.get_volume() / 8 == pytest.approx(5.67, abs=0.1)


def test_a_layer_has_the_energy_of_the_same_layer_in_a_crystal(calculator):
    slab = fcc111("C", (1, 1, 2), a=3.6, vacuum=5)
    add_adsorbate(slab, "C", 1.5)
    slab.calc = calculator
    energy = slab.get_potential_energy()
    slab.pbc = True
    assert slab.get_potential_energy() == pytest.approx(energy, abs=1e-5)


def test_what_it_is_not_for_is_refused(calculator):
    silicon = bulk("Si")
    silicon.calc = calculator
    with pytest.raises(rm.UserError, match="knows no Si"):
        silicon.get_potential_energy()
    chain = bulk("C", cubic=True)
    chain.pbc = (True, False, False)
    chain.calc = calculator
    with pytest.raises(rm.UserError, match="periodic in some directions only"):
        chain.get_potential_energy()
    with pytest.raises(rm.UserError, match="No model 'dimond'"):
        rm.Calculator("dimond")


def test_atoms_on_one_spot_are_a_failed_calculation_and_the_next_one_works(calculator):
    atoms = bulk("C", cubic=True)
    atoms.positions[1] = atoms.positions[0]
    atoms.calc = calculator
    with pytest.raises(CalculationFailed):
        atoms.get_potential_energy()
    good = noisy_diamond()
    good.calc = calculator
    assert np.isfinite(good.get_potential_energy())
