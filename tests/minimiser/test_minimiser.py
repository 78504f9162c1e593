"""Min style lbfgs and fix box/relax/lbfgs through real LAMMPS, with pair styles of its own."""

import re

import numpy as np
import pytest

from .systems import (
    LENNARD_JONES,
    STILLINGER_WEBER,
    argon,
    box,
    positions,
    pressure,
    script,
    silicon,
)

FACE_CENTRED = -0.0776179252
"""eV an atom, of argon at zero pressure."""


@pytest.mark.parametrize("seed", range(5))
def test_one_minimisation_is_enough(seed, new_lammps):
    lmp = new_lammps(script(argon(seed), LENNARD_JONES))
    lmp.commands_string("fix box all box/relax/lbfgs tri 0.0 ptol 0.1\nminimize 0 1e-6 60 100")
    assert np.abs(pressure(lmp)).max() < 0.1
    assert np.abs(np.array(lmp.gather_atoms("f", 1, 3))).max() < 1e-6
    assert lmp.get_thermo("pe") / 32 == pytest.approx(FACE_CENTRED, abs=1e-9)


def test_atoms_at_the_faces_are_as_any(new_lammps):
    """Atoms that leave the cell are wrapped; the way is the same as where none does."""
    for seed in range(5):
        ways = []
        for shift in (0.0, 0.125, 0.7):
            lmp = new_lammps(script(argon(seed, shift), LENNARD_JONES) + "thermo 1\n")
            lmp.commands_string("fix box all box/relax/lbfgs tri 0.0\nminimize 0 1e-6 12 100")
            lmp.command("run 0 post no")
            ways.append([lmp.get_thermo("pe"), *box(lmp)[1].ravel()])
        np.testing.assert_allclose(ways[1:], ways[:1] * 2, atol=1e-8)


def test_the_energy_never_rises(new_lammps, tmp_path):
    lmp = new_lammps(script(silicon(), STILLINGER_WEBER))
    log = tmp_path / "log"
    lmp.commands_string(
        f"log {log}\nfix box all box/relax/lbfgs tri 20000\nvariable sum equal pe+f_box\n"
        "thermo 1\nthermo_style custom step v_sum pe\nthermo_modify format float %.12f\n"
        "minimize 0 1e-5 100 1000\nlog none"
    )
    sums = [
        float(sum_)
        for sum_ in re.findall(r"^ +\d+ +(-\d+\.\d+) +-\d+\.\d+ *$", log.read_text(), re.M)
    ]
    assert len(sums) > 10
    assert (np.diff(sums) <= 1e-5).all()
    assert "force tolerance" in log.read_text()


@pytest.mark.parametrize("ranks", [1, 2, 3])
@pytest.mark.parametrize("cell", ["tri 500", "iso 0"])
def test_the_same_on_ranks(ranks, cell, positions_on_ranks, new_lammps):
    commands = f"fix box all box/relax/lbfgs {cell}\nminimize 0 1e-7 100 1000\n"
    text = script(argon(2), LENNARD_JONES) + commands
    moved, shape = positions_on_ranks(text, ranks)
    lmp = new_lammps(text)
    cell = box(lmp)[1]
    lengths = [*np.diag(cell), cell[1, 0], cell[2, 0], cell[2, 1]]
    np.testing.assert_allclose(shape, lengths, atol=1e-5)
    there = np.linalg.solve(cell.T, (moved - positions(lmp)).T)
    np.testing.assert_allclose(there, np.round(there), atol=1e-5)


def test_more_ranks_than_atoms(positions_on_ranks):
    atoms = argon()[:2]
    atoms.set_cell(np.diag([40.0, 40.0, 40.0]))
    atoms.positions = [[1, 1, 1], [4.8, 1.1, 1]]
    text = script(atoms, LENNARD_JONES) + "minimize 0 1e-6 100 1000\n"
    moved, _ = positions_on_ranks(text, 3)
    assert np.linalg.norm(moved[1] - moved[0]) == pytest.approx(3.4 * 2 ** (1 / 6), abs=0.02)


@pytest.mark.parametrize(
    ("cell", "target"),
    [
        ("tri 8000", [8000, 8000, 8000, 0, 0, 0]),
        ("tri -3000", [-3000, -3000, -3000, 0, 0, 0]),
        ("x 2000 y 5000 z 9000 xy 400 xz -300 yz 0", [2000, 5000, 9000, 0, -300, 400]),
    ],
)
def test_pressure_is_reached(cell, target, new_lammps):
    lmp = new_lammps(script(silicon(), STILLINGER_WEBER))
    lmp.commands_string(f"fix box all box/relax/lbfgs {cell} ptol 5\nminimize 0 1e-4 200 1000")
    np.testing.assert_allclose(pressure(lmp), target, atol=15)


def test_what_is_not_given_stays(new_lammps):
    def relaxed(cell):
        lmp = new_lammps(script(silicon(), STILLINGER_WEBER))
        before = box(lmp)[1]
        lmp.commands_string(f"fix box all box/relax/lbfgs {cell}\nminimize 0 1e-4 200 1000")
        return np.linalg.solve(before, box(lmp)[1])

    np.testing.assert_allclose(relaxed("iso 0"), relaxed("iso 0")[0, 0] * np.eye(3), atol=1e-12)
    aniso = relaxed("aniso 0")
    np.testing.assert_allclose(aniso, np.diag(np.diag(aniso)), atol=1e-12)
    assert np.ptp(np.diag(aniso)) > 1e-3
    along_z = relaxed("z 0")
    np.testing.assert_allclose(along_z, np.diag([1, 1, along_z[2, 2]]), atol=1e-12)
    assert along_z[2, 2] != pytest.approx(1, abs=1e-3)
    coupled = np.diag(relaxed("aniso 0 couple xy"))
    assert coupled[0] == pytest.approx(coupled[1], abs=1e-12)
    assert coupled[2] != pytest.approx(coupled[1], abs=1e-3)
    shear = relaxed("yz 0")
    assert shear[2, 1] != pytest.approx(0, abs=1e-4)
    shear[2, 1] = 0
    np.testing.assert_allclose(shear, np.eye(3), atol=1e-12)


def test_the_fixed_point_stays(new_lammps):
    for words, given in (("", None), ("fixedpoint 1.0 2.0 3.0", [1.0, 2.0, 3.0])):
        lmp = new_lammps(script(silicon(), STILLINGER_WEBER))
        corner, cell = box(lmp)
        point = corner + cell.sum(axis=0) / 2 if given is None else np.array(given)
        inside = np.linalg.solve(cell.T, point - corner)
        lmp.commands_string(f"fix box all box/relax/lbfgs tri 0 {words}\nminimize 0 1e-4 200 1000")
        corner, cell = box(lmp)
        np.testing.assert_allclose(corner + inside @ cell, point, atol=1e-9)


def test_small_strains_when_asked(new_lammps):
    lmp = new_lammps(script(argon(), LENNARD_JONES))
    before = box(lmp)[1]
    lmp.commands_string("fix box all box/relax/lbfgs tri 0 vmax 1e-4\nminimize 0 1e-6 1 10")
    change = np.linalg.solve(before, box(lmp)[1]) - np.eye(3)
    assert 1e-5 < np.abs(change).max() < 1.1e-4


def test_atoms_alone(new_lammps):
    """Without the fix, in a cell, in two dimensions, and as a cluster in a box that shrinks."""
    lmp = new_lammps(script(silicon(), STILLINGER_WEBER))
    before = box(lmp)[1]
    lmp.command("minimize 0 1e-5 200 1000")
    energy = lmp.get_thermo("pe")
    assert np.abs(np.array(lmp.gather_atoms("f", 1, 3))).max() < 1e-5
    np.testing.assert_array_equal(box(lmp)[1], before)
    lmp = new_lammps(script(silicon(), STILLINGER_WEBER))
    lmp.commands_string("min_style cg\nminimize 0 1e-5 1000 10000")
    assert energy == pytest.approx(lmp.get_thermo("pe"), abs=1e-7)

    flat = """
        units lj
        dimension 2
        lattice sq2 0.8
        region cell prism 0 4 0 4 -0.1 0.1 0 0 0
        create_box 1 cell
        create_atoms 1 box
        mass 1 1.0
        displace_atoms all random 0.1 0.1 0 7
        pair_style lj/cut 2.5
        pair_coeff 1 1 1 1
        min_style lbfgs
        {fix}
        minimize 0 1e-6 2000 10000
        run 0
        """
    lmp = new_lammps(flat.format(fix="fix box all box/relax/lbfgs tri 0.0"))
    assert lmp.get_thermo("lz") == pytest.approx(0.2 / np.sqrt(0.4), rel=1e-3)
    assert max(abs(lmp.get_thermo(axes)) for axes in ("pxx", "pyy", "pxy")) < 1e-4
    assert lmp.get_thermo("pe") < new_lammps(flat.format(fix="")).get_thermo("pe")

    lmp = new_lammps(
        """
        units lj
        boundary s s s
        region cell block -3 3 -3 3 -3 3
        create_box 1 cell
        create_atoms 1 random 13 5 cell overlap 0.8
        mass 1 1.0
        pair_style lj/cut 9
        pair_coeff 1 1 1 1
        neigh_modify one 4000
        min_style lbfgs
        minimize 0 1e-6 2000 10000
        """
    )
    assert np.abs(np.array(lmp.gather_atoms("f", 1, 3))).max() < 1e-5
    assert lmp.get_thermo("pe") * 13 < -20


def test_with_forces_of_fixes_and_with_long_range(new_lammps):
    held = "group held id 1:4\nfix hold held setforce 0 0 0\n"
    lmp = new_lammps(script(silicon(), STILLINGER_WEBER) + held)
    before = positions(lmp)
    lmp.command("minimize 0 1e-5 200 1000")
    np.testing.assert_allclose(positions(lmp)[:4], before[:4], atol=1e-12)
    assert np.abs(positions(lmp)[4:] - before[4:]).max() > 0.01

    salt = """
        units metal
        atom_style charge
        lattice fcc 5.9
        region cell prism 0 1 0 1 0 1 0 0 0
        create_box 2 cell
        lattice custom 5.9 a1 1 0 0 a2 0 1 0 a3 0 0 1 &
            basis 0 0 0 basis 0 .5 .5 basis .5 0 .5 basis .5 .5 0 &
            basis .5 0 0 basis 0 .5 0 basis 0 0 .5 basis .5 .5 .5
        create_atoms 1 box basis 5 2 basis 6 2 basis 7 2 basis 8 2
        set type 1 charge 1
        set type 2 charge -1
        mass * 30
        displace_atoms all random 0.1 0.1 0.1 5
        pair_style born/coul/long 6.0
        pair_coeff 1 1 0.2637 0.317 2.340 1.048 -0.4993
        pair_coeff 1 2 0.2110 0.317 2.755 6.986 -8.676
        pair_coeff 2 2 0.1582 0.317 3.170 72.40 -145.4
        kspace_style ewald 1e-6
        min_style lbfgs
        fix box all box/relax/lbfgs tri 0.0 ptol 5
        minimize 0 1e-4 200 2000
        """
    lmp = new_lammps(salt)
    assert np.abs(pressure(lmp)).max() < 100
    assert np.abs(np.array(lmp.gather_atoms("f", 1, 3))).max() < 1e-3


def test_stops_as_lammps_does(new_lammps, tmp_path):
    def criterion(arguments):
        log = tmp_path / "log"
        lmp = new_lammps(script(silicon(), STILLINGER_WEBER))
        lmp.commands_string(
            f"log {log}\nfix box all box/relax/lbfgs tri 0\nminimize {arguments}\nlog none"
        )
        return re.search(r"Stopping criterion = (.*)", log.read_text())[1].strip()

    assert criterion("0 1e-4 200 1000") == "force tolerance"
    assert criterion("1e-3 0 200 1000") == "energy tolerance"
    assert criterion("0 1e-4 2 1000") == "max iterations"
    assert criterion("0 1e-4 200 3") == "max force evaluations"


@pytest.mark.parametrize(
    ("fix", "message"),
    [
        ("", "give a pressure: iso, aniso, tri, x, y, z, xy, yz or xz"),
        ("vmax 0.1", "give a pressure"),
        ("iso", "a pressure is missing after iso"),
        ("iso high", "Expected floating point"),
        ("iso 0 vmax 0", "vmax must be above 0"),
        ("iso 0 ptol 0", "ptol must be above 0"),
        ("iso 0 ptol", "a value is missing after ptol"),
        ("iso 0 fixedpoint 1 2", "a value is missing after fixedpoint"),
        ("iso 0 colour red", "unknown keyword 'colour'; known are: iso, aniso, tri"),
        ("iso 0 nreset 10", "keyword 'nreset' of box/relax has no meaning here"),
        ("aniso 0 couple xyx", "couple must be none, xyz, xy, yz or xz, not xyx"),
        ("x 0 y 1 couple xy", "coupled directions need one pressure"),
        ("x 0 couple xy", "coupled directions need a pressure each"),
    ],
)
def test_bad_arguments(fix, message, new_lammps):
    lmp = new_lammps(script(argon(), LENNARD_JONES))
    with pytest.raises(Exception, match=f"(?s){message}"):
        lmp.command(f"fix box all box/relax/lbfgs {fix}")


def test_what_does_not_go_together(new_lammps):
    lmp = new_lammps(script(argon(), LENNARD_JONES))
    lmp.commands_string("group some id 1:3\nfix box all box/relax/lbfgs iso 0\nmin_style cg")
    with pytest.raises(Exception, match="works with min_style lbfgs alone, not with cg"):
        lmp.command("minimize 0 1e-4 10 10")
    with pytest.raises(Exception, match="deforms all atoms: use group all"):
        lmp.command("fix two some box/relax/lbfgs iso 0")
    lmp = new_lammps(script(argon(), LENNARD_JONES) + "fix box all box/relax iso 0\n")
    with pytest.raises(Exception, match="knows the fix box/relax/lbfgs, and no other one"):
        lmp.command("minimize 0 1e-4 10 10")
    upright = script(argon(), LENNARD_JONES, triclinic=False)
    lmp = new_lammps(upright + "fix one all box/relax/lbfgs x 0\nfix two all box/relax/lbfgs y 0\n")
    with pytest.raises(Exception, match="fix two changes the box too: give one fix all it may do"):
        lmp.command("minimize 0 1e-4 10 10")
    lmp = new_lammps(upright)
    with pytest.raises(Exception, match="yz needs a triclinic box: use change_box all triclinic"):
        lmp.command("fix box all box/relax/lbfgs tri 0")
    lmp = new_lammps("boundary p p f\n" + script(argon(), LENNARD_JONES))
    with pytest.raises(Exception, match="z needs a box that is periodic along z"):
        lmp.command("fix box all box/relax/lbfgs iso 0")


def test_an_instance_goes_on_after_clear(new_lammps):
    lmp = new_lammps()
    energies = []
    for _ in range(2):
        lmp.commands_string("clear\n" + script(argon(), LENNARD_JONES))
        lmp.commands_string(
            "fix box all box/relax/lbfgs tri 0\nminimize 0 1e-6 100 1000\nunfix box"
        )
        energies.append(lmp.get_thermo("pe"))
    assert energies[0] == energies[1]
