"""What ``import rm_lammps`` offers, and what it costs."""

import doctest
import inspect
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import rm_lammps as rm

HEAVY = ("torch", "lammps", "mpi4py", "pymatgen", "ase", "numpy", "pydantic", "nequip")


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys; before = set(sys.modules); import rm_lammps;"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd="/"
    )
    assert not set(done.stdout.split()) & set(HEAVY)


def test_a_start_waits_for_nothing_heavy():
    """What every rank imports before its first seed, kinds of others among it."""
    code = (
        "import sys; import rm_lammps.generation.generation_run, rm_lammps.api.generate;"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd="/"
    )
    heavy = {"scipy", "pymatgen", "pandas", "matplotlib", "sympy", "plotly", "torch"}
    assert not set(done.stdout.split()) & heavy, "import these where they are used"


def test_every_name_is_there_and_documented():
    assert sorted(rm.__all__) == sorted(rm._HOME)
    for name in rm.__all__:
        value = getattr(rm, name)
        assert name in dir(rm)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, name


def test_other_names_are_refused():
    with pytest.raises(AttributeError, match="generat0r"):
        _ = rm.generat0r


@pytest.mark.parametrize(
    "name", [name for name in rm.__all__ if ">>>" in (getattr(rm, name).__doc__ or "")]
)
def test_examples_of_docstrings_run(name, diamond_bundle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    value = getattr(rm, name)
    finder = doctest.DocTestFinder(recurse=False)
    (test,) = finder.find(value, name, module=False, globs={})
    assert test.examples
    assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test).failed == 0


def test_what_is_used_from_python_has_an_example():
    for name in ("Calculator", "relax"):
        assert ">>>" in getattr(rm, name).__doc__


def test_a_module_has_a_name_of_its_own():
    """Fronts are called like what they lead to, kinds like themselves."""
    root = Path(rm.__file__).parent
    fronts = {"api", "cli", "kinds", "stages", "terms"}
    rooms = [file.relative_to(root) for file in root.rglob("*.py") if file.name != "__init__.py"]
    names = Counter(file.stem for file in rooms if not fronts & set(file.parts))
    assert len(names) > 150
    assert not [name for name, count in names.items() if count > 1]
