"""What README and docs say is run."""

import json
import re
import runpy
import subprocess
from importlib.metadata import distribution
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]


def test_reference_pages_are_what_the_code_says(monkeypatch):
    monkeypatch.syspath_prepend(CHECKOUT / "scripts")
    pages = runpy.run_path(str(CHECKOUT / "scripts" / "update_reference.py"))["pages"]()
    for name, text in pages.items():
        committed = (CHECKOUT / "docs" / "reference" / name).read_text()
        assert committed == text, f"run scripts/update_reference.py: {name} is out of date"


def test_the_python_page_has_every_function_and_class():
    import inspect

    import rm_lammps as rm

    page = (CHECKOUT / "docs" / "reference" / "python.md").read_text()
    described = set(re.findall(r"^::: (\S+)", page, re.MULTILINE))
    for name in rm.__all__:
        value = getattr(rm, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert f"{value.__module__}.{value.__qualname__}" in described, name


def test_readme_test_command_is_what_ci_runs():
    blocks = re.findall(r"```bash\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL)
    assert blocks[1].strip().endswith("&& pytest")
    assert "pytest" in (CHECKOUT / ".ci" / "run").read_text().splitlines()


PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", [str(path.relative_to(CHECKOUT)) for path in PAGES])
def test_links_between_pages_hold(page):
    text = (CHECKOUT / page).read_text()
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (CHECKOUT / page).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("page", [str(path.relative_to(CHECKOUT)) for path in PAGES])
def test_pages_are_short_but_for_studies(page):
    if "studies" not in Path(page).parts:
        assert len((CHECKOUT / page).read_text().split()) <= 1500


@pytest.mark.parametrize("page", [str(path.relative_to(CHECKOUT)) for path in PAGES])
def test_pages_that_name_scripts_say_that_they_need_a_checkout(page):
    """A wheel has no ``scripts/``; the index of the studies says so for all of them."""
    text = re.sub(r"<!--.*?-->", "", (CHECKOUT / page).read_text())
    # the scripts on this page are those of other codes
    if "studies" not in Path(page).parts and not page.endswith("coming_from.md"):
        named = re.search(r"scripts/\w[\w/]*\.(?:py|sh)", text)
        assert named is None or "checkout" in text, named


def test_refused_inputs_name_tests_that_there_are():
    page = (CHECKOUT / "docs" / "reference" / "refused_inputs.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if not row.startswith(("| given |", "| ---"))]
    assert len(rows) > 40
    for row in rows:
        named = re.findall(r"`(tests/\S+\.py)::(test_\w+)`", row)
        assert named, row
        for file, test in named:
            assert f"def {test}(" in (CHECKOUT / file).read_text(), f"{file}::{test}"


def test_every_study_begins_with_its_conclusion_and_is_listed():
    studies = sorted((CHECKOUT / "docs" / "studies").glob("*.md"))
    index = (CHECKOUT / "docs" / "studies" / "index.md").read_text()
    for study in studies:
        if study.name != "index.md":
            title, conclusion, told = study.read_text().split("\n\n")[:3]
            assert title.startswith("# ")
            assert conclusion.startswith("**Conclusion.** "), study.name
            ends = re.findall(r"[.!?](?=\s+[A-Z]|$)", conclusion.partition("** ")[2])
            assert 1 <= len(ends) <= 2, study.name
            assert re.search(r"20\d\d-\d\d-\d\d", told), study.name
            assert re.search(r"commits?\s[^;]*`[0-9a-f]{7}`", told), study.name
            # of a model the hash; or that there is none, or that it is gone
            assert re.search(r"`[0-9a-f]{12}`|no model|not kept", told), study.name
            assert f"({study.name})" in index, study.name


def test_the_checkout_is_not_what_is_tested():
    """An installed wheel is: this fails where an import picks up the checkout beside it."""
    import rm_lammps

    origin = json.loads(distribution("rm_lammps").read_text("direct_url.json") or "{}")
    editable = origin.get("dir_info", {}).get("editable", False)
    assert (CHECKOUT in Path(rm_lammps.__file__).resolve().parents) == editable
    assert subprocess.run(["rm-doctor", "--help"], check=False, capture_output=True).returncode == 0
