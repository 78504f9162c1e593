"""CIF and ASE database: the same structures in the same order as extxyz."""

import io
import shutil
import zipfile

import ase.io
import numpy as np
import pytest
from ase.db import connect
from crystals import BCC, DIAMOND, ROCKSALT, disguised, write_run
from pymatgen.analysis.structure_matcher import StructureMatcher

from rm_lammps.analysis.export import cif_name
from rm_lammps.geometry.symmetry import space_group
from rm_lammps.systems.identity import identify


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    kinds = [(BCC, -0.4), (DIAMOND, -1.0), (ROCKSALT, -0.7), (DIAMOND, -1.0), (BCC, -0.4)]
    frames = [disguised(crystal, seed, energy) for seed, (crystal, energy) in enumerate(kinds)]
    folder = write_run(tmp_path_factory.mktemp("export") / "run", frames)
    run("rm-evaluate", folder, "--format", "cif", "--format", "db")
    return folder


@pytest.mark.parametrize("stem", ["structures", "unique"])
def test_order_is_that_of_extxyz_in_every_format(folder, stem):
    frames = ase.io.read(folder / f"{stem}.extxyz", ":", parallel=False)
    with zipfile.ZipFile(folder / f"{stem}.cif.zip") as archive:
        names = archive.namelist()
        cifs = [ase.io.read(io.StringIO(archive.read(n).decode()), format="cif") for n in names]
    rows = list(connect(folder / f"{stem}.db").select())
    assert len(frames) == len(cifs) == len(rows)
    if stem == "structures":
        assert names == sorted(names)
    else:
        # ranks begin anew with each composition, in the order of their first seed
        assert [name.split("_")[0] for name in names] == ["rank00001", "rank00002", "rank00001"]
    for atoms, cif, row, name in zip(frames, cifs, rows, names, strict=True):
        seed = atoms.info["seed"]
        assert f"seed{seed:06d}" in name
        assert row.seed == seed
        assert f"{row.name}.cif" == name
        assert row.energy == pytest.approx(atoms.get_potential_energy())
        for other in (cif, row.toatoms()):
            # atoms keep their order: identical distances between atoms of the same number
            assert (other.numbers == atoms.numbers).all()
            np.testing.assert_allclose(
                other.get_all_distances(mic=True), atoms.get_all_distances(mic=True), atol=1e-6
            )


def test_names_carry_rank_and_database_can_be_searched(folder):
    with zipfile.ZipFile(folder / "structures.cif.zip") as archive:
        ranks = [name.split("_")[1] for name in archive.namelist()]
    assert ranks == ["rank00002", "rank00001", "rank00001", "rank00001", "rank00002"]
    best = connect(folder / "unique.db").get("C", rank=1)
    assert best.space_group == "Fd-3m"
    assert best.found == 2
    assert best.data["seeds"].tolist() == [1, 3]


def test_structures_survive(folder):
    best = connect(folder / "unique.db").get_atoms("C", rank=1)
    assert identify(best).same(identify(DIAMOND), StructureMatcher())


@pytest.fixture(scope="module")
def handed_over(run, folder, tmp_path_factory):
    copy = tmp_path_factory.mktemp("hand") / "over"
    shutil.copytree(folder, copy)
    words = ("--format", "poscar,vasp,cif", "--cell", "conventional", "--top", "1")
    run("rm-evaluate", copy, *words)
    return copy


def test_symmetrised_cifs_say_their_space_group(handed_over):
    with zipfile.ZipFile(handed_over / "unique.cif.zip") as archive:
        texts = [archive.read(name).decode() for name in archive.namelist()]
    # in the order of unique.extxyz: carbon's two, then rock salt
    groups = [227, 229, 225]
    for text, group in zip(texts, groups, strict=True):
        assert f"_symmetry_Int_Tables_number   {group}" in text
        assert "symmetrised to 0.1 Angstrom" in text.splitlines()[0]
        cell = ase.io.read(io.StringIO(text), format="cif")
        assert len(cell) == (2 if group == 229 else 8)
        assert space_group(cell, 1e-4).number == group


def test_each_of_the_best_has_a_folder_for_vasp(handed_over):
    best = ase.io.read(handed_over / "top.extxyz", ":", parallel=False)
    folders = sorted(path.name for path in (handed_over / "vasp").iterdir())
    assert folders == sorted(cif_name(atoms) for atoms in best)
    for folder in (handed_over / "vasp").iterdir():
        names = {path.name for path in folder.iterdir()}
        assert names == {"INCAR", "KPOINTS", "POSCAR", "POTCAR.spec"}
        cell = ase.io.read(folder / "POSCAR")
        # elements together, as POTCAR has them
        assert np.count_nonzero(np.diff(cell.numbers)) == len(set(cell.numbers)) - 1
        assert (folder / "POTCAR.spec").read_text().split()


def test_poscars_are_the_same_structures(handed_over):
    frames = ase.io.read(handed_over / "unique.extxyz", ":", parallel=False)
    with zipfile.ZipFile(handed_over / "unique.poscar.zip") as archive:
        texts = [archive.read(name).decode() for name in archive.namelist()]
    for atoms, text in zip(frames, texts, strict=True):
        cell = ase.io.read(io.StringIO(text), format="vasp")
        assert identify(cell).same(identify(atoms), StructureMatcher())


def test_input_sets_that_there_are_not_are_refused(refused, folder):
    message = refused("rm-evaluate", folder, "--format", "vasp", "--vasp-set", "MPBest")
    assert "MPRelaxSet" in message


def test_formats_of_molecules_are_refused_for_crystals(refused, folder):
    assert "can't hold" in refused("rm-evaluate", folder, "--format", "sdf")


def test_unknown_formats_are_refused(refused, folder):
    assert "'cif'" in refused("rm-evaluate", folder, "--format", "pdf")
