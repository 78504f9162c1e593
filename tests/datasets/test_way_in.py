"""Nothing that a user gives is dropped, misread or taken for something else."""

import bz2
import gzip
import io
import zipfile

import ase
import ase.io
import numpy as np
import pytest
from ase.build import bulk, molecule
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matscipy.neighbours import neighbour_list

from rm_lammps.analysis.hand_over import cif_text
from rm_lammps.datasets import read_structures, structure_checks, validate
from rm_lammps.datasets.structure_checks import MIN_DISTANCE
from rm_lammps.errors import UserError
from rm_lammps.systems import find_system

LATTICE = '"0 2.125 2.125 2.125 0 2.125 2.125 2.125 0"'
FRAME = f"2\nLattice={LATTICE} Properties=species:S:1:pos:R:3\nMg 0 0 0\nO 2.125 2.125 2.125\n"
WATER = "3\nwater\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n"
SITES = """data_x
_symmetry_space_group_name_H-M 'P m -3 m'
_symmetry_Int_Tables_number 221
_cell_length_a 3.9
_cell_length_b 3.9
_cell_length_c 3.9
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
"""
PEROVSKITE = SITES + "Sr1 Sr 0 0 0 1\nTi1 Ti 0.5 0.5 0.5 1\nO1 O 0.5 0.5 0 1\n"


@pytest.fixture
def read(tmp_path):
    """Read text or bytes as a file of some name."""

    def _read(content, name="data.xyz", **options):
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
        return read_structures(tmp_path / name, **options)

    return _read


def refuse(read, content, name="data.xyz", **options):
    with pytest.raises(UserError) as error:
        read(content, name, **options)
    assert error.value.hint
    return str(error.value)


# --- xyz


@pytest.mark.parametrize("blank", ["\n", "   \n", "\n\n\n", "\t\n"])
def test_blank_lines_between_frames_change_nothing(read, blank):
    assert len(read(blank.join([FRAME] * 3), "a.extxyz")) == 3
    assert len(read(blank.join([WATER] * 12))) == 12
    assert len(read(blank + WATER + blank)) == 1


def test_isotopes_and_ions_are_atoms_of_their_element(read):
    frames = read(WATER * 4 + WATER.replace("H 0.96", "D 0.96") + WATER.replace("O", "O2-"))
    assert [a.get_chemical_formula() for a in frames] == 6 * ["H2O"]
    assert frames[4].get_masses()[1:] == pytest.approx([2.014, 1.008], abs=1e-3)


def test_symbols_behind_the_positions(read):
    comment = "Properties=pos:R:3:species:S:1"
    (water,) = read(f"3\n{comment}\n0 0 0 O\n0.96 0 0 D\n-0.24 0.93 0 H\n")
    assert water.get_chemical_formula() == "H2O"


def test_atomic_numbers(read):
    (water,) = read(WATER.replace("O ", "8 ").replace("H ", "1 "))
    assert water.get_chemical_formula() == "H2O"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (WATER + WATER.replace("3\n", "2\n", 1) + WATER, ["frame 2 (line 10)", "number of atoms"]),
        (WATER + WATER.replace("3\n", "4\n", 1) + WATER, ["frame 1 (line 11)", "announced"]),
        (WATER + WATER[:-16], ["frame 1 (line 6)", "truncated"]),
        (WATER + "3\n", ["frame 1 (line 6)", "truncated"]),
        (WATER.replace("H 0.96 0 0", ""), ["frame 0 (line 4)", "announced"]),
        (WATER.replace("0.96 0 0", "0.96 0"), ["frame 0 (line 4)", "announced"]),
        (WATER + WATER.replace("0.96", "0,96"), ["frame 1 (line 6)", "0,96"]),
        (WATER + WATER.replace("O ", "Xx "), ["frame 1 (line 8)", "'Xx' is no chemical element"]),
        (WATER + "remarks\n", ["frame 1 (line 6)", "'remarks'"]),
        (WATER + PEROVSKITE, ["frame 1 (line 6)", "data_x"]),
        (WATER.replace("water", "Properties=species:S:1:pos:R:3:q:R:1"), ["line 3", "5 columns"]),
        (FRAME.replace("S:1:pos", "S:x:pos").replace("Mg 0 0 0", ""), ["line 3", "1 columns"]),
        (FRAME.replace("Lattice", "lattice"), ["'lattice'", "capital L"]),
        (FRAME.replace(LATTICE, '"1 2 3"'), ["frame 0"]),
        ("0\nnothing\n", ["no atoms"]),
        (WATER.replace("0.96", "nan"), ["frame 0", "finite"]),
        (WATER + FRAME, ["mixes", "frame 1 (line 6)"]),
        (WATER.replace("water", "wa\0ter"), ["line 2", "byte 0"]),
        (FRAME.replace("Prop", 'pbc="T T F" Prop'), ["some directions only"]),
        (FRAME.replace(LATTICE, '"1 0 0 2 0 0 0 0 1"'), ["singular"]),
        (FRAME.replace(f"Lattice={LATTICE}", 'pbc="T T T"'), ["missing, singular"]),
    ],
)
def test_what_cannot_be_read_is_refused_with_frame_and_line(read, text, words):
    message = refuse(read, text, "a.xyz")
    assert "a.xyz" in message
    for word in words:
        assert word in message


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([WATER, FRAME, "\n", "3\n", "O 0 0 1\n", "junk\n"]), max_size=6),
    st.integers(0, 200),
)
def test_frames_that_go_in_come_out(tmp_path_factory, parts, cut):
    """Whatever is put together: all of its frames, or a refusal."""
    path = tmp_path_factory.mktemp("xyz") / "a.xyz"
    text = "".join(parts)
    text = text[: len(text) - cut] if cut < 20 else text
    path.write_text(text)
    try:
        frames = read_structures(path)
    except UserError:
        return
    announced = [line for line in text.splitlines() if line.strip().isdecimal()]
    assert len(frames) == len(announced)
    assert sum(map(len, frames)) == sum(map(int, announced))


# --- CIF


def test_a_cif_has_all_its_atoms(read):
    (atoms,) = read(PEROVSKITE, "a.cif")
    assert atoms.get_chemical_formula() == "O3SrTi"
    assert len(read(PEROVSKITE + PEROVSKITE, "a.cif")) == 2


@pytest.mark.parametrize(
    ("sites", "words"),
    [
        ("Ca1 Ca 0 0 0 0.4\nSr1 Sr 0 0 0 0.6\nTi1 Ti 0.5 0.5 0.5 1\n", "Ca1 has the occupancy 0.4"),
        ("Na1 Na 0 0 0 0.3\nW1 W 0.5 0.5 0.5 1\nO1 O 0.5 0.5 0 1\n", "Na1 has the occupancy 0.3"),
        ("Sr1 Sr 0 0 0 0.0\nTi1 Ti 0.5 0.5 0.5 1\n", "Sr1 has the occupancy 0.0"),
        ("Sr1 Sr 0 0 0 0.98(1)\nTi1 Ti 0.5 0.5 0.5 1\n", "occupancy 0.98"),
        ("Sr1 Sr 0 0 0 1\nCa1 Ca 0 0 0 1\n", "several sites are one"),
        ("Sr1 Sr 0 0 0 1\nSr2 Sr 0.01 0 0 1\n", "overlap"),
        ("Sr1 Sr 0 0 0 1\nX1 Xx 0.5 0.5 0.5 1\n", "no chemical element"),
        ("Sr1 Sr 0 0 0 1\nTi1 Ti 0.5 0.5\n", "Ti1"),
        ("Sr1 Sr 0 0 nan 1\n", "a.cif"),
        ("", "a.cif"),
    ],
)
def test_disordered_and_broken_crystals_are_refused(read, sites, words):
    message = refuse(read, SITES + sites, "a.cif")
    assert words in message
    assert "a.cif" in message


def test_all_readers_agree_on_disorder(read):
    mixed = SITES + "Ca1 Ca 0 0 0 0.4\nSr1 Sr 0 0 0 0.6\nTi1 Ti 0.5 0.5 0.5 1\n"
    table = f'material_id,cif\nmp-1,"{PEROVSKITE}"\nmp-2,"{mixed}"\n'
    assert "frame 1 (line" in refuse(read, table, "a.csv")
    assert "disordered" in refuse(read, table, "a.csv")
    assert "0.cif" in refuse(read, zipped({"0.cif": mixed}), "a.zip")
    pdb = io.StringIO()
    ase.io.write(pdb, molecule("H2O"), format="proteindatabank")
    partial = pdb.getvalue().replace("  1.00  0.00", "  0.50  0.00")
    assert "occupancy 0.5" in refuse(read, partial, "a.pdb")


def test_disorder_groups_and_implicit_hydrogens(read):
    grouped = PEROVSKITE.replace("_occupancy\n", "_disorder_group\n").replace(" 1\n", " A\n")
    assert "disorder group A" in refuse(read, grouped, "a.cif")
    implicit = PEROVSKITE.replace("_occupancy\n", "_attached_hydrogens\n")
    assert "hydrogens without coordinates" in refuse(read, implicit, "a.cif")


def test_ions_and_isotopes_in_a_cif(read):
    ions = PEROVSKITE.replace("Sr1 Sr", "Sr1 Sr2+").replace("O1 O ", "O1 O2- ")
    assert read(ions, "a.cif")[0].get_chemical_formula() == "O3SrTi"
    (deuteride,) = read(PEROVSKITE.replace("O1 O ", "D1 D "), "a.cif")
    assert deuteride.get_chemical_formula() == "H3SrTi"
    assert deuteride.get_masses()[deuteride.numbers == 1] == pytest.approx(2.014, abs=1e-3)


def test_labels_that_could_be_two_elements(read):
    labels = "".join(
        line if "type_symbol" not in line else "" for line in PEROVSKITE.splitlines(keepends=True)
    )
    labels = labels.replace("Sr1 Sr", "Sr1").replace("Ti1 Ti", "Ti1").replace("O1 O", "O1")
    assert read(labels, "a.cif")[0].get_chemical_formula() == "O3SrTi"
    assert "tell C from Ca" in refuse(read, labels.replace("Sr1", "CA1"), "a.cif")


def test_a_cif_that_lost_atoms_is_refused(read):
    stated = PEROVSKITE.replace("data_x\n", "data_x\n_chemical_formula_sum 'Sr1 Ti1 O3'\n")
    assert len(read(stated, "a.cif")[0]) == 5
    lost = stated.removesuffix("O1 O 0.5 0.5 0 1\n")
    assert "says Sr1 Ti1 O3" in refuse(read, lost, "a.cif")


@settings(max_examples=100, deadline=None)
@given(st.integers(1, len(PEROVSKITE)))
def test_truncated_cif(tmp_path_factory, length):
    """A CIF cut anywhere is refused unless the cut only took blanks (its formula is known)."""
    path = tmp_path_factory.mktemp("cif") / "a.cif"
    text = PEROVSKITE.replace("data_x\n", "data_x\n_chemical_formula_sum 'Sr1 Ti1 O3'\n")
    path.write_text(text[:length])
    try:
        (atoms,) = read_structures(path)
    except UserError:
        return
    assert atoms.get_chemical_formula() == "O3SrTi"


# --- containers, encodings, cells


def zipped(files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return stream.getvalue()


def test_what_the_product_writes_it_reads(read):
    crystals = [bulk("C", cubic=True), bulk("NaCl", "rocksalt", a=5.64)]
    names = {f"rank{n:05d}.cif": cif_text(atoms, f"r{n}") for n, atoms in enumerate(crystals)}
    frames = read(zipped(names), "unique.cif.zip")
    assert [a.get_chemical_formula() for a in frames] == ["C8", "ClNa"]
    assert "junk.txt" in refuse(read, zipped({**names, "junk.txt": "notes"}), "b.cif.zip")
    assert "Can't read" in refuse(read, zipped(names)[:-30], "c.cif.zip")


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    ("name", "text"),
    [("a.extxyz", FRAME), ("a.cif", PEROVSKITE), ("a.csv", f'cif,n\n"{PEROVSKITE}",1\n')],
)
def test_byte_order_marks_and_line_ends(read, name, text, mark):
    (plain,) = read(text, name)
    for changed in (text, text.replace("\n", "\r\n"), text.replace("\n", "\r")):
        (atoms,) = read(changed.encode(mark), name)
        assert atoms.get_chemical_formula() == plain.get_chemical_formula()


def test_old_files_name_people_in_latin_1(read):
    assert len(read(f"# Müller\n{PEROVSKITE}".encode("latin-1"), "a.cif")[0]) == 5


@pytest.mark.parametrize("name", ["a.xyz", "a.cif", "a.extxyz", "a.data", "a"])
def test_formats_are_told_by_content(read, name):
    assert len(read(FRAME * 2, name.replace("cif", "xyz"))) == 2
    assert len(read(PEROVSKITE, name)[0]) == 5


def test_compressed_files(read):
    for name, packed in (("a.xyz.gz", gzip.compress), ("a.xyz.bz2", bz2.compress)):
        assert len(read(packed((WATER * 3).encode()), name)) == 3
    assert "Can't read" in refuse(read, gzip.compress(WATER.encode())[:-9], "b.xyz.gz")


def test_left_handed_cells_become_right_handed(read):
    left = FRAME.replace(LATTICE, '"2.125 0 2.125 0 2.125 2.125 2.125 2.125 0"')
    (atoms,) = read(left)
    assert np.linalg.det(atoms.cell.array) > 0
    (right,) = read(FRAME)
    mine, its = (np.sort(a.get_all_distances(mic=True), axis=None) for a in (atoms, right))
    np.testing.assert_allclose(mine, its)


def test_one_kind_where_one_is_asked_for(read):
    assert "no cell: a molecule" in refuse(read, WATER, system=find_system("crystal"))
    boxed = FRAME.replace("Prop", 'pbc="F F F" Prop')
    assert "pbc=F F F" in refuse(read, boxed, system=find_system("crystal"))
    assert "a crystal" in refuse(read, FRAME, system=find_system("molecule"))
    assert not read(boxed, system=find_system("molecule"))[0].pbc.any()


def test_several_poscars_in_one_file(read):
    stream = io.StringIO()
    ase.io.write(stream, bulk("NaCl", "rocksalt", a=5.64), format="vasp", direct=True)
    poscar = stream.getvalue()
    assert len(read(poscar, "POSCAR")[0]) == 2
    velocities = poscar + "\n0.0 0.0 0.0\n0.0 0.0 0.0\n"
    assert len(read(velocities, "POSCAR")[0]) == 2
    assert "one structure" in refuse(read, poscar + poscar, "POSCAR")


def test_a_folder_with_something_else_in_it(tmp_path):
    (tmp_path / "a.cif").write_text(PEROVSKITE)
    (tmp_path / "README.md").write_text("# notes\n")
    with pytest.raises(UserError, match=r"README\.md"):
        read_structures(tmp_path)
    (tmp_path / "README.md").rename(tmp_path / "_README.md")
    assert len(read_structures(tmp_path)) == 1


def test_overlaps_are_taken_where_they_are_judged(read):
    close = WATER.replace("0.96", "0.2")
    assert "overlap" in refuse(read, close)
    assert len(read(close, overlaps=True)) == 1


def test_far_atoms_and_vacuum_take_no_longer(read):
    """A grid of cells as small as the shortest bond would have a trillion of them."""
    far = WATER.replace("0.96 0 0", "90000 0 0")
    assert len(read(far)) == 1
    slab = FRAME.replace(LATTICE, '"3 0 0 0 3 0 0 0 90000"')
    assert len(read(slab)) == 1
    assert "beyond" in refuse(read, WATER.replace("0.96", "1e9"))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.floats(0.6, 6.0))
def test_overlaps_are_those_of_the_neighbour_list(seed, n, size):
    """Whatever the cell, thinner than the shortest distance too, and whichever way is taken."""
    rng = np.random.default_rng(seed)
    cell = size * (np.diag(rng.uniform(0.3, 2, 3)) + rng.uniform(-0.4, 0.4, (3, 3)))
    atoms = ase.Atoms(f"H{n}", scaled_positions=rng.random((n, 3)), cell=cell, pbc=True)
    assume(abs(np.linalg.det(cell)) > n)
    close = neighbour_list("d", atoms, MIN_DISTANCE)
    for bins in (0, 1e6):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(structure_checks, "_MOST_BINS", bins)
            if len(close):
                with pytest.raises(UserError, match=f"overlap .{close.min():.3f}"):
                    validate([atoms])
            else:
                validate([atoms])


def test_an_entry_without_a_value_does_not_swallow_the_next_block(read):
    assert len(read(PEROVSKITE * 2, "data.cif")) == 2
    message = refuse(read, PEROVSKITE + "_refine_special_details\n" + PEROVSKITE, "data.cif")
    assert "has no value" in message


def test_a_cif_that_ends_with_the_name_of_a_block_is_truncated(read):
    assert "truncated" in refuse(read, PEROVSKITE + "data_", "data.cif")
    # a text may say anything
    text = "data_about\n_publ_section_comment\n;\ndata_x\n;\n"
    assert len(read(text + PEROVSKITE, "data.cif")) == 1
