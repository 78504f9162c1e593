"""The order by physical potentials: judged by real ones, on runs whose right order is known."""

import json

import ase
import ase.io
import numpy as np
import pytest
import yaml
from ase.build import bulk
from crystals import CAESIUM_CHLORIDE, DIAMOND, GRAPHITE, ROCKSALT, disguised, write_run

import rm_lammps as rm
from rm_lammps.analysis.hull import AboveHull, Hull, Known
from rm_lammps.analysis.kept_opinions import Question, answer
from rm_lammps.analysis.known import shipped
from rm_lammps.analysis.unique import read_unique, write_unique
from rm_lammps.errors import UserError
from rm_lammps.potentials import POTENTIALS as KINDS
from rm_lammps.potentials import potential_named
from rm_lammps.runs.frame_keys import POTENTIALS, RELAXED, UNIQUE

CHLORINE = ase.Atoms("Cl2", positions=[(0, 0, 0), (0, 0, 2.0)], cell=[4.5, 4.5, 6], pbc=True)
LENNARD_JONES = "ase.calculators.lj:LennardJones"


@pytest.fixture
def run_of_two(tmp_path):
    """NaCl: E~ prefers caesium chloride, and rock salt once; C2: graphite above diamond."""
    frames = [
        disguised(CAESIUM_CHLORIDE, 0, -2.0),
        disguised(ROCKSALT, 2, -1.0),
        disguised(DIAMOND, 3, -0.5),
        disguised(GRAPHITE, 4, -0.4),
    ]
    for atoms in frames[:2]:
        atoms.info["formula"] = "NaCl"
    write_run(tmp_path, frames)
    (tmp_path / "formulas.txt").write_text("NaCl\nC2\n")
    (tmp_path / "run.yaml").write_text(yaml.safe_dump({"config": {"num": 3}}))
    return tmp_path


def order(folder, file="unique.extxyz"):
    return [int(a.info["seed"]) for a in ase.io.read(folder / file, ":", parallel=False)]


def test_the_order_of_a_potential_is_the_order_everywhere(run_of_two):
    pytest.importorskip("chgnet")
    rm.evaluate(run_of_two)
    assert order(run_of_two) == [0, 2, 3, 4]
    evaluated = rm.evaluate(run_of_two, rank_by="chgnet", format="cif")
    # chgnet knows that rock salt is lower; and it has carbon's order too
    assert order(run_of_two)[:2] == [2, 0]
    assert order(run_of_two, "top.extxyz") == order(run_of_two)
    assert [s["seed"] for s in evaluated.result["structures"]] == order(run_of_two)
    for atoms in read_unique(run_of_two):
        info = atoms.info
        assert info["ranked_by"] == "chgnet"
        assert info["physical_energy_per_atom"] == info["chgnet_energy_per_atom"]
        parts = sum(info[f"score_{part}"] for part in ("votes", "symmetry", "found"))
        energy = info["physical_energy_per_atom"]
        assert info["rank_score"] == pytest.approx(energy + parts, abs=1e-5)
        assert info["energy_per_atom"] > -2.1
        assert info["space_group_tight_number"] >= 0
    salt = next(read_unique(run_of_two)).info
    # rock salt itself is not among the known structures, others near it are
    assert salt["above_hull"] == pytest.approx(0, abs=0.05)
    assert salt["hull_references"] >= 3


def test_scores_are_the_sum_of_their_parts_without_a_potential(run_of_two):
    write_unique(run_of_two)
    for atoms in read_unique(run_of_two):
        info = atoms.info
        parts = sum(info[f"score_{part}"] for part in ("votes", "symmetry", "found"))
        assert info["rank_score"] == pytest.approx(info["energy_per_atom"] + parts, abs=1e-5)


def test_what_was_evaluated_is_not_evaluated_again(run_of_two, monkeypatch):
    rm.evaluate(run_of_two, rank_by=LENNARD_JONES, candidates=1, hull="none")
    first = order(run_of_two)
    [kept] = (run_of_two / "opinions").glob("*.jsonl")
    lines = kept.read_text().splitlines(keepends=True)
    assert len(lines) == 2
    # as a kill leaves it
    kept.write_text(lines[0] + lines[1][: len(lines[1]) // 2])
    asked = []
    monkeypatch.setattr(
        "rm_lammps.analysis.kept_opinions.answer", lambda q: asked.append(q) or answer(q)
    )
    rm.evaluate(run_of_two, rank_by=LENNARD_JONES, candidates=1, hull="none")
    assert len(asked) == 1
    assert order(run_of_two) == first


def test_candidates_come_before_the_others(run_of_two):
    rm.evaluate(run_of_two, rank_by=LENNARD_JONES, candidates=1, hull="none")
    by = [(a.info["rank"], a.info["ranked_by"]) for a in read_unique(run_of_two)]
    assert by == [(1, "LennardJones"), (2, "E~"), (1, "LennardJones"), (2, "E~")]


def test_ranks_share_the_candidates(run_of_two, run):
    written = []
    for ranks in (1, 2):
        words = ("--rank-by", LENNARD_JONES, "--hull", "none")
        run("rm-evaluate", run_of_two, *words, ranks=ranks)
        written.append((run_of_two / "unique.extxyz").read_bytes())
        for kept in (run_of_two / "opinions").glob("*"):
            kept.unlink()
    assert written[0] == written[1]


def test_two_potentials_say_how_far_they_disagree(run_of_two):
    pytest.importorskip("chgnet")
    pytest.importorskip("sevenn")
    rm.evaluate(run_of_two, rank_by="chgnet,sevennet", hull="none")
    best, other, *_ = (atoms.info for atoms in read_unique(run_of_two))
    assert best["seed"] == 2
    both = [best["chgnet_energy_per_atom"], best["sevennet_energy_per_atom"]]
    assert best["physical_energy_per_atom"] == pytest.approx(np.mean(both), abs=1e-5)
    assert best["disagreement"] == 0
    steps = [other[key] - best[key] for key in best if key in SEPARATE]
    assert set(best) - set(RELAXED) - set(UNIQUE) - set(SEPARATE) <= set(POTENTIALS)
    assert other["disagreement"] == pytest.approx(np.std(steps), abs=1e-5)
    assert 0 < other["disagreement"] < 0.1


SEPARATE = ("chgnet_energy_per_atom", "sevennet_energy_per_atom")


def test_no_setting_of_a_potential_is_left_behind():
    torch = pytest.importorskip("torch")
    pytest.importorskip("chgnet")
    pytest.importorskip("sevenn")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    threads = torch.get_num_threads()
    try:
        chgnet, sevennet = potential_named("chgnet"), potential_named("sevennet")
        alone = chgnet.energy(ROCKSALT)
        sevennet.energy(ROCKSALT)
        assert torch.get_default_dtype() == torch.float64
        assert torch.get_num_threads() == threads
        assert chgnet.energy(ROCKSALT) == pytest.approx(alone, abs=1e-6)
    finally:
        torch.set_default_dtype(before)


def test_refined_structures_that_became_one_are_one(run_of_two):
    """Two rock salts whose E~ differs by more than the tolerance: one after relaxation."""
    frames = ase.io.read(run_of_two / "structures.extxyz", ":", parallel=False)
    stretched = ROCKSALT.copy()
    stretched.set_cell(stretched.cell.array * 1.03, scale_atoms=True)
    again = disguised(stretched, 5, -0.7, noise=0.0)
    again.info["formula"] = "NaCl"
    write_run(run_of_two, [*frames[:2], again])
    (run_of_two / "formulas.txt").write_text("NaCl\n")
    rm.evaluate(run_of_two)
    assert len(order(run_of_two)) == 3
    pytest.importorskip("chgnet")
    rm.evaluate(run_of_two, refine="chgnet", hull="none")
    found = list(read_unique(run_of_two))
    best = found[0]
    assert len(found) == 2
    assert best.info["found"] == 2
    assert best.info["refined_by"] == "chgnet"
    assert best.info["space_group_tight_number"] == 225
    # at chgnet's own lattice constant, whatever cell the seed had
    assert best.get_volume() / len(best) == pytest.approx(ROCKSALT.get_volume() / 2, rel=0.06)
    forces = potential_named("chgnet")
    assert forces.energy(best) == pytest.approx(best.info["physical_energy_per_atom"], abs=1e-3)


def test_votes_of_a_merged_structure_count_for_what_it_became():
    """Whatever came lower by a hair: a known structure that led there speaks for it."""
    from rm_lammps.analysis.kept_opinions import Opinion
    from rm_lammps.analysis.physical import Candidate, _merge

    class Groups:
        leader = np.array([0, 1])

    def candidate(frame, energy, votes):
        one = Candidate(frame, ROCKSALT, energy + votes, {"votes": votes})
        one.refined = Opinion(energy, disguised(ROCKSALT, frame, noise=0), True, 0.0)
        return one

    merged, leader = _merge(
        {"NaCl": [candidate(0, -3.4, 0.46), candidate(1, -3.399, 0.01)]}, Groups
    )
    [one] = merged["NaCl"]
    assert (one.frame, one.parts) == (0, {"votes": 0.01})
    assert leader.tolist() == [0, 0]


def test_a_symmetric_member_stands_for_its_group(tmp_path):
    exact = ROCKSALT.copy()
    exact.info = disguised(ROCKSALT, 1, -1.0).info
    noisy = disguised(ROCKSALT, 0, -1.0001, noise=0.12)
    write_unique(write_run(tmp_path, [noisy, exact], formula="NaCl"))
    [found] = read_unique(tmp_path)
    assert found.info["seed"] == 1
    assert found.info["found"] == 2
    assert (found.info["space_group_number"], found.info["space_group_tight_number"]) == (225, 225)


def test_the_best_volume_is_a_potentials_own():
    pytest.importorskip("chgnet")
    potential = KINDS.make("chgnet")
    lowest = potential.relaxed(ROCKSALT, fmax=0.01, steps=50).energy
    for factor in (0.8, 1.0, 1.2):
        atoms = ROCKSALT.copy()
        atoms.set_cell(factor ** (1 / 3) * atoms.cell.array, scale_atoms=True)
        opinion = answer(Question(potential, atoms, "volume"))
        assert opinion.energy == pytest.approx(lowest, abs=0.004)


def test_no_energy_where_atoms_see_no_neighbour():
    pytest.importorskip("chgnet")
    lonely = ase.Atoms("Na", cell=[20, 20, 20], pbc=True)
    assert answer(Question(KINDS.make("chgnet"), lonely, "volume")).energy == np.inf


def test_a_bundle_refines_in_lammps(diamond_bundle, tmp_path):
    """The model is a stand-in: its energies are not physical, its minimum is known."""
    stretched = DIAMOND.copy()
    stretched.set_cell(stretched.cell.array * 1.04, scale_atoms=True)
    run = write_run(tmp_path / "run", [disguised(stretched, 0, -1.0, noise=0.0)])
    rm.evaluate(run, refine=diamond_bundle, refine_fmax=0.01, hull="none")
    [found] = read_unique(run)
    assert found.info["refined"] == "converged"
    assert {"ranked_by", "refined_by", "refined", "refined_rms"} <= {*found.info} & {*POTENTIALS}
    assert found.info["space_group_tight_number"] == 227
    assert found.get_volume() / len(found) == pytest.approx(5.67, rel=0.01)
    known = rm.Calculator(diamond_bundle)
    energy = known.get_potential_energy(found) / len(found)
    assert found.info["physical_energy_per_atom"] == pytest.approx(energy, abs=1e-4)


def test_names_that_matcalc_knows_leave_spglib_as_it_was():
    pytest.importorskip("matcalc")
    import spglib

    before = spglib.error.OLD_ERROR_HANDLING
    with pytest.raises(UserError):
        potential_named("no such model")
    assert before == spglib.error.OLD_ERROR_HANDLING


def test_unknown_potentials_are_named(run_of_two):
    with pytest.raises(UserError, match="no potential 'chgnte'") as error:
        rm.evaluate(run_of_two, rank_by="chgnte")
    assert "chgnet" in error.value.hint


def test_energies_above_the_hull():
    known = [
        Known(bulk("Na", "bcc", a=4.2), "Na", 0.0),
        Known(bulk("Na", "fcc", a=5.3), "Na again", 0.5),
        Known(CHLORINE, "Cl", 0.0),
        Known(ROCKSALT, "NaCl", -2.0),
        Known(DIAMOND, "C", 0.0),
    ]
    systems = [frozenset(("Na", "Cl")), frozenset(("K", "Cl")), frozenset(("Na",))]
    hull = Hull(known, systems)
    # far above its own hull, or of no system that is asked about
    assert [one.name for one in hull.known] == ["Na", "Cl", "NaCl"]
    found = hull.above(
        ["NaCl", "NaCl", "Na3Cl", "NaCl", "KCl", "Na"],
        [-1.9, -2.2, -0.9, np.inf, -2.0, 0.1],
        [0.0, 0.0, -2.0],
    )
    # Na3Cl would fall into NaCl and Na, -1 eV per atom; nothing is known of K
    expected = [0.1, -0.2, 0.1, None, None, 0.1]
    assert [one.energy for one in found] == [e if e is None else pytest.approx(e) for e in expected]
    assert [one.references for one in found] == [3, 3, 3, 3, 1, 1]
    assert found[4] == AboveHull(None, 1, ("K",))


def test_the_shipped_structures_are_the_lowest_of_their_compositions():
    known = shipped()
    names = {one.name for one in known}
    assert len(names) == len(known) > 10_000
    salt = [one for one in known if one.elements == {"Na", "Cl"}]
    assert any(one.formation_energy < -1.9 for one in salt)


def test_metrics_know_the_second_opinion(run_of_two):
    # what chgnet puts first of either
    ase.io.write(run_of_two / "reference.extxyz", [ROCKSALT, GRAPHITE])
    pytest.importorskip("chgnet")
    evaluated = rm.evaluate(
        run_of_two,
        metrics=True,
        reference=run_of_two / "reference.extxyz",
        training=run_of_two / "reference.extxyz",
        rank_by="chgnet",
    )
    measured = evaluated.metrics
    # E~ had preferred caesium chloride and diamond
    assert measured["prediction"]["rates"]["1 top-ranked"]["matched"] == 2
    opinion = measured["second_opinion"]
    assert opinion["structures"] == 4
    above = opinion["above_reference"]
    assert above["top_ranked"]["within_0.1"] == 1
    assert above["ranked_first_by_E~"]["within_0.1"] < 1
    assert opinion["above_hull"]["top_ranked"]["decided"] == 2
    assert measured["top_ranked"]["structures"][0]["above_hull"] == pytest.approx(0, abs=0.05)
    assert json.loads((run_of_two / "metrics.json").read_text()) == measured


def test_the_table_shows_what_the_order_rests_on(run, run_of_two):
    pytest.importorskip("chgnet")
    done = run("rm-evaluate", run_of_two, "--rank-by", "chgnet", "--hull", "none")
    words = " ".join(done.stdout.split())
    for column in ("rank score", "E~/atom", "chgnet/atom"):
        assert column.split()[0] in words
