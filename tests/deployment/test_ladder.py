"""Models that are ladders of potentials: one folder, one bundle, levels by name."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from pydantic import ValidationError

from rm_lammps.deployment.bundle import Bundle, find_bundle
from rm_lammps.errors import UserError
from rm_lammps.files import pretrained_folder
from rm_lammps.pretrained.ladder import Level, read_levels, write_levels
from rm_lammps.pretrained.source import find_model
from rm_lammps.relaxation import Protocol, Relaxed
from rm_lammps.relaxation.relaxation import relax
from rm_lammps.relaxation.stages.box import BoxRounds
from rm_lammps.relaxation.stages.cell import CellMinimisation
from rm_lammps.relaxation.stages.denoise import Denoise

LOWEST = Level(name="small", noise=(0.0, 0.3), package=Path("model.nequip.zip"))
UPPER = Level(name="large", noise=(0.3, 1.0), package=Path("levels/large.nequip.zip"))


def ladder(folder, upper="molecules"):
    """Diamond's shipped model below, another one above it."""
    shutil.copytree(pretrained_folder() / "diamond", folder)
    (folder / "levels").mkdir()
    shutil.copy(pretrained_folder() / upper / "model.nequip.zip", folder / UPPER.package)
    write_levels(folder, [LOWEST, UPPER])
    return folder


def test_levels_are_read_as_they_were_written(tmp_path):
    folder = ladder(tmp_path / "model")
    assert read_levels(folder) == (LOWEST, UPPER)
    assert find_model(str(folder)).levels == (LOWEST, UPPER)
    assert find_model("diamond").levels == ()


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([], "levels"),
        ([{"name": "a", "noise": [0, 1], "package": "b.nequip.zip"}], "must be the lowest"),
        ([{"name": "a b", "noise": [0, 1], "package": "model.nequip.zip"}], "name"),
        ([{"name": "a", "noise": [1, 0.5], "package": "model.nequip.zip"}], "range 0 <= low"),
        (2 * [{"name": "a", "noise": [0, 1], "package": "model.nequip.zip"}], "different names"),
    ],
)
def test_ladders_that_can_not_be(levels, message, tmp_path):
    folder = ladder(tmp_path / "model")
    (folder / "levels.json").write_text(json.dumps({"levels": levels}))
    with pytest.raises(UserError, match=message):
        find_model(str(folder))


def test_levels_of_one_name_are_not_written(tmp_path):
    with pytest.raises(ValidationError, match="different names"):
        write_levels(tmp_path, [LOWEST, LOWEST])


def test_a_missing_package_is_named(tmp_path):
    folder = ladder(tmp_path / "model")
    (folder / UPPER.package).unlink()
    with pytest.raises(UserError, match=r"names levels/large\.nequip\.zip for level large"):
        find_model(str(folder))


def test_levels_know_the_same_elements(refused, tmp_path):
    folder = ladder(tmp_path / "model")
    text = refused("rm-deploy", folder, "--out", tmp_path / "bundle")
    assert "Level large of model is for" in text
    assert not (tmp_path / "bundle").exists()


def test_a_stage_uses_its_level_and_the_others_the_lowest(run, tmp_path):
    """Two levels of equal weights: the same structures, until the file of the upper one is gone."""
    from rm_lammps.relaxation.session import LammpsSession

    folder = ladder(tmp_path / "model", upper="diamond")
    bundle = Bundle.load(run("rm-deploy", folder, "--out", tmp_path / "b").stdout.split()[-1])
    files = [level.file for level in bundle.manifest.levels]
    assert files == ["model.allegro", "large.allegro"]
    assert [bundle.level_for(noise) for noise in (0.0, 0.29, 0.3, 2.0)] == [
        *2 * ["small"],
        *2 * ["large"],
    ]
    assert find_bundle("diamond").level_for(0.3) is None
    atoms = bulk("C", cubic=True)
    atoms.rattle(0.2, rng=np.random.default_rng(0))

    def outcome(level):
        noise = Denoise(level=level, start=0.1, end=0.01, steps=20)
        return relax_by(noise, BoxRounds())

    def minimised(level):
        return relax_by(CellMinimisation(level=level), BoxRounds())

    def relax_by(*stages):
        return relax(session, atoms, Protocol(stages=stages), np.random.default_rng(3))

    with LammpsSession(bundle) as session:
        lowest, small, large = (outcome(level) for level in (None, "small", "large"))
        assert isinstance(lowest, Relaxed)
        assert small.energy == large.energy == lowest.energy
        assert small.evaluations == large.evaluations == lowest.evaluations
        assert minimised("large").energy == minimised(None).energy
        with pytest.raises(UserError, match="Its levels: small, large"):
            session.use_level("medium")
        (bundle.folder / "large.allegro").rename(tmp_path / "elsewhere")
        assert outcome("small").energy == lowest.energy
        for way in (outcome, minimised):
            with pytest.raises(UserError, match=r"large\.allegro is missing"):
                way("large")
