"""The judge of molecules first sees good and bad ones that are known."""

import json

import ase
import ase.io
import numpy as np
import pytest
from ase.build import molecule
from crystals import DIAMOND, write_run
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import trapezoid
from scipy.spatial.transform import Rotation

from rm_lammps.analysis.molecules import require_packages
from rm_lammps.analysis.molecules.checks import check_names
from rm_lammps.analysis.molecules.drawing import svg
from rm_lammps.analysis.molecules.energies import relax_with_xtb
from rm_lammps.analysis.molecules.evaluate_molecules import evaluate_run
from rm_lammps.analysis.molecules.judge import STRAIN, judge
from rm_lammps.analysis.molecules.perceived_bonds import canonical, perceive
from rm_lammps.analysis.molecules.ranking_quality import auc, kept, ranking, roc
from rm_lammps.analysis.unique import read_unique
from rm_lammps.datasets.qm9 import read_qm9
from rm_lammps.errors import UserError

# of the G2 set: computed geometries that ASE ships
GOOD = {
    "CH3CH2OH": "CCO",
    "C6H6": "c1ccccc1",
    "CH3CONH2": "CC(N)=O",
    "C4H4NH": "c1cc[nH]c1",
    "CH3NO2": "C[N+](=O)[O-]",
    "bicyclobutane": "C1C2CC12",
    "C4H4S": "c1ccsc1",
    "CH3CN": "CC#N",
}


def generated(name, seed, energy, change=None):
    """A molecule as a run leaves it."""
    atoms = molecule(name)
    if change is not None:
        atoms = change(atoms)
    bare = ase.Atoms(atoms.numbers, atoms.positions)
    n = len(bare)
    bare.info = {"seed": seed, "formula": bare.get_chemical_formula(), "energy": energy * n}
    bare.info |= {"energy_per_atom": energy, "evaluations": 100, "seconds": 0.25}
    return bare


def without_a_hydrogen(atoms):
    del atoms[[int(np.flatnonzero(atoms.numbers == 1)[-1])]]
    return atoms


def in_two_pieces(atoms):
    other = atoms.copy()
    other.translate([8.0, 0, 0])
    return atoms + other


def stretched(atoms):
    atoms.positions *= 1.6
    return atoms


def squeezed(atoms):
    atoms.positions *= 0.7
    return atoms


def scrambled(atoms):
    atoms.positions = atoms.positions[np.random.default_rng(0).permutation(len(atoms))]
    return atoms


@pytest.mark.parametrize(("name", "smiles"), GOOD.items())
def test_true_molecules_pass(name, smiles):
    verdict = judge(molecule(name))
    assert verdict.smiles == canonical(smiles)
    assert verdict.valid
    assert verdict.failed == []
    assert list(verdict.checks) == check_names()
    # this one can't be embedded by RDKit, so its internal energy has nothing to be compared to
    assert verdict.passes or verdict.undecided == ["internal_energy"]
    assert verdict.passes or name == "bicyclobutane"


@pytest.mark.parametrize(
    "change", [without_a_hydrogen, in_two_pieces, stretched, squeezed, scrambled]
)
@pytest.mark.parametrize("name", ["CH3CH2OH", "CH3CONH2"])
def test_broken_molecules_fail(name, change):
    verdict = judge(change(molecule(name)))
    assert not verdict.passes
    assert not verdict.not_failed
    assert verdict.problem or verdict.fragments != 1 or verdict.failed


def test_the_check_that_fails_is_named():
    # a boat-shaped ring of bonds of the right length
    benzene = molecule("C6H6")
    benzene.positions[[0, 6], 2] += 0.45
    benzene.positions[[3, 9], 2] += 0.45
    verdict = judge(benzene)
    assert verdict.smiles == "c1ccccc1"
    assert "aromatic_ring_flatness" in verdict.failed


def test_molecules_of_one_heavy_atom_fail_posebusters_energy_check():
    """Its ratio divides by their energy at the minimum of UFF, which is zero."""
    assert judge(molecule("CH4")).failed == ["internal_energy"]


def test_the_verdict_does_not_depend_on_orientation_or_order():
    atoms = molecule("CH3CONH2")
    rng = np.random.default_rng(3)
    for seed in range(3):
        other = atoms[rng.permutation(len(atoms))]
        other.positions = Rotation.random(random_state=seed).apply(other.positions) + 5.0
        assert judge(other).passes
        assert judge(other).smiles == "CC(N)=O"


def test_impossible_input_is_an_answer():
    assert perceive(ase.Atoms("C", [[0, 0, 0]])).mol is None
    on_one_spot = ase.Atoms("C2H2", np.zeros((4, 3)))
    assert not judge(on_one_spot).passes
    cloud = ase.Atoms("C9H12N2O2", 4 * np.random.default_rng(0).random((25, 3)))
    assert not judge(cloud).passes


def test_xtb_brings_a_displaced_molecule_back():
    true = molecule("H2O")
    moved = true.copy()
    moved.positions += 0.08 * np.random.default_rng(0).standard_normal((3, 3))
    small, large = relax_with_xtb(true, "O"), relax_with_xtb(moved, "O")
    assert small.converged
    assert large.converged
    assert 0 <= small.drop < large.drop
    assert small.rmsd < large.rmsd < 0.3
    assert large.same_bonds


FRAMES = [
    ("CH3CH2OH", 0, -1.0, None),
    ("CH3CH2OH", 1, -0.9, None),
    ("CH3OCH3", 2, -0.95, None),
    ("CH3CH2OH", 3, -0.2, stretched),
    ("CH3CONH2", 5, -0.7, None),
    ("CH3CONH2", 6, -0.5, scrambled),
]


@pytest.fixture
def folder(tmp_path):
    frames = [generated(*facts) for facts in FRAMES]
    return write_run(
        *(tmp_path / "run", frames, [("expanded", "x")] * 2), formula="C2H6O", kind="molecules"
    )


def test_rates_count_every_attempted_seed(run, folder, tmp_path):
    known = molecule("CH3CH2OH")
    known.info["smiles"] = "OCC"
    ase.io.write(tmp_path / "training.extxyz", ase.Atoms(known), format="extxyz")
    training = tmp_path / "training.extxyz"
    wanted = [molecule("CH3OCH3"), molecule("CH4")]
    wanted[0].info["name"] = "dimethyl ether"
    ase.io.write(tmp_path / "wanted.extxyz", wanted, format="extxyz")
    options = ("--keep", "0.5", "--format", "db", "--reference", tmp_path / "wanted.extxyz")
    done = run("rm-evaluate", folder, "--training", training, *options)
    result = json.loads((folder / "evaluation.json").read_text())
    rates = result["rates"]
    assert (rates["attempted"], rates["converged"], rates["passes"]) == (8, 6, 4)
    assert rates["of_attempted"]["passes"] == 4 / 8
    assert rates["of_converged"]["passes"] == 4 / 6
    assert set(rates["checks"]) == set(check_names())
    assert rates["distinct"] == 3
    assert rates["unique_rate"] == 3 / 4
    assert rates["novel"] == 2
    ethanol = result["compositions"]["C2H6O"]
    assert (ethanol["attempted"], ethanol["converged"], ethanol["passes"]) == (6, 4, 3)
    assert result["ranking"]["auc"] == result["ranking"]["auc_within_composition"] == 1
    assert result["kept"]["passes"] == result["kept"]["converged"] == 3
    assert [s["seed"] for s in result["structures"]] == [0, 1, 2, 3, 5, 6]
    assert result["structures"][0]["novel"] is False
    assert result["passes_per_core_second"] == 4 / (8 * 0.25)
    assert result["matched"] == {"dimethyl ether": 1, "CH4 #1": 0}
    assert result["match_rate"] == 1 / 8
    assert result["structures"][2]["matches"] == "dimethyl ether"
    assert "1 of 2" in done.stdout
    assert "50.0%" in done.stdout
    assert (folder / "ranking.png").stat().st_size > 1000
    assert (folder / "unique.db").exists()


def test_unique_molecules_are_one_for_each_smiles(folder):
    evaluate_run(folder)
    frames = ase.io.read(folder / "unique.extxyz", ":", parallel=False)
    facts = [(f.info["seed"], f.info["smiles"], f.info["found"], f.info["rank"]) for f in frames]
    # ranks count within a composition
    assert facts == [(0, "CCO", 2, 1), (2, "COC", 1, 2), (5, "CC(N)=O", 1, 1)]
    assert all(f.info["passes"] for f in frames)


def test_ranks_change_nothing(run, folder):
    run("rm-evaluate", folder)
    alone = [(folder / name).read_bytes() for name in ("evaluation.json", "unique.extxyz")]
    run("rm-evaluate", folder, ranks=2)
    assert alone == [(folder / name).read_bytes() for name in ("evaluation.json", "unique.extxyz")]


def test_molecules_of_two_runs_are_one_set(run, tmp_path):
    runs = []
    for name, seeds in (("b", FRAMES[:3]), ("a", FRAMES[2:])):
        frames = [generated(*facts) for facts in seeds]
        runs.append(write_run(tmp_path / name, frames, [("expanded", "x")], kind="molecules"))
        config = {"config": {"num": 8, "formulas": ["C2H6O", "C2H5NO"]}}
        (runs[-1] / "run.yaml").write_text(json.dumps(config))
        (runs[-1] / "formulas.txt").write_text("C2H6O\nC2H5NO\n")
    out = tmp_path / "both"
    run("rm-evaluate", *runs, "--out", out)
    result = json.loads((out / "evaluation.json").read_text())
    assert (result["rates"]["attempted"], result["rates"]["converged"]) == (9, 7)
    assert [(s["run"], s["seed"]) for s in result["structures"]] == [
        *(("b", 0), ("b", 1), ("b", 2)),
        *(("a", 2), ("a", 3), ("a", 5), ("a", 6)),
    ]
    found = {atoms.info["smiles"]: atoms.info for atoms in read_unique(out)}
    ether = found["COC"]
    assert list(zip(ether["runs"], ether["seeds"].tolist(), strict=True)) == [("b", 2), ("a", 2)]
    run("rm-report", out)
    page = (out / "report.html").read_text()
    assert "b 2" in page
    assert "2 runs were put together." in page
    assert "2 compositions" in page


def test_no_molecule_converged(run, tmp_path):
    folder = write_run(tmp_path / "run", [], [("expanded", "x")], formula="CH4", kind="molecules")
    run("rm-evaluate", folder)
    result = json.loads((folder / "evaluation.json").read_text())
    assert result["rates"]["of_attempted"]["passes"] == 0
    assert result["rates"]["of_converged"]["passes"] is None
    assert result["compositions"]["CH4"]["attempted"] == 1


def test_a_file_of_known_molecules(run, tmp_path):
    frames = [molecule(name) for name in ("C2H6", "C6H6")]
    ase.io.write(tmp_path / "known.xyz", frames, format="extxyz")
    run("rm-evaluate", tmp_path / "known.xyz", "--out", tmp_path / "known.json")
    result = json.loads((tmp_path / "known.json").read_text())
    assert result["rates"]["of_attempted"]["passes"] == 1
    assert [s["smiles"] for s in result["structures"]] == ["CC", "c1ccccc1"]


def test_bad_input_is_refused(refused, tmp_path):
    ase.io.write(tmp_path / "crystal.cif", DIAMOND)
    assert "a crystal, not a molecule" in refused("rm-evaluate", tmp_path / "crystal.cif")
    ase.io.write(tmp_path / "known.xyz", molecule("CH4"), format="extxyz")
    known = tmp_path / "known.xyz"
    message = refused("rm-evaluate", known, "--training", tmp_path / "nothing.extxyz")
    assert "No such data file" in message


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr("rm_lammps.analysis.molecules.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"rdkit, posebusters, tblite"):
        require_packages(xtb=True)


# scores with ties
SCORED = st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=40).filter(
    lambda some: 0 < sum(passes for _, passes in some) < len(some)
)


@given(SCORED)
@settings(max_examples=50, deadline=None)
def test_area_is_that_under_the_curve_and_the_share_of_right_pairs(some):
    score = np.array([s for s, _ in some], dtype=float)
    passes = np.array([p for _, p in some])
    pairs = [
        0.5 * (a == b) + (a < b) for a in score[passes].tolist() for b in score[~passes].tolist()
    ]
    assert auc(score, passes) == pytest.approx(np.mean(pairs))
    assert trapezoid(*roc(score, passes)[::-1]) == pytest.approx(np.mean(pairs))


def test_the_lowest_of_each_composition_are_kept(folder):
    verdicts = [judge(generated(*facts)) for facts in FRAMES]
    chosen = kept(ranking(verdicts), 0.5)
    # two of four C2H6O, one of two C2H5NO
    assert chosen.tolist() == [True, False, True, False, True, False]


@pytest.mark.parametrize(
    ("name", "rings"),
    [("CH3CH2OH", 0), ("C3H6_D3h", 1), ("cyclobutane", 1), ("bicyclobutane", 2), ("C6H6", 0)],
)
def test_small_rings_count_as_strain(name, rings):
    verdict = judge(generated(name, 0, 0.002))
    assert verdict.small_rings == rings
    assert verdict.rank_score == pytest.approx(0.002 + STRAIN * rings)
    assert judge(molecule(name)).rank_score is None


def test_drawings_stand_in_a_page():
    text = svg("CC(N)=O")
    assert text.startswith("<svg")
    assert "://" not in text


def test_qm9_is_read_from_its_package(tmp_path, monkeypatch):
    data = tmp_path / "qm9pack" / "data"
    data.mkdir(parents=True)
    (tmp_path / "qm9pack" / "__init__.py").write_text("raise RuntimeError('not to be imported')")
    head = "XYZ_file,Index,SMILES,InChi,Elements,XYZ_Ang\n"
    water = """"a",3,"O","x","['O','H','H']","[[0.,0.,0.1],[0.,0.8,-0.5],[0.,-0.8,-0.5]]"\n"""
    carbon = """"b",9,"CC","x","['C','C']","[[0.,0.,0.],[1.5,0.,1e-2]]"\n"""
    (data / "qm9_part1.csv").write_text(head + water)
    (data / "qm9_part2.csv").write_text(head + carbon)
    monkeypatch.syspath_prepend(tmp_path)
    first, second = read_qm9()
    assert str(first.symbols) == "OH2"
    assert first.info == {"smiles": "O", "source": "QM9 3"}
    assert second.positions[1].tolist() == [1.5, 0, 0.01]
    assert [atoms.info["source"] for atoms in read_qm9(max_heavy=1)] == ["QM9 3"]
    assert len(read_qm9(num=1, seed=5)) == 1


def test_molecules_as_chemists_keep_them(run, refused, tmp_path):
    from rdkit import Chem
    from tblite.ase import TBLite

    frames = [generated("CH3CH2OH", 0, -1.0), generated("CH3CN", 1, -0.5)]
    folder = write_run(tmp_path / "run", frames, kind="molecules")
    run("rm-evaluate", folder, "--format", "sdf,smi", "--xtb", "--conformers", 4)
    smiles = [line.split("\t")[0] for line in (folder / "unique.smi").read_text().splitlines()]
    assert sorted(smiles) == ["CC#N", "CCO"]
    with Chem.SDMolSupplier(str(folder / "unique.sdf"), removeHs=False) as supplier:
        molecules = list(supplier)
    assert sorted(Chem.MolToSmiles(Chem.RemoveHs(mol)) for mol in molecules) == ["CC#N", "CCO"]
    keys = {atoms.info["smiles"]: atoms.info["inchikey"] for atoms in read_unique(folder)}
    assert keys["CCO"] == "LFQSCWFLJHTTHZ-UHFFFAOYSA-N"
    # no cell, no CIF
    assert not list(folder.glob("*cif*"))
    for atoms, relaxed in zip(
        read_unique(folder), ase.io.read(folder / "unique_xtb.extxyz", ":"), strict=True
    ):
        info = relaxed.info
        assert info["smiles"] == atoms.info["smiles"]
        per_atom = info["xtb_energy"] / len(relaxed)
        assert per_atom == pytest.approx(atoms.info["xtb_energy_per_atom"], abs=1e-5)
        assert np.abs(relaxed.positions - atoms.positions).max() < 0.2
        relaxed.calc = TBLite(method="GFN2-xTB", verbosity=0)
        assert relaxed.get_potential_energy() == pytest.approx(info["xtb_energy"], abs=1e-4)
    with Chem.SDMolSupplier(str(folder / "conformers.sdf"), removeHs=False) as supplier:
        ethanol = [mol for mol in supplier if mol.GetProp("_Name") == "CCO"]
    assert len(ethanol) == 4
    energies = [float(mol.GetProp("mmff_energy")) for mol in ethanol]
    assert energies == sorted(energies)
    assert all(float(mol.GetProp("rmsd_to_found")) < 0.2 for mol in ethanol)
    run("rm-evaluate", folder)
    assert not (folder / "conformers.sdf").exists()
    assert "can't hold" in refused("rm-evaluate", folder, "--format", "cif")


def test_molecules_are_chosen_by_pattern_and_alerts(run, refused, tmp_path):
    names = ["CH3CH2OH", "CH3CONH2", "C3H4_D2d", "H2CCO"]
    frames = [generated(name, seed, -1.0) for seed, name in enumerate(names)]
    folder = write_run(tmp_path / "run", frames, kind="molecules")

    def smiles(*words):
        run("rm-evaluate", folder, *words)
        return sorted(atoms.info["smiles"] for atoms in read_unique(folder))

    assert smiles("--smarts", "C(=O)N") == ["CC(N)=O"]
    # no allene, no ketene
    assert smiles("--drop-alerts") == ["CC(N)=O", "CCO"]
    assert "no SMARTS" in refused("rm-evaluate", folder, "--smarts", "C(=O")
