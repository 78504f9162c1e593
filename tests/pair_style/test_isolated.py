"""What an atom without neighbours has of its own can be taken off, for grand-canonical averages."""

import numpy as np
import pytest
from inputs import SHIFT_C, close, diamond, pair

ALONE = """
units metal
atom_modify map array
boundary f f f
region b block 0 20 0 20 0 20
create_box 2 b
create_atoms 1 single 5 5 5
create_atoms 2 single 15 15 15
mass * 12.011
"""
# 38.8 bar at 6,000 K: three atoms of an ideal gas in 64,000 Å³
GAS = """
units metal
atom_style atomic
atom_modify map yes
region b block 0 40 0 40 0 40
create_box 1 b
mass 1 1.008
{pair}
group gas empty
fix g gas gcmc 1 30 0 1 779 6000.0 0.0 0.1 pressure 38.8 full_energy tfac_insert 1.0
fix 1 gas nve
timestep 1e-9
variable n equal atoms
fix av all ave/time 1 2000 2000 v_n ave running
thermo_style custom step atoms f_av
thermo 2000
run {steps}
"""


@pytest.mark.parametrize("target", ["native", "edges", "positions"])
def test_an_isolated_atom_has_no_energy(file_for, new_lammps, target):
    file, elements = file_for("organic", target), "C H"
    lmp = new_lammps(ALONE + pair(file, elements, f"target {target}") + "run 0")
    assert lmp.get_thermo("pe") == pytest.approx(SHIFT_C - 0.7, rel=1e-5)
    lmp = new_lammps(ALONE + pair(file, elements, f"target {target} isolated zero") + "run 0")
    assert lmp.get_thermo("pe") == pytest.approx(0.0, abs=1e-6)
    lmp.commands_string(pair(file, elements, f"target {target} isolated model") + "run 0")
    assert lmp.get_thermo("pe") == pytest.approx(SHIFT_C - 0.7, rel=1e-5)


def test_only_the_energy_changes(carbon, new_lammps, state):
    script = diamond(1) + "displace_atoms all random .1 .1 .1 5\n"
    whole = state(new_lammps(script + pair(carbon) + "run 0"))
    less = state(new_lammps(script + pair(carbon, settings="isolated zero") + "run 0"))
    assert less[0] == pytest.approx(whole[0] - 8 * SHIFT_C, rel=1e-6)
    assert close(less[1], whole[1])
    assert close(less[2], whole[2])


def test_an_ideal_gas_has_its_density(carbon, run_lmp):
    """LAMMPS leaves an atom's own energy out of insertions, but not out of deletions."""

    def mean(style, steps):
        output = run_lmp(GAS.format(pair=style, steps=steps), timeout=300)
        assert output.code == 0, output.text
        rows = [line.split() for line in output.text.splitlines()]
        return float([row for row in rows if len(row) == 3 and row[0] == str(steps)][-1][2])

    ideal = mean("pair_style lj/cut 4.5\npair_coeff * * 0.0 1.0", 6000)
    assert ideal == pytest.approx(3.0, abs=0.3)
    assert mean(pair(carbon, settings="isolated zero"), 6000) == pytest.approx(ideal, abs=0.6)
    assert abs(mean(pair(carbon), 2000) - ideal) > 1.0


def test_gas_is_ideal_only_without_neighbours(carbon, new_lammps):
    """The option takes off a constant: two atoms still see each other."""
    energies = []
    for gap in (1.4, 10.0):
        script = ALONE.replace("15 15 15", f"{5 + gap} 5 5")
        script += pair(carbon, "C C", "isolated zero") + "run 0"
        energies.append(new_lammps(script).get_thermo("pe"))
    assert abs(energies[0]) > 0.01
    assert energies[1] == pytest.approx(0.0, abs=1e-6)
    assert np.isfinite(energies).all()
