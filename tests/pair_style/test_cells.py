"""Any cell, boundary and atom style gives the same energy and forces."""

import numpy as np
import pytest
from inputs import SHIFT_C, close, diamond, pair


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
def test_atoms_alone_and_in_pairs(target, file_for, new_lammps, state):
    file = file_for("carbon", target)

    def atoms(*x):
        box = "units metal\natom_modify map array\nregion b block 0 50 0 50 0 50\ncreate_box 1 b\n"
        made = "".join(f"create_atoms 1 single {value} 25 25\n" for value in x)
        settings = f"target {target}"
        return new_lammps(box + made + "mass 1 12\n" + pair(file, settings=settings) + "run 0")

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


BONDS = "bond_style zero\nbond_coeff *\ncreate_bonds many all all 1 1.0 1.8\n"


@pytest.mark.parametrize(
    ("commands", "lost"),
    [
        (BONDS, True),
        (BONDS + "special_bonds lj/coul 1 1 1\n", False),
        (BONDS + "special_bonds lj/coul 1e-50 1 1\n", False),
        (BONDS + "special_bonds lj 0 0 0 coul 1 1 1\n", False),
        ("bond_style zero\nbond_coeff *\n", False),
    ],
)
def test_neighbours_that_bonds_hide_are_reported(carbon, new_lammps, capfd, commands, lost):
    room = "extra/bond/per/atom 4 extra/special/per/atom 20"
    script = diamond(2, atom_style="molecular").replace(
        "create_box 1 box", f"create_box 1 box bond/types 1 {room}"
    )
    script += pair(carbon)
    whole = new_lammps(script + "run 0").get_thermo("pe")
    capfd.readouterr()
    lmp = new_lammps(script + commands + "run 0", keep_output=True)
    assert ("special_bonds removes bonded atoms" in capfd.readouterr().out) == lost
    assert (abs(lmp.get_thermo("pe") - whole) > 1e-3) == lost
