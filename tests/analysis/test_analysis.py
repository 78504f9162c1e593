"""Judges first see input whose answer is known."""

import json

import ase.io
import numpy as np
import pytest
from ase.build import bulk, graphene
from scipy.spatial.transform import Rotation

from rm_lammps.analysis.matching import Reference, coordination, space_group, unique_structures


def disguised(atoms, seed, energy=0.0):
    """The same crystal: supercell, rotated, shifted, a little noise."""
    rng = np.random.default_rng(seed)
    other = atoms.repeat((1, 2, 1))
    other.set_cell(Rotation.random(random_state=seed).apply(other.cell.array), scale_atoms=True)
    other.translate(rng.standard_normal(3))
    other.positions += 0.01 * rng.standard_normal(other.positions.shape)
    other.wrap()
    n = len(other)
    other.info = {
        "seed": seed,
        "energy": energy * n,
        "energy_per_atom": energy,
        "volume_per_atom": other.get_volume() / n,
    }
    return other


DIAMOND = bulk("C", a=3.567)
BCC = bulk("C", "bcc", a=2.3)


def test_a_crystal_matches_itself_in_disguise_and_no_other():
    diamond, bcc = DIAMOND.copy(), BCC.copy()
    diamond.info["name"], bcc.info["name"] = "diamond", "bcc"
    reference = Reference([diamond, bcc])
    for seed in range(5):
        assert reference.find(disguised(DIAMOND, seed)) == "diamond"
        assert reference.find(disguised(BCC, seed)) == "bcc"
    layered = graphene(vacuum=2.0)
    layered.pbc = True
    assert reference.find(layered) is None


def test_unique_structures_are_counted():
    frames = [disguised(DIAMOND, seed, -1.0) for seed in (4, 1, 7)]
    frames += [disguised(BCC, seed, -0.5) for seed in (2, 3)]
    groups = unique_structures(frames)
    assert [len(group.seeds) for group in groups] == [3, 2]
    assert sorted(groups[0].seeds) == [1, 4, 7]
    assert groups[0].atoms.info["energy_per_atom"] == -1.0


def test_space_groups_and_neighbours():
    assert space_group(DIAMOND) == "Fd-3m (227)"
    assert coordination(DIAMOND, 1.9) == 4
    assert coordination(BCC, 2.1) == 8


def test_evaluate_on_known_structures(run, tmp_path):
    frames = [disguised(DIAMOND, 0, -1.0), disguised(DIAMOND, 2, -1.0), disguised(BCC, 3, -0.4)]
    ase.io.write(tmp_path / "structures.extxyz", frames)
    summary = {
        "attempted": 4,
        "converged": 3,
        "failed": {"expanded": 1},
        "evaluations": 400,
        "seed_seconds": 2.0,
    }
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    named = DIAMOND.copy()
    named.info["name"] = "diamond"
    ase.io.write(tmp_path / "reference.extxyz", named)
    done = run("rm-evaluate", tmp_path, "--reference", tmp_path / "reference.extxyz")
    result = json.loads((tmp_path / "evaluation.json").read_text())
    assert result["matched"] == {"diamond": 2}
    assert result["match_rate"] == 0.5
    assert result["unique"] == 2
    assert result["seconds_per_seed"] == 0.5
    assert "50.0%" in done.stdout
    assert (tmp_path / "energy_volume.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("reference", "message"),
    [("reference.extxyz", "holds no finished run"), ("nothing.cif", "No such data file")],
)
def test_bad_input_is_refused(refused, tmp_path, reference, message):
    ase.io.write(tmp_path / "reference.extxyz", DIAMOND)
    folder = tmp_path / "nowhere"
    if message.startswith("No such"):
        folder = tmp_path
        (folder / "summary.json").write_text('{"converged": 0}')
    assert message in refused("rm-evaluate", folder, "--reference", tmp_path / reference)
