"""Arguments that make no sense are refused with what is allowed."""

import pytest

BOX = """
    units metal
    boundary {boundary}
    atom_modify map array
    lattice fcc 5.26
    region cell block 0 2 0 2 0 2
    create_box 1 cell
    create_atoms 1 region cell
    mass * 39.948
    pair_style lj/cut 8.0
    pair_coeff * * 0.0104 3.4
    """


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("0.1 0.1", "give the noise at the start and at the end, and a seed"),
        ("0.1 0.1 0", "the seed must be a whole number above 0, not 0"),
        ("0.1 0.1 x", "Expected integer"),
        ("0.1 x 1", "Expected floating point"),
        ("-0.1 0.1 1", "noise must be 0 or more"),
        ("0.1 nan 1", "noise must be 0 or more|floating point"),
        ("0.1 0 1", "neither begins nor ends at 0: use schedule linear"),
        ("0.1 0.1 1 schedule cosine", "must be geometric or linear, not cosine"),
        ("0.1 0.1 1 cell box", "must be none, iso, aniso or tri, not box"),
        ("0.1 0.1 1 colour red", "unknown keyword 'colour'; known are: schedule, step, spring"),
        ("0.1 0.1 1 step", "a value is missing after step"),
        ("0.1 0.1 1 step 0", "step must be between 0 and 2"),
        ("0.1 0.1 1 step 2", "step must be between 0 and 2"),
        ("0.1 0.1 1 spring 0", "spring and modulus must be above 0"),
        ("0.1 0.1 1 modulus -1", "spring and modulus must be above 0"),
        ("0.1 0.1 1 poisson 0.5", "poisson must be between -1 and 0.5"),
        ("0.1 0.1 1 dmax 0", "dmax and emax must be above 0"),
        ("0.1 0.1 1 strain -1", "strain and adapt must be 0 or more"),
        ("0.1 0.1 1 zero perhaps", "perhaps"),
        ("0.1 0.1 1 symmetry file.txt", "must be v_NAME, a string variable, not file.txt"),
        ("0.1 0.1 1 cell tri", "needs a triclinic box: use change_box all triclinic"),
        ("0.1 0.1 1 symmetry v_none", "there is no variable 'none' with operations"),
        ("0.1 0.1 1 symmetry v_words", "holds something that is no number"),
        ("0.1 0.1 1 symmetry v_short", "holds 4 numbers, but an operation is nine"),
        ("0.1 0.1 1 symmetry v_flat", "operation 1 has not the determinant 1 or -1"),
        ("0.1 0.1 1 symmetry v_moved", "operation 1 takes atom 1 to where no atom"),
    ],
)
def test_bad_arguments(arguments, message, new_lammps):
    lmp = new_lammps(BOX.format(boundary="p p p"))
    lmp.commands_string(
        'variable words string "1 0 0 a b c"\nvariable short string "1 2 3 4"\n'
        f'variable flat string "1 0 0 0 1 0 0 0 0 {"0 " * 3}"\n'
        'variable moved string "1 0 0 0 1 0 0 0 1 0.11 0 0"'
    )
    with pytest.raises(Exception, match=f"(?s){message}"):
        lmp.commands_string(f"fix 1 all denoise {arguments}\nrun 1")


def test_box_without_periodic_direction(new_lammps):
    lmp = new_lammps(BOX.format(boundary="s s s"))
    with pytest.raises(Exception, match="no direction of the box is periodic: use cell none"):
        lmp.commands_string("fix 1 all denoise 0.1 0.1 1 cell iso\nrun 1")


def test_flips_and_symmetry_exclude_each_other(new_lammps):
    lmp = new_lammps(BOX.format(boundary="p p p") + "change_box all triclinic\n")
    lmp.command('variable unity string "1 0 0 0 1 0 0 0 1 0 0 0"')
    with pytest.raises(Exception, match="use flip no with symmetry"):
        lmp.commands_string("fix 1 all denoise 0.1 0.1 1 cell tri symmetry v_unity\nrun 1")


def test_time_steps_of_several_levels(new_lammps):
    lmp = new_lammps(BOX.format(boundary="p p p") + "run_style respa 2 2 inner 1 3 4 outer 2\n")
    with pytest.raises(Exception, match="runs with run_style verlet alone"):
        lmp.commands_string("fix 1 all denoise 0.1 0.1 1\nrun 1")


def test_an_instance_goes_on_after_an_error_and_after_clear(new_lammps):
    """Styles of the plugin belong to every instance, before and after ``clear``."""
    first, second = (new_lammps(BOX.format(boundary="p p p")) for _ in range(2))
    for lmp in (first, second, first):
        with pytest.raises(Exception, match="unknown keyword"):
            lmp.command("fix 1 all denoise 0.1 0.1 1 colour red")
        lmp.command("clear")
        lmp.commands_string(BOX.format(boundary="p p p"))
        lmp.commands_string("fix 1 all denoise 0.1 0.1 1\nrun 1\nunfix 1")
        assert lmp.get_natoms() == 32


def test_torch_is_not_loaded_for_the_fix(plugin, run):
    code = (
        "from mpi4py import MPI\nfrom lammps import lammps\n"
        "lmp = lammps(cmdargs=['-log', 'none', '-screen', 'none'])\n"
        f"lmp.commands_string('''{BOX.format(boundary='p p p')}''')\n"
        "lmp.commands_string('fix 1 all denoise 0.1 0.1 1')\n"
        "print('libtorch' in open('/proc/self/maps').read())"
    )
    assert run("python", "-c", code).stdout.split() == ["False"]
