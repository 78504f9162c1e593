"""``rm.generate``: the same run as by YAML and by flags."""

import inspect
import re
import sys

import pytest
import yaml

import rm_lammps as rm
from rm_lammps.generation.generation_config import GenerationConfig
from rm_lammps.generation.run_fields import Execution, Shortcuts

SETTINGS = {"formula": "C4", "z": "1-2", "num": 6, "seed": 3, "pressure": 2, "blind": True}


def structures(folder):
    """All bytes of the results but how long each seed took."""
    return re.sub(rb" seconds=\S+", b"", (folder / "structures.extxyz").read_bytes())


def test_python_takes_all_settings_and_no_others():
    parameters = set(inspect.signature(rm.generate).parameters)
    settings = {*GenerationConfig.model_fields, *Shortcuts.model_fields, *Execution.model_fields}
    assert parameters == settings | {"config", "out", "comm"}


def test_the_same_run_by_flags_yaml_and_python_is_the_same_byte_for_byte(
    run, diamond_bundle, tmp_path
):
    settings = {"model": str(diamond_bundle), **SETTINGS}
    flags = [f"--{name}={value}" for name, value in settings.items() if name != "blind"]
    run("rm-generate", *flags, "--blind", "--out", tmp_path / "flags")
    (tmp_path / "run.yaml").write_text(yaml.safe_dump({**settings, "out": str(tmp_path / "yaml")}))
    run("rm-generate", tmp_path / "run.yaml")
    result = rm.generate(**settings, out=tmp_path / "python")
    code = f"import rm_lammps as rm; print(len(rm.generate({str(tmp_path / 'run.yaml')!r}, "
    code += f"out={str(tmp_path / 'ranks')!r})))"
    # not from a checkout's folder, where Python would take its files for the installation
    told = run(sys.executable, "-c", code, ranks=2, cwd=tmp_path).stdout.split()
    expected = structures(tmp_path / "flags")
    assert expected.count(b"seed=") == len(result) > 0
    assert told == [str(len(result))] * 2
    for other in ("yaml", "python", "ranks"):
        assert structures(tmp_path / other) == expected
        stored = (tmp_path / other / "run.yaml").read_bytes()
        assert stored == (tmp_path / "flags" / "run.yaml").read_bytes()


def test_a_complete_run_is_only_read_again_and_others_are_refused(diamond_bundle, tmp_path):
    first = rm.generate(model=diamond_bundle, formula="C2", num=2, out=tmp_path)
    again = rm.generate(model=diamond_bundle, formula="C2", num=2, out=tmp_path)
    assert [a.info["seconds"] for a in first] == [a.info["seconds"] for a in again]
    assert first.summary["attempted"] == 2
    assert (tmp_path / "unique.extxyz").exists()
    with pytest.raises(rm.UserError, match=r"config\.seed: was 0, is 1"):
        rm.generate(model=diamond_bundle, formula="C2", num=2, seed=1, out=tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"formula": "C8"}, "model: is missing"),
        ({"model": "diamond", "formula": "C8", "out": None}, "--out DIR"),
        ({"model": "diamond"}, "give one of formula, formulas, de_novo, chemical_system, heavy"),
        ({"model": "diamond", "formula": "C8", "z": "1-x"}, "not a range of whole numbers"),
        ({"model": "diamond", "formula": "C8", "grace": -1}, "grace"),
    ],
)
def test_unusable_settings_are_refused(tmp_path, settings, message):
    with pytest.raises(rm.UserError, match=message):
        rm.generate(**{"out": tmp_path / "out", **settings})
