"""The scripts of lammps_inputs/, run by hand with the installed lmp."""

import re

import numpy as np
from ase.build import bulk
from ase.io.lammpsdata import write_lammps_data

from rm_lammps.files import shipped_folder


def test_relax_by_hand(run, diamond_bundle, tmp_path):
    atoms = bulk("C", cubic=True)
    atoms.positions += 0.05 * np.random.default_rng(0).standard_normal(atoms.positions.shape)
    write_lammps_data(tmp_path / "c.data", atoms, masses=True)
    inputs = shipped_folder("lammps_inputs")
    done = run(
        "lmp",
        *("-in", inputs / "relax.in", "-log", "none"),
        *("-var", "inputs", inputs, "-var", "structure", "c.data"),
        *("-var", "rm_bundle", diamond_bundle, "-var", "rm_elements", "C"),
        cwd=tmp_path,
    )
    assert "ERROR" not in done.stdout
    relaxed = (tmp_path / "relaxed.data").read_text()
    low, high = map(float, re.search(r"(\S+) (\S+) xlo xhi", relaxed).groups())
    assert abs(high - low - 3.57) < 0.15


def test_bundle_include_in_a_script_of_ones_own(run, diamond_bundle, tmp_path):
    (tmp_path / "in.mine").write_text(
        "units metal\n"
        "lattice diamond 3.567\n"
        "region box block 0 2 0 2 0 2\n"
        "create_box 1 box\n"
        "create_atoms 1 box\n"
        "mass 1 12.011\n"
        "variable rm_elements index C\n"
        f"include {diamond_bundle}/pair.in\n"
        "run 0\n"
        'print "atoms $(atoms) energy $(pe/atoms:%.6f)"\n'
    )
    for ranks in (None, 2):
        done = run("lmp", "-in", "in.mine", "-log", "none", cwd=tmp_path, ranks=ranks)
        match = re.search(r"atoms 64 energy (\S+)", done.stdout)
        assert match, done.stdout
        energy = float(match.group(1))
        if ranks is None:
            alone = energy
    assert abs(energy - alone) < 1e-5
