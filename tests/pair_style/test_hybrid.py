"""The pair style beside others, several models, and files of nequip-compile."""

import numpy as np
import pytest
from inputs import close, diamond, pair


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


def test_two_models_at_once(carbon, organic, new_lammps):
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
