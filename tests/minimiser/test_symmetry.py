"""Minimisation that keeps a crystal's symmetry: fix symmetry, and the box beside it."""

import ase
import numpy as np
import pytest
import spglib
from ase.build import bulk

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.geometry import reduced
from rm_lammps.seeds.kinds.symmetric import SymmetricSeeds, draw_sites
from rm_lammps.seeds.placing import place
from rm_lammps.seeds.random_boxes import random_conventional_cell
from rm_lammps.seeds.wyckoff import space_group_table

from .systems import LENNARD_JONES, box, positions, pressure, script

ARGON = DatasetStatistics.of([bulk("Ar", "fcc", a=5.3)], cutoff=6.0)
GROUPS = {2: 4, 14: 8, 62: 8, 88: 8, 148: 6, 167: 6, 194: 4, 205: 8, 225: 8}
"""Atoms of a primitive cell by space group."""


def crystal(number):
    """Argon at random in a space group, its reduced cell in LAMMPS's orientation."""
    table, rng = space_group_table(number), np.random.default_rng(number)
    settings = SymmetricSeeds()
    while True:
        sites = draw_sites(table, [GROUPS[number]], rng)
        cell = table.primitive @ random_conventional_cell(table.system, settings, rng)
        cell *= (42.0 * GROUPS[number] / abs(np.linalg.det(cell))) ** (1 / 3)
        if sites is None or (placed := place(sites, cell, np.array([[2.8]]), rng)) is None:
            continue
        atoms = ase.Atoms(len(placed[0]) * ["Ar"], scaled_positions=placed[0], cell=cell, pbc=True)
        if spglib.get_symmetry_dataset(plain(atoms), symprec=1e-4).number == number:
            break
    atoms.set_cell(reduced(atoms.cell.array))
    # LAMMPS creates no atoms at faces
    shift = np.array([0.113, 0.127, 0.139])
    atoms.set_scaled_positions((atoms.get_scaled_positions() + shift) % 1 % 1)
    atoms.set_cell(atoms.cell.standard_form()[0], scale_atoms=True)
    return atoms


def plain(atoms):
    return atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers


def operations(atoms):
    found = spglib.get_symmetry(plain(atoms), symprec=1e-4)
    rows = zip(found["rotations"], found["translations"], strict=True)
    numbers = np.concatenate([np.concatenate([w.ravel(), t]) for w, t in rows])
    return " ".join(format(number, ".15g") for number in numbers)


def kept(lmp, atoms):
    """Operations that the structure in LAMMPS has within rounding."""
    corner, cell = box(lmp)
    now = ase.Atoms(atoms.numbers, positions(lmp) - corner, cell=cell, pbc=True)
    return len(spglib.get_symmetry(plain(now), symprec=1e-7)["rotations"])


MINIMISE = """
variable operations string "{operations}"
fix keep all symmetry v_operations
fix box all box/relax/lbfgs tri {pressure} ptol 1.0
minimize 0 1e-5 300 3000
unfix box
"""


@pytest.mark.parametrize("number", GROUPS)
def test_symmetry_is_kept_to_the_minimum(number, new_lammps):
    atoms = crystal(number)
    n_operations = len(spglib.get_symmetry(plain(atoms), symprec=1e-4)["rotations"])
    lmp = new_lammps(script(atoms, LENNARD_JONES))
    before = pressure(lmp)
    lmp.commands_string(MINIMISE.format(operations=operations(atoms), pressure=2000))
    assert kept(lmp, atoms) >= n_operations > 1
    # the forces that were taken away are but rounding: nothing but symmetric ones were there
    assert lmp.extract_fix("keep", 0, 0) < 1e-6
    after = pressure(lmp)
    assert np.abs(before - after).max() > 100
    assert np.abs(after - [2000, 2000, 2000, 0, 0, 0]).max() < 2
    assert np.abs(np.array(lmp.gather_atoms("f", 1, 3))).max() < 1e-4


def test_box_and_atoms_leave_a_symmetry_that_is_not_kept(new_lammps):
    """What the test above would see without the fix: steps that rounding leads off the saddle."""
    atoms = crystal(62)
    atoms.positions[0, 0] += 1e-4
    lmp = new_lammps(script(atoms, LENNARD_JONES))
    lmp.commands_string("fix box all box/relax/lbfgs tri 0 ptol 1.0\nminimize 0 1e-5 300 3000")
    assert kept(lmp, atoms) < 8


def test_forces_are_projected(new_lammps):
    """Of a pull on one atom of a face-centred cell nothing is left, of one on all neither."""
    atoms = bulk("Ar", "fcc", a=5.3, cubic=True)
    atoms.positions += 0.7
    lmp = new_lammps(script(atoms, LENNARD_JONES))
    lmp.commands_string(f"""
group one id 1
fix pull one addforce 1.0 0.5 0.0
variable operations string "{operations(atoms)}"
fix keep all symmetry v_operations
run 0""")
    assert np.abs(np.array(lmp.gather_atoms("f", 1, 3))).max() < 1e-10
    assert lmp.extract_fix("keep", 0, 0) == pytest.approx(1.0)


@pytest.mark.parametrize("ranks", [1, 2])
def test_any_number_of_ranks(ranks, positions_on_ranks):
    atoms = crystal(14)
    commands = MINIMISE.format(operations=operations(atoms), pressure=0)
    found, _ = positions_on_ranks(script(atoms, LENNARD_JONES) + commands, ranks)
    alone, _ = positions_on_ranks(script(atoms, LENNARD_JONES) + commands, 1)
    assert np.abs(found - alone).max() < 1e-3
    assert np.abs(found - atoms.positions).max() > 0.05


@pytest.mark.parametrize(
    ("commands", "message"),
    [
        ("fix keep all symmetry", "give a string variable with the operations"),
        ("group one id 1\nfix keep one symmetry v_operations", "it needs group all"),
        ("fix keep all symmetry v_none\nrun 0", "there is no variable 'none'"),
        (
            "fix keep all symmetry v_operations\nfix box all box/relax tri 0\nminimize 0 1 1 1",
            "use fix box/relax/lbfgs",
        ),
        (
            "fix keep all symmetry v_operations\nfix box all box/relax/lbfgs x 0\nminimize 0 1 1 1",
            "give iso or tri",
        ),
        (
            "fix keep all symmetry v_operations\nfix box all box/relax/lbfgs tri 0 x 10\n"
            "minimize 0 1 1 1",
            "must be the same in all directions",
        ),
    ],
)
def test_refusals(commands, message, new_lammps):
    atoms = crystal(225)
    lmp = new_lammps(script(atoms, LENNARD_JONES))
    with pytest.raises(Exception, match=message):
        lmp.commands_string(f'variable operations string "{operations(atoms)}"\n{commands}')
