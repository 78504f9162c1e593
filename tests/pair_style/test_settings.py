"""Every setting that LAMMPS users meet works with the pair style, or is refused with a reason."""

import os

import numpy as np
import pytest
from inputs import REAL, SHIFT_C, close, diamond, pair


def test_units_real_are_converted(carbon, system, new_lammps, state):
    metal = state(new_lammps(system["diamond"].script() + pair(carbon) + "run 0"))
    real = state(new_lammps(system["diamond"].script(units="real") + pair(carbon) + "run 0"))
    assert real[0] == pytest.approx(metal[0] * REAL, rel=1e-6)
    assert close(real[1], metal[1] * REAL)
    assert close(real[2], metal[2] / 1.01325)  # bar to atmospheres


@pytest.mark.parametrize("units", ["lj", "si", "electron"])
def test_other_units_are_refused(units, carbon, new_lammps):
    lmp = new_lammps(f"units {units}\nregion b block 0 1 0 1 0 1\ncreate_box 1 b")
    with pytest.raises(Exception, match=f"knows units metal and real, not {units}: put"):
        lmp.command("pair_style allegro")


def test_newton_off_is_refused(carbon, system, new_lammps):
    lmp = new_lammps(system["diamond"].script(newton="off") + pair(carbon))
    with pytest.raises(Exception, match="needs newton pair on"):
        lmp.command("run 0")


def test_atoms_added_and_deleted_between_runs(carbon, new_lammps):
    lmp = new_lammps(diamond(2) + pair(carbon) + "fix 1 all nve\nrun 0")
    full = lmp.get_thermo("pe")
    lmp.commands_string("group one id 5\ndelete_atoms group one compress no\nrun 0")
    assert lmp.get_natoms() == 63
    assert abs(lmp.get_thermo("pe") - full) > 1e-3
    x, y, z = (value * 3.6 for value in (0.25, 0.25, 0.25))
    # the fifth atom of a diamond cell is created at a quarter of the diagonal
    lmp.commands_string(f"create_atoms 1 single {x} {y} {z} units box\nrun 0")
    assert lmp.get_natoms() == 64
    assert lmp.get_thermo("pe") == pytest.approx(full, rel=1e-6)


def test_clear_and_second_instance_share_the_model(carbon, new_lammps, tmp_path):
    """The file is read once: what it holds later, at the same time and size, is not looked at."""
    file = tmp_path / "model.nequip.pt2"
    file.write_bytes(carbon.read_bytes())
    lmp = new_lammps(diamond(1) + pair(file) + "run 0")
    wanted = lmp.get_thermo("pe")
    times = file.stat()
    file.write_bytes(bytes(times.st_size))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    lmp.commands_string("clear\n" + diamond(1) + pair(file) + "run 0")
    assert lmp.get_thermo("pe") == pytest.approx(wanted, rel=1e-9)
    other = new_lammps(diamond(1) + pair(file) + "run 0")
    assert other.get_thermo("pe") == pytest.approx(wanted, rel=1e-9)


def test_replaced_file_is_loaded_anew(carbon, organic, new_lammps, tmp_path):
    file = tmp_path / "model"
    energies = []
    for source in (carbon, organic):
        file.write_bytes(source.read_bytes())
        energies.append(new_lammps(diamond(1) + pair(file) + "run 0").get_thermo("pe"))
    assert abs(energies[0] - energies[1]) > 1e-3


def test_restart_and_data_files(carbon, new_lammps, tmp_path):
    lmp = new_lammps(diamond(2) + pair(carbon) + "displace_atoms all random .1 .1 .1 5\nrun 0")
    wanted = lmp.get_thermo("pe")
    lmp.command(f"write_restart {tmp_path}/state.restart")
    lmp.command(f"write_data {tmp_path}/state.data")
    for read in (
        f"read_restart {tmp_path}/state.restart",
        f"units metal\nread_data {tmp_path}/state.data",
    ):
        again = new_lammps(read + "\n" + pair(carbon) + "run 0")
        assert again.get_natoms() == 64
        assert again.get_thermo("pe") == pytest.approx(wanted, rel=1e-6)


def test_rerun(carbon, new_lammps, tmp_path):
    script = diamond(1) + pair(carbon) + "displace_atoms all random .1 .1 .1 5\n"
    dump = f"dump 1 all custom 1 {tmp_path}/d id type x y z\ndump_modify 1 format float %.12g\n"
    lmp = new_lammps(script + "velocity all create 500 5\nfix 1 all nve\n" + dump + "run 4")
    wanted = lmp.get_thermo("pe")
    again = new_lammps(diamond(1) + pair(carbon) + f"rerun {tmp_path}/d dump x y z")
    assert again.get_thermo("pe") == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize(
    "fix", ["nvt temp 300 300 0.1", "npt temp 300 300 0.1 tri 0 0 1", "langevin 300 300 0.1 9"]
)
def test_thermostats_and_barostats(fix, carbon, system, new_lammps):
    lmp = new_lammps(system["diamond"].script() + pair(carbon) + f"fix 1 all {fix}\n")
    if "langevin" in fix:
        lmp.command("fix 2 all nve")
    volume = np.linalg.det(system["diamond"].cell)
    lmp.commands_string("velocity all create 300 4\ntimestep 0.0005\nrun 30")
    assert np.isfinite(lmp.get_thermo("pe"))
    assert (abs(lmp.get_thermo("vol") / volume - 1) > 1e-6) == ("npt" in fix)


@pytest.mark.parametrize("style", ["cg", "fire", "sd"])
def test_minimisers(style, carbon, system, new_lammps, state):
    lmp = new_lammps(system["diamond"].script() + pair(carbon) + "run 0")
    before = state(lmp)
    lmp.commands_string(f"min_style {style}\nminimize 0 1e-3 300 3000")
    after = state(lmp)
    assert after[0] < before[0] - 1e-3
    assert np.abs(after[1]).max() < 0.1 * np.abs(before[1]).max()


def test_box_relax(carbon, system, new_lammps, state):
    lmp = new_lammps(system["diamond"].script() + pair(carbon) + "run 0")
    before = state(lmp)
    lmp.command("min_style cg")
    for _ in range(3):
        lmp.commands_string(
            "fix r all box/relax tri 0.0 vmax 0.01\nminimize 0 1e-4 200 2000\nunfix r\nrun 0"
        )
    after = state(lmp)
    assert after[0] < before[0]
    assert np.abs(after[2]).max() < 0.2 * np.abs(before[2]).max()


def test_atom_swap(organic, new_lammps):
    """Monte Carlo changes types between force calls without a new neighbour list."""
    lmp = new_lammps(
        diamond(1, types=3)
        + "set atom 1*4 type 2\nset atom 5 type 3\ndisplace_atoms all random .2 .2 .2 5\n"
        + pair(organic, "C H O")
        + "fix s all atom/swap 1 5 91 30000 ke no types 1 2\nrun 10"
    )
    attempts, accepted = (lmp.extract_fix("s", 0, 1, nrow=n) for n in (0, 1))
    assert attempts > 10
    assert accepted > 0
    energy = lmp.get_thermo("pe")
    lmp.commands_string("unfix s\nrun 0")
    assert lmp.get_thermo("pe") == pytest.approx(energy, rel=1e-9)


def test_elements_in_any_order(organic, system, new_lammps):
    """Atom types are the user's: the same structure with types renamed has the same energy."""
    structure = system["cluster"]
    wanted = new_lammps(structure.script() + pair(organic, "C H O") + "run 0").get_thermo("pe")
    swapped = {1: 3, 2: 1, 3: 2}
    lines = structure.script().splitlines()
    for number, line in enumerate(lines):
        if line.startswith("create_atoms"):
            words = line.split()
            words[1] = str(swapped[int(words[1])])
            lines[number] = " ".join(words)
    lmp = new_lammps("\n".join(lines) + "\n" + pair(organic, "H O C") + "run 0")
    assert lmp.get_thermo("pe") == pytest.approx(wanted, rel=1e-12)
    wrong = new_lammps("\n".join(lines) + "\n" + pair(organic, "C H O") + "run 0")
    assert abs(wrong.get_thermo("pe") - wanted) > 1e-3


def test_neighbour_exclusion_and_skin(carbon, system, new_lammps):
    script = system["diamond"].script() + pair(carbon)
    wanted = new_lammps(script + "run 0").get_thermo("pe")
    wide = new_lammps(script + "neighbor 4.0 bin\nrun 0")
    assert wide.get_thermo("pe") == pytest.approx(wanted, rel=1e-6)
    none = new_lammps(script + "neigh_modify exclude type 1 1\nrun 0")
    assert none.get_thermo("pe") == pytest.approx(8 * SHIFT_C, rel=1e-6)


def test_sub_communicators(carbon, run_python):
    """Two LAMMPS instances on two ranks each, with different work: no call waits for the other."""
    output = run_python(
        """
        from mpi4py import MPI
        from lammps import lammps
        colour = MPI.COMM_WORLD.rank // 2
        part = MPI.COMM_WORLD.Split(colour)
        lmp = lammps(comm=part, cmdargs=["-log", "none", "-screen", "none"])
        for turn in range(1 + 2 * colour):
            lmp.command("clear")
            lmp.commands_string(SCRIPT)
        energy = lmp.get_thermo("pe")
        if part.rank == 0:
            print("RESULT", f"part{colour}", energy, part.size, flush=True)
        lmp.close()
        """,
        ranks=4,
        script=diamond(2) + pair(carbon) + "displace_atoms all random .05 .05 .05 5\nrun 3",
    )
    assert output.code == 0, output.text
    first, second = output.values("part0"), output.values("part1")
    assert first[1] == second[1] == 2
    assert first[0] == pytest.approx(second[0], rel=1e-7)
