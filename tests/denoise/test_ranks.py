"""The same on any number of ranks: noise, springs, cells and flips; and from a restart file."""

import numpy as np
import pytest

ATOMS = """
    units metal
    atom_modify map array
    lattice fcc 5.26 origin 0.1 0.2 0.3
    region cell prism 0 4 0 3 0 3 0 0 0
    create_box 1 cell
    create_atoms 1 box
    mass * 39.948
    """
SORT = "reset_atoms id sort yes\n"  # create_atoms numbers by rank
FREE = ATOMS + "pair_style zero 4.0\npair_coeff * *\n" + SORT
ARGON = ATOMS + "pair_style lj/cut 8.0\npair_coeff * * 0.0104 3.4\n" + SORT


@pytest.mark.parametrize("ranks", [2, 3])
def test_noise_is_of_the_atom_and_not_of_the_rank(ranks, positions_on_ranks):
    script = FREE + "fix 1 all denoise 0.5 0.1 12 cell tri strain 0.1 zero yes\nrun 20"
    alone, box = positions_on_ranks(script, 1)
    shared, shared_box = positions_on_ranks(script, ranks)
    assert np.abs(shared - alone).max() < 1e-10
    assert np.abs(shared_box - box).max() < 1e-10
    other, _ = positions_on_ranks(script.replace("0.1 12", "0.1 13"), 1)
    assert np.abs(other - alone).max() > 0.5


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_flips_change_the_box_and_nothing_else(ranks, positions_on_ranks):
    """Unwrapped positions know nothing of the vectors that span the lattice."""
    script = FREE + "fix 1 all denoise 0.1 0.1 2 cell tri strain 1.2 flip {}\nrun 60"
    free, tilted = positions_on_ranks(script.format("no"), 1)
    flipped, box = positions_on_ranks(script.format("yes"), ranks)
    assert np.abs(flipped - free).max() < 1e-9
    lengths = np.array([box[0], box[0], box[1]])
    assert np.abs(box[:3] - tilted[:3]).max() < 1e-9
    assert (np.abs(tilted[3:]) / lengths).max() > 1.0
    assert (np.abs(box[3:]) / lengths).max() < 0.7


@pytest.mark.parametrize("ranks", [2, 3])
def test_argon_on_ranks(ranks, positions_on_ranks):
    """Sums in another order differ in their last digits, and no more while steps are few."""
    script = ARGON + (
        "fix 1 all denoise 0.3 0.1 5 cell tri modulus 0.03 spring 1.0 step 0.5 strain 0.1\nrun 8"
    )
    alone, box = positions_on_ranks(script, 1)
    shared, shared_box = positions_on_ranks(script, ranks)
    assert np.abs(shared - alone).max() < 1e-6
    assert np.abs(shared_box - box).max() < 1e-6


def test_twice_the_same(positions_on_ranks):
    script = ARGON + "fix 1 all denoise 0.3 0.01 5 cell tri modulus 0.03 strain 0.1\nrun 100"
    first, second = (positions_on_ranks(script, 1)[0] for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("ranks", [1, 2])
def test_goes_on_from_a_restart_file(ranks, positions_on_ranks):
    fix = "fix 1 all denoise 0.3 0.1 5 cell tri modulus 0.03 strain 0.1\n"
    whole, box = positions_on_ranks(ARGON + fix + "run 10 start 0 stop 10", 1)
    first = ARGON + fix + "run 5 start 0 stop 10\nwrite_restart half.restart\n"
    rest = "clear\nread_restart half.restart\npair_style lj/cut 8.0\npair_coeff * * 0.0104 3.4\n"
    resumed, resumed_box = positions_on_ranks(first + rest + fix + "run 5 start 0 stop 10", ranks)
    assert np.abs(resumed - whole).max() < 1e-6
    assert np.abs(resumed_box - box).max() < 1e-6


@pytest.mark.parametrize("ranks", [1, 2])
def test_symmetry_on_ranks(ranks, positions_on_ranks):
    """The symmetry of a face-centred cell: 48 rotations leave nothing to move but the volume."""
    from itertools import permutations, product

    rows = []
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        rotation = np.zeros((3, 3), int)
        rotation[range(3), order] = signs
        rows.append(" ".join(map(str, [*rotation.ravel(), 0, 0, 0])))
    script = f"""
        units metal
        atom_modify map array
        lattice fcc 5.26
        region cell prism 0 2 0 2 0 2 0 0 0
        create_box 1 cell
        create_atoms 1 box
        mass * 39.948
        pair_style zero 4.0
        pair_coeff * *
        reset_atoms id sort yes
        variable operations string "{" ".join(rows)}"
        fix 1 all denoise 0.2 0.2 5 cell tri strain 0.5 flip no symmetry v_operations
        run 10
        """
    moved, box = positions_on_ranks(script, ranks)
    assert box[3:] == pytest.approx(0, abs=1e-12)
    assert np.ptp(box[:3]) < 1e-12
    assert box[0] != pytest.approx(10.52, abs=0.1)
    # the first atom is where all rotations meet; others move along what is left of their freedom
    assert np.ptp(moved[0]) < 1e-12
