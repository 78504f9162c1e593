"""Prediction metrics: the judges first see runs whose rates are known."""

import json

import ase
import ase.io
import numpy as np
import pytest
import yaml
from ase.build import bulk
from crystals import CAESIUM_CHLORIDE, DIAMOND, GRAPHITE, ROCKSALT, disguised, write_run

from rm_lammps.analysis.metrics import measure
from rm_lammps.analysis.prediction import targets
from rm_lammps.analysis.quality import Known, structure_valid, total_variation
from rm_lammps.analysis.ranking import Ranking
from rm_lammps.analysis.report.page_contents import read_contents
from rm_lammps.analysis.standard_cells import point_group_order
from rm_lammps.analysis.unique import read_unique, write_unique
from rm_lammps.errors import UserError
from rm_lammps.geometry.symmetry import space_group
from rm_lammps.systems.crystal_matcher import STOL, rms

ZINCBLENDE = bulk("NaCl", "zincblende", a=6.1)
CHLORINE = ase.Atoms("Cl2", positions=[(0, 0, 0), (0, 0, 2.0)], cell=[4.5, 4.5, 6], pbc=True)


def request(folder, formulas, num):
    """What rm-generate writes about what was asked for."""
    (folder / "formulas.txt").write_text("\n".join(formulas) + "\n")
    (folder / "run.yaml").write_text(yaml.safe_dump({"config": {"num": num}}))


@pytest.fixture
def run_of_two(tmp_path):
    """NaCl, three seeds: caesium chloride lowest, rocksalt found once; C2: two seeds, one failed.

    A third composition found nothing.
    """
    frames = [
        disguised(CAESIUM_CHLORIDE, 0, -2.0),
        disguised(ROCKSALT, 2, -1.0),
        disguised(DIAMOND, 3, -0.5),
    ]
    for atoms in frames[:2]:
        atoms.info["formula"] = "NaCl"
    write_run(tmp_path, frames, failed=[("expanded", "")] * 6)
    request(tmp_path, ["NaCl", "C2", "KCl"], 3)
    named = [ROCKSALT.copy(), DIAMOND.copy(), bulk("KCl", "rocksalt", a=6.3)]
    for atoms, name in zip(named, ("rocksalt", "diamond", "sylvite"), strict=True):
        atoms.info["name"] = name
    ase.io.write(tmp_path / "reference.extxyz", named)
    return tmp_path


def test_rates_count_every_reference_and_every_composition(run_of_two):
    unique = write_unique(run_of_two)
    result = measure(run_of_two, unique, run_of_two / "reference.extxyz", at=[1, 3])
    rates = result["prediction"]["rates"]
    matched = {name: rate["matched"] for name, rate in rates.items()}
    assert matched == {
        "1 top-ranked": 1,  # diamond
        "1 seeds": 1,  # the first of NaCl is caesium chloride
        "1 top-ranked unique": 1,
        "3 seeds": 2,
        "3 top-ranked unique": 2,
        "all seeds": 2,
    }
    best = rates["3 seeds"]
    assert best["match_rate"] == pytest.approx(2 / 3)
    assert best["metre"] == pytest.approx(2 / 3)
    assert best["rmse"] < 0.02
    assert best["crmse"] == pytest.approx((2 * best["rmse"] + STOL) / 3)
    rows = {row["name"]: row for row in result["prediction"]["references"]}
    assert [rows[name]["rank"] for name in ("rocksalt", "diamond", "sylvite")] == [2, 1, None]
    assert rows["rocksalt"]["crystal_system"] == "cubic"
    assert result["prediction"]["groups"]["elements"]["1"]["3 seeds"] == 1.0
    assert result["prediction"]["groups"]["elements"]["2"]["3 seeds"] == 0.5
    top = result["top_ranked"]
    assert top["structure_valid"] == pytest.approx(2 / 3)
    assert top["unique"] == pytest.approx(2 / 3)
    assert top["crystal_systems"] == pytest.approx({"cubic": 2 / 3, "unknown": 1 / 3})
    assert result["crystal_system_distance"] == pytest.approx(1 / 3)
    assert json.loads((run_of_two / "metrics.json").read_text()) == result


def test_novelty_is_against_the_training_data(run_of_two):
    ase.io.write(run_of_two / "training.extxyz", [disguised(DIAMOND, 5)])
    unique = write_unique(run_of_two)
    top = measure(run_of_two, unique, training_file=run_of_two / "training.extxyz")["top_ranked"]
    assert top["novel"] == pytest.approx(1 / 3)  # caesium chloride; nothing is not novel
    assert top["unique_and_novel"] == pytest.approx(1 / 3)
    known = Known([ROCKSALT])
    assert known.holds(disguised(ROCKSALT, 1))
    assert not known.holds(CAESIUM_CHLORIDE)


def test_command(run, run_of_two):
    done = run(
        *("rm-evaluate", run_of_two, "--reference", run_of_two / "reference.extxyz"),
        *("--metrics", "--at", "1,3"),
    )
    assert "2 of 3" in done.stdout
    assert (run_of_two / "metrics.json").is_file()


def test_a_folder_without_its_request_is_refused(tmp_path):
    unique = write_unique(write_run(tmp_path, [disguised(DIAMOND, 0)]))
    with pytest.raises(UserError, match="which compositions"):
        measure(tmp_path, unique)


def test_references_find_their_composition():
    found = targets([ROCKSALT, ROCKSALT * (1, 1, 2), DIAMOND], ["NaCl", "Na2Cl2", "ClNa"])
    assert [t.own for t in found] == [(0, 2), (1,), ()]
    assert [t.alike for t in found] == [(0, 1, 2), (0, 1, 2), ()]


def test_rms_knows_equal_structures():
    assert rms(ROCKSALT, disguised(ROCKSALT, 3, noise=0.0)) == pytest.approx(0, abs=1e-3)
    assert rms(ROCKSALT, CAESIUM_CHLORIDE) is None


def test_validity():
    assert structure_valid(DIAMOND)
    assert not structure_valid(ase.Atoms("C2", [[0, 0, 0], [0, 0, 0.4]], cell=[5] * 3, pbc=True))
    assert not structure_valid(ase.Atoms("C", cell=[0.4, 9, 9], pbc=True))


def test_total_variation():
    assert total_variation({"cubic": 1.0}, {"cubic": 0.25, "trigonal": 0.75}) == 0.75


def test_every_composition_has_ranks_of_its_own(tmp_path):
    frames = [
        disguised(GRAPHITE, 0, -0.4),
        disguised(ROCKSALT, 1, -3.0),
        disguised(DIAMOND, 2, -0.9),
        disguised(CAESIUM_CHLORIDE, 3, -5.0),
    ]
    write_unique(write_run(tmp_path, frames))
    found = [(a.info["seed"], a.info["rank"]) for a in read_unique(tmp_path)]
    assert found == [(2, 1), (0, 2), (3, 1), (1, 2)]


def test_the_report_counts_through(tmp_path):
    frames = [
        disguised(GRAPHITE, 0, -0.4),
        disguised(ROCKSALT, 1, -3.0),
        disguised(DIAMOND, 2, -0.9),
        disguised(CAESIUM_CHLORIDE, 3, -5.0),
    ]
    (write_run(tmp_path, frames) / "run.yaml").write_text("config: {formulas: [C4, NaCl]}")
    contents = read_contents(tmp_path, 10)
    assert [entry.rank for entry in contents.best] == [1, 2, 3, 4]
    assert [entry.above_best for entry in contents.best] == pytest.approx([0, 0.5, 0, 2.0])
    assert contents.formula == "2 compositions"


def test_ranking_weighs_basins_and_symmetry(tmp_path):
    frames = [disguised(GRAPHITE, 0, -1.0)]
    frames += [disguised(DIAMOND, seed, -0.99) for seed in range(1, 5)]
    write_run(tmp_path, frames)

    def first(**weights):
        write_unique(tmp_path, ranking=Ranking(**weights))
        best = next(iter(read_unique(tmp_path)))
        return best.info["space_group_number"], best.info["rank_score"]

    assert first() == (194, pytest.approx(-1.0))
    assert first(found=0.05) == (227, pytest.approx(-0.99 - 0.05 * np.log(4)))
    assert first(symmetry=0.1) == (227, pytest.approx(-0.99 - 0.1 * np.log(48)))


@pytest.mark.parametrize("crystal", [DIAMOND, GRAPHITE, ZINCBLENDE, bulk("Mg")])
def test_order_of_the_point_group(crystal):
    import spglib

    cell = (crystal.cell.array, crystal.get_scaled_positions(), crystal.numbers)
    rotations = spglib.get_symmetry(cell)["rotations"]
    order = len({tuple(r.ravel()) for r in rotations})
    assert point_group_order(space_group(crystal).number) == order
    assert point_group_order(0) == 1


def test_statistics_must_know_compositions():
    from rm_lammps.datasets import DatasetStatistics
    from rm_lammps.seeds import sample_compositions

    statistics = DatasetStatistics.of([ROCKSALT, DIAMOND], cutoff=4.0)
    bare = statistics.model_copy(update={"stoichiometries": {}})
    with pytest.raises(UserError, match="update_statistics"):
        sample_compositions(*(1, bare), elements=None, max_atoms=8, rng=np.random.default_rng(0))
