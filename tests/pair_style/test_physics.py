"""Energies, forces, stresses and heat flux through LAMMPS are the model's, and each other's."""

import dataclasses
from ctypes import c_double

import numpy as np
import pytest

BAR = 1.602176634e6  # of 1 eV/Å³
TARGETS = ("edges", "positions")
EVERY = ("native", *TARGETS)


def pair(file, elements, settings=""):
    return f"pair_style allegro {settings}\npair_coeff * * {file} {' '.join(elements)}\n"


def difference(value, wanted):
    return np.abs(np.asarray(value) - wanted).max() / np.abs(wanted).max()


@pytest.mark.parametrize(
    ("name", "kind", "target", "tolerance"),
    [
        *[("diamond", "carbon", target, 1e-5) for target in EVERY],
        *[("mixed", "organic", target, 1e-10) for target in TARGETS],
    ],
)
def test_crystal_equals_eager_model(
    name, kind, target, tolerance, file_for, system, reference, new_lammps, state
):
    structure, wanted = system[name], reference[f"{kind} {name}"]
    lmp = new_lammps(
        structure.script()
        + pair(file_for(kind, target), structure.elements, f"target {target}")
        + "run 0"
    )
    energy, forces, pressure = state(lmp)
    assert energy == pytest.approx(sum(wanted["energies"]), rel=tolerance)
    assert difference(forces, wanted["forces"]) < tolerance
    # LAMMPS's own constant for the unit of pressure has 8 digits
    assert difference(-pressure / BAR, wanted["stress"]) < max(tolerance, 2e-7)


@pytest.mark.parametrize("target", TARGETS)
def test_cluster_equals_eager_model(target, organic, system, reference, new_lammps, state):
    wanted = reference["organic cluster"]
    lmp = new_lammps(
        system["cluster"].script()
        + pair(organic, system["cluster"].elements, f"target {target}")
        + "run 0"
    )
    energy, forces, _ = state(lmp)
    assert energy == pytest.approx(sum(wanted["energies"]), rel=1e-12)
    assert difference(forces, wanted["forces"]) < 1e-10


@pytest.mark.parametrize("name", ["mixed", "cluster"])
def test_kernel_with_several_types(name, organic32, system, reference, new_lammps, state):
    structure, wanted = system[name], reference[f"organic {name}"]
    lmp = new_lammps(structure.script() + pair(organic32, structure.elements) + "run 0")
    energy, forces, pressure = state(lmp)
    assert energy == pytest.approx(sum(wanted["energies"]), rel=1e-6)
    assert difference(forces, wanted["forces"]) < 1e-5
    if "stress" in wanted:
        assert difference(-pressure / BAR, wanted["stress"]) < 1e-5


def test_energies_of_atoms(organic, system, reference, new_lammps):
    lmp = new_lammps(system["cluster"].script() + pair(organic, system["cluster"].elements))
    lmp.command("compute e all pe/atom")
    lmp.command("compute sum all reduce sum c_e")
    lmp.command("thermo_style custom step pe c_sum")
    lmp.command("run 0")
    energies = np.array(lmp.gather("c_e", 1, 1))
    assert difference(energies, reference["organic cluster"]["energies"]) < 1e-12


@pytest.mark.parametrize(
    ("file", "target", "tolerance"),
    # float32 leaves 7 digits of the energy, of which the difference takes 4
    [("organic", "edges", 1e-6), ("organic", "positions", 1e-6), ("organic32", "native", 3e-3)],
)
def test_forces_are_the_slope_of_the_energy(
    file, target, tolerance, system, new_lammps, state, request
):
    structure = system["mixed"]
    model = request.getfixturevalue(file)
    lmp = new_lammps(structure.script() + pair(model, structure.elements, f"target {target}"))
    lmp.command("run 0")
    _, forces, _ = state(lmp)
    x = np.array(lmp.gather_atoms("x", 1, 3))
    step, slopes = 1e-4 if target != "native" else 2e-3, []
    for index in range(len(x)):
        energies = []
        for sign in (1, -1):
            moved = x.copy()
            moved[index] += sign * step
            lmp.scatter_atoms("x", 1, 3, (len(moved) * c_double)(*moved))
            lmp.command("run 0")
            energies.append(lmp.get_thermo("pe"))
        slopes.append(-(energies[0] - energies[1]) / (2 * step))
    assert difference(slopes, forces.ravel()) < tolerance


@pytest.mark.parametrize("target", TARGETS)
def test_stresses_are_the_slope_of_the_energy(target, organic, system, new_lammps, state):
    structure = system["mixed"]

    def run(strain):
        strained = dataclasses.replace(
            structure,
            cell=structure.cell @ (np.eye(3) + strain),
            positions=structure.positions @ (np.eye(3) + strain),
        )
        lmp = new_lammps(
            strained.script() + pair(organic, structure.elements, f"target {target}") + "run 0"
        )
        return state(lmp)

    _, _, pressure = run(np.zeros((3, 3)))
    volume, step, slopes = np.linalg.det(structure.cell), 1e-4, []
    for a, b in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)):
        strain = np.zeros((3, 3))
        strain[b, a] = step  # component a grows with coordinate b: the cell stays triangular
        slopes.append((run(strain)[0] - run(-strain)[0]) / (2 * step * volume))
    assert difference(-pressure / BAR, slopes) < 1e-6


def test_stresses_of_atoms_sum_to_the_pressure(carbon, organic, system, new_lammps):
    for name, file, tolerance in (("diamond", carbon, 1e-5), ("mixed", organic, 1e-10)):
        structure = system[name]
        lmp = new_lammps(structure.script() + pair(file, structure.elements))
        lmp.commands_string(
            """
            compute s all stress/atom NULL virial
            compute c all centroid/stress/atom NULL virial
            compute ssum all reduce sum c_s[*]
            compute csum all reduce sum c_c[*]
            thermo_style custom step pe pxx pyy pzz pxy pxz pyz vol c_ssum[*] c_csum[*]
            run 0
            """
        )
        volume = lmp.get_thermo("vol")
        total = [-volume * lmp.get_thermo(f"p{p}") for p in ("xx", "yy", "zz", "xy", "xz", "yz")]
        symmetric = lmp.numpy.extract_compute("ssum", 0, 1)
        full = lmp.numpy.extract_compute("csum", 0, 1)
        assert difference(symmetric, np.array(total)) < tolerance
        assert difference(full[:6], np.array(total)) < tolerance
        assert difference(full[6:], np.array(total[3:])) < tolerance


@pytest.mark.parametrize(("file", "tolerance"), [("organic", 2e-7), ("organic32", 1e-5)])
def test_virial_of_each_atom(file, tolerance, system, reference, new_lammps, request):
    model = request.getfixturevalue(file)
    lmp = new_lammps(system["cluster"].script() + pair(model, system["cluster"].elements))
    lmp.commands_string(
        """
        compute s all stress/atom NULL virial
        compute c all centroid/stress/atom NULL virial
        compute smax all reduce max c_s[1] c_c[1]
        thermo_style custom step pe c_smax[*]
        run 0
        """
    )
    wanted = -np.array(reference["organic cluster"]["atom_virials"]) * BAR
    centroid = np.array(lmp.gather("c_c", 1, 9)).reshape(-1, 9)
    symmetric = np.array(lmp.gather("c_s", 1, 6)).reshape(-1, 6)
    assert difference(centroid, wanted) < tolerance
    wanted[:, 3:6] = 0.5 * (wanted[:, 3:6] + wanted[:, 6:])
    assert difference(symmetric, wanted[:, :6]) < tolerance


def test_heat_flux_moves_the_energy(organic, system, new_lammps):
    """The heat flux is d/dt of sum of x_i e_i, which an isolated cluster shows directly."""
    step = 2e-5
    lmp = new_lammps(
        system["cluster"].script()
        + pair(organic, system["cluster"].elements)
        + f"""
        velocity all create 600 5
        timestep {step}
        compute ke all ke/atom
        compute pe all pe/atom
        compute c all centroid/stress/atom NULL virial
        compute j all heat/flux ke pe c
        thermo_style custom step pe c_j[1] c_j[2] c_j[3]
        thermo 1
        fix 1 all nve
        run 0
        """
    )

    def moment():
        x = np.array(lmp.gather_atoms("x", 1, 3)).reshape(-1, 3)
        energies = np.array(lmp.gather("c_ke", 1, 1)) + np.array(lmp.gather("c_pe", 1, 1))
        return energies @ x

    before = moment()
    lmp.command("run 1")
    flux = lmp.numpy.extract_compute("j", 0, 1)[:3].copy()
    lmp.command("run 1")
    after = moment()
    assert difference((after - before) / (2 * step), flux) < 5e-5


@pytest.mark.parametrize("target", EVERY)
def test_energy_is_conserved(target, file_for, new_lammps):
    lmp = new_lammps(
        f"""
        units metal
        lattice diamond 3.6
        region box block 0 2 0 2 0 2
        create_box 1 box
        create_atoms 1 box
        mass 1 12.011
        {pair(file_for("carbon", target), ["C"], f"target {target}")}
        minimize 0 1e-3 200 1000
        velocity all create 300 3
        fix 1 all nve
        timestep 0.0005
        thermo_style custom step etotal ke
        run 0
        """
    )
    energies = [lmp.get_thermo("etotal")]
    kinetic = lmp.get_thermo("ke")
    for _ in range(10):
        lmp.command("run 20")
        energies.append(lmp.get_thermo("etotal"))
    assert kinetic > 1.0
    assert np.ptp(energies) < 1e-3 * kinetic


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("block", ["1", "100", "2147483647", "all"])
def test_blocks_change_nothing(block, target, organic, system, new_lammps, state):
    script = system["mixed"].script()
    results = []
    for size in ("2000", block):
        settings = f"target {target} block {size}"
        lmp = new_lammps(script + pair(organic, system["mixed"].elements, settings) + "run 0")
        results.append(state(lmp))
    for value, wanted in zip(*results, strict=True):
        assert difference(value, wanted) < 1e-12


@pytest.mark.parametrize(
    ("ranks", "file", "tolerance"),
    [(2, "organic", 1e-9), (3, "organic", 1e-9), (3, "organic32", 1e-5)],
)
def test_ranks_change_nothing(ranks, file, tolerance, system, run_lmp, tmp_path, request):
    organic = request.getfixturevalue(file)
    script = (
        system["mixed"].script()
        + "replicate 2 2 2\n"
        + pair(organic, system["mixed"].elements)
        + """
        displace_atoms all random 0.1 0.1 0.1 77
        compute s all stress/atom NULL virial
        thermo_style custom step pe pxx pyy pzz pxy pxz pyz
        thermo 5
        velocity all create 500 8 loop geom
        fix 1 all nve
        run 5
        variable e equal pe
        variable p equal pxy
        print "RESULT state $(v_e:%20.14g) $(v_p:%20.14g)"
        write_dump all custom out.dump id fx fy fz c_s[1] c_s[4] modify sort id format float %20.14g
        """
    )
    results = []
    for count in (1, ranks):
        output = run_lmp(script, ranks=count)
        assert output.code == 0, output.text
        table = np.loadtxt(tmp_path / "out.dump", skiprows=9)
        results.append((output.values("state"), table))
    (one_state, one), (other_state, other) = results
    assert difference(other_state, one_state) < tolerance
    assert len(one) == 64
    for columns in (slice(1, 4), slice(4, 6)):
        assert difference(other[:, columns], one[:, columns]) < tolerance
