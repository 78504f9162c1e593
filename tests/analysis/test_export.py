"""CIF and ASE database: the same structures in the same order as extxyz."""

import io
import zipfile

import ase.io
import numpy as np
import pytest
from ase.db import connect
from crystals import BCC, DIAMOND, ROCKSALT, disguised, write_run

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
    from pymatgen.analysis.structure_matcher import StructureMatcher

    best = connect(folder / "unique.db").get_atoms("C", rank=1)
    assert identify(best).same(identify(DIAMOND), StructureMatcher())


def test_unknown_formats_are_refused(refused, folder):
    assert "'cif' or 'db'" in refused("rm-evaluate", folder, "--format", "pdf")
