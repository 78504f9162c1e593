"""``rm.evaluate``: the same as by YAML and by flags."""

import inspect
import json

import pytest
import yaml
from ase.build import bulk

import rm_lammps as rm
from rm_lammps.analysis.evaluation_fields import EvaluationConfig


@pytest.fixture(scope="module")
def carbon(diamond_bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("carbon")
    rm.generate(model=diamond_bundle, formula="C4", num=4, out=folder / "run")
    bulk("C").write(folder / "diamond.cif")
    return folder


def test_python_takes_all_settings_and_no_others():
    parameters = set(inspect.signature(rm.evaluate).parameters)
    assert parameters == {*EvaluationConfig.model_fields, "config", "comm"}


def test_flags_yaml_and_python_say_the_same(run, carbon):
    folder = carbon / "run"
    settings = {"reference": str(carbon / "diamond.cif"), "symprec": 0.2, "top": 1}
    flags = [f"--{name}={value}" for name, value in settings.items()]

    def written():
        result = json.loads((folder / "evaluation.json").read_text())
        (folder / "evaluation.json").unlink()
        return result, (folder / "top.extxyz").read_text()

    run("rm-evaluate", folder, *flags, "--metrics", "--at", "1,3", "--format", "cif")
    by_flags = written()
    cifs = folder / "structures.cif.zip"
    assert cifs.exists()
    cifs.unlink()
    more = {"metrics": True, "at": "1,3", "format": "cif", "sources": [str(folder)]}
    (carbon / "how.yaml").write_text(yaml.safe_dump({**settings, **more}))
    run("rm-evaluate", "--config", carbon / "how.yaml")
    assert written() == by_flags
    assert cifs.exists()
    evaluated = rm.evaluate(folder, **settings, metrics=True, at=(1, 3))
    assert written() == by_flags
    assert evaluated.result == by_flags[0]
    assert evaluated.kind == "crystals"
    (matches,) = evaluated.result["matched"].values()
    assert matches > 0
    assert evaluated.metrics == json.loads((folder / "metrics.json").read_text())


def test_a_report_takes_yaml_too(run, carbon):
    (carbon / "report.yaml").write_text(yaml.safe_dump({"sources": [str(carbon / "run")]}))
    told = run("rm-report", "--config", carbon / "report.yaml", "--best", 3).stdout.split()[-1]
    assert told.endswith("report.html")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"at": "1,x"}, "not a list of whole numbers"),
        ({"at": ""}, "at: "),
        ({"format": "pdf"}, "format"),
        ({"symprecc": 1}, "symprecc"),
        ({"top": 0}, "top"),
    ],
)
def test_unusable_settings_are_refused(refused, carbon, settings, message):
    with pytest.raises(rm.UserError, match=message):
        rm.evaluate(carbon / "run", config=settings)
    (carbon / "bad.yaml").write_text(yaml.safe_dump(settings))
    assert message in refused("rm-evaluate", carbon / "run", "--config", carbon / "bad.yaml")


def test_something_to_look_at_is_needed(refused):
    assert "sources" in refused("rm-evaluate")
