import gzip

import ase.io
import numpy as np
import pytest
from ase.build import bulk, molecule

from rm_lammps.datasets import read_structures, split_indices, validate
from rm_lammps.errors import UserError

QM9 = """5
gdb 1\t157.7118\t157.70997
C\t-0.0126981359\t 1.0858041578\t 0.0080009958\t-0.535689
H\t 0.002150416\t-0.0060313176\t 1.97612*^-3\t 0.133921
H\t 1.0117308433\t 1.4637511618\t 0.0002765748\t 0.133922
H\t-0.540815069\t 1.4475266138\t-0.8766437152\t 0.133923
H\t-0.5238136345\t 1.4379326443\t 0.9063972942\t 0.133923
1341.307\t1341.3284
C\tC
InChI=1S/CH4/h1H4
"""


@pytest.fixture
def crystals():
    return [bulk("C", cubic=True), bulk("NaCl", "rocksalt", a=5.64), bulk("Fe")]


@pytest.mark.parametrize("name", ["a.extxyz", "a.extxyz.gz", "a.traj"])
def test_files_come_back_as_written(tmp_path, crystals, name):
    ase.io.write(tmp_path / name.removesuffix(".gz"), crystals)
    if name.endswith(".gz"):
        (tmp_path / name).write_bytes(gzip.compress((tmp_path / "a.extxyz").read_bytes()))
    frames = read_structures(tmp_path / name)
    assert [a.get_chemical_formula() for a in frames] == ["C8", "ClNa", "Fe"]
    for new, old in zip(frames, crystals, strict=True):
        np.testing.assert_allclose(new.positions, old.positions, atol=1e-6)
        np.testing.assert_allclose(new.cell, old.cell, atol=1e-6)


def test_folder_of_cif_is_read_in_order(tmp_path, crystals):
    for number, atoms in enumerate(crystals):
        ase.io.write(tmp_path / f"{number}.cif", atoms)
    (tmp_path / ".hidden").write_text("not data")
    frames = read_structures(tmp_path)
    assert [a.get_chemical_formula() for a in frames] == ["C8", "ClNa", "Fe"]


def test_csv_with_cif_column(tmp_path, crystals):
    import csv

    from pymatgen.io.ase import AseAtomsAdaptor

    table = tmp_path / "train.csv"
    with table.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["", "material_id", "cif"])
        for number, atoms in enumerate(crystals):
            writer.writerow(
                [number, f"mp-{number}", AseAtomsAdaptor.get_structure(atoms).to(fmt="cif")]
            )
    frames = read_structures(table)
    assert [len(a) for a in frames] == [8, 2, 1]
    assert frames[1].info["material_id"] == "mp-1"
    assert frames[0].get_volume() == pytest.approx(crystals[0].get_volume(), rel=1e-4)


def test_qm9_xyz(tmp_path):
    (tmp_path / "m.xyz").write_text(QM9)
    (methane,) = read_structures(tmp_path / "m.xyz")
    assert methane.get_chemical_formula() == "CH4"
    assert methane.positions[1, 2] == pytest.approx(1.97612e-3)
    assert not methane.pbc.any()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "x,y\n1,2\n", "no column 'cif'"),
        ("a.cif", "nonsense", "Can't read"),
        ("a.whatever", "nonsense", "Can't read"),
        ("a.xyz", "3\ncomment\nC 0 0 0\n", "Can't read"),
    ],
)
def test_unreadable_files_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=message) as error:
        read_structures(tmp_path / name)
    assert name in str(error.value)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="No such data file"):
        read_structures(tmp_path / "nothing.extxyz")


def _overlapping():
    atoms = bulk("C", cubic=True)
    atoms.positions[1] = atoms.positions[0] + 0.1
    return atoms


def _not_finite():
    atoms = bulk("C")
    atoms.positions[0, 0] = np.nan
    return atoms


def _singular():
    atoms = bulk("C")
    atoms.set_cell([[1, 0, 0], [2, 0, 0], [0, 0, 1]])
    return atoms


def _slab():
    atoms = bulk("C", cubic=True)
    atoms.pbc = [True, True, False]
    return atoms


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        (_overlapping(), "atoms 0 and 1 overlap"),
        (_not_finite(), "not a finite number"),
        (_singular(), "singular"),
        (_slab(), "some directions only"),
        (ase.Atoms(cell=[3, 3, 3], pbc=True), "no atoms"),
        (molecule("H2O"), "mixes periodic crystals and molecules"),
    ],
)
def test_impossible_structures_are_refused(atoms, message):
    with pytest.raises(UserError, match=message):
        validate([bulk("C"), atoms])


def test_good_structures_pass():
    validate([bulk("C"), bulk("Fe")])
    validate([molecule("H2"), molecule("CH4")])


def test_splits_are_disjoint_and_repeatable():
    training, validation = split_indices(100, validation=0.2, seed=3)
    assert len(training) == 80
    assert sorted([*training, *validation]) == list(range(100))
    again = split_indices(100, validation=0.2, seed=3)
    np.testing.assert_array_equal(again[1], validation)
    assert not np.array_equal(split_indices(100, validation=0.2, seed=4)[1], validation)


def test_one_structure_validates_itself():
    training, validation = split_indices(1, validation=0.5, seed=0)
    assert training.tolist() == validation.tolist() == [0]
