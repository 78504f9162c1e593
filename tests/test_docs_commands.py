"""Every command block of README and docs is parsed; those of the tutorials run and print.

The blocks of other pages run in ``test_howto_commands.py``.
"""

import json
import re
import shlex
import shutil
import sys
from importlib import import_module
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from rm_lammps.files import shipped_folder
from rm_lammps.generation.generation_config import load_run
from rm_lammps.training.training_config import TrainingConfig

CHECKOUT = Path(__file__).resolve().parents[1]
DOCS = CHECKOUT / "docs"
RUN = ("diamond", "crystal", "molecule", "lammps")
"""Tutorials whose blocks run one after the other, in well under a minute each."""
FOUND = {"diamond": {"carbon": 55}, "crystal": {"kznf3": 1, "kznf3_blind": 1}}
"""How many seeds end in the known structure at least, which is ranked first."""
PAGES = [CHECKOUT / "README.md", *sorted(DOCS.rglob("*.md"))]
OWN_KINDS = DOCS / "howto" / "extend.md"  # its settings name kinds that tests/extension brings


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def commands(block: str) -> list[list[str]]:
    """Words of each command, without what only launches it."""
    found = []
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words:
            end = next((k for k, word in enumerate(words) if word in {"&&", "|"}), len(words))
            found.append(words[:end])
            words = words[end + 1 :]
    return [_launched(words) for words in found if words]


def _launched(words: list[str]) -> list[str]:
    """``mpirun -n 2``, ``srun --ntasks=1`` and ``torchrun ...`` take the command behind them."""
    if words[0] == "mpirun":
        return words[3:]
    if words[0] in {"srun", "torchrun"}:
        return words[next(k for k, word in enumerate(words) if word.startswith("rm-")) :]
    return words


def parse(words: list[str]) -> None:
    """Refuse unknown flags, flags without value, scripts and files that there are not."""
    program, *arguments = words
    if program.startswith("rm-"):
        module = import_module(f"rm_lammps.cli.{program.removeprefix('rm-')}")
        command: Any = typer.main.get_command(module.app)
        command.make_parser(command.context_class(command)).parse_args(list(arguments))
    elif program.startswith("python") and arguments and arguments[0].startswith("scripts/"):
        text = (CHECKOUT / arguments[0]).read_text()
        for word in arguments[1:]:
            assert not word.startswith("--") or f'"{word}"' in text, word
    elif program == "lmp":
        name = Path(arguments[arguments.index("-in") + 1]).name
        inputs = shipped_folder("lammps_inputs")
        assert name == "mine.in" or any((d / name).exists() for d in (inputs, inputs / "examples"))
    elif program == "pip" and (extras := re.search(r"\[(.*)\]", " ".join(arguments))):
        known = set(metadata("rm_lammps").get_all("Provides-Extra") or ())
        assert set(extras[1].split(",")) <= known
    elif program.startswith("scripts/"):
        assert (CHECKOUT / program).exists()


CASES = [
    pytest.param(block, id=f"{page.relative_to(CHECKOUT)}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks(page, "bash"))
]


@pytest.mark.parametrize("block", CASES)
def test_commands_have_the_flags_and_files_they_name(block):
    for words in commands(block):
        parse(words)
    for file in re.findall(r"\bexamples/\w[\w./]*", block):
        assert shipped_folder("examples").parent.joinpath(file).exists() or file.endswith(".in")


@pytest.mark.parametrize("name", ["crystals", "diamond", "molecules"])
def test_scripts_of_the_paper_have_the_flags_they_name(name, run):
    script = CHECKOUT / "scripts" / "reproduce" / f"{name}.sh"
    run("bash", "-n", script)
    text = script.read_text().replace('"$checkout/', '"').replace("\\\n", " ")
    text = text.replace('"${training[@]}"', "--processes 1 --epochs 1")
    told = re.findall(r"^ *((?:rm-train|python) .*)$", text, re.MULTILINE)
    assert [command.split()[0] for command in told][-2:] == ["rm-train", "python"]
    for command in told:
        parse(shlex.split(command))


def test_unknown_flags_are_found():
    with pytest.raises(Exception, match=r"(?i)no such option"):
        parse(["rm-generate", "--modle", "diamond"])
    with pytest.raises(AssertionError):
        parse(["python", "scripts/carbon_table.py", "--rnaks", "2"])


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(block, id=f"{page.relative_to(DOCS)}-{number}")
        for page in PAGES[1:]
        if page.parent.name != "reference" and page != OWN_KINDS
        for number, block in enumerate(blocks(page, "yaml"))
    ],
)
def test_settings_are_ones_that_there_are(block):
    settings = yaml.safe_load(block)
    if "optimisation" in settings:
        TrainingConfig.model_validate(settings)
        return
    settings.setdefault("model", "crystals")
    if not {"formulas", "chemical_system"} & set(settings):
        settings.setdefault("formula", "KZnF3")
    load_run(settings, {"out": Path("out")})


@pytest.mark.parametrize("name", [*RUN, pytest.param("train", marks=pytest.mark.long)])
def test_tutorials_run_and_print_what_they_say(name, run, tmp_path):
    shutil.copytree(shipped_folder("examples"), tmp_path / "examples")
    text = (DOCS / "tutorials" / f"{name}.md").read_text()
    for script in blocks(DOCS / "tutorials" / f"{name}.md", "lammps")[:1]:
        (tmp_path / "mine.in").write_text(script)
    pattern = r"^```bash\n(.*?)^```\n(?:\n```text\n(.*?)^```)?"
    pairs = re.findall(pattern, text, re.DOTALL | re.MULTILINE)
    assert pairs
    for block, printed in pairs:
        done = run("bash", "-ec", block, cwd=tmp_path, env={"PATH": _path()})
        for line in printed.splitlines():
            assert re.search(_whatever_numbers(line), done.stdout), done.stdout
    for folder, least in FOUND.get(name, {}).items():
        found = json.loads((tmp_path / folder / "evaluation.json").read_text())
        assert sum(found["matched"].values()) >= least
        assert found["structures"][0]["matches"] is not None


def _path() -> str:
    import os

    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def _whatever_numbers(line: str) -> str:
    """A line whose results may differ: formulas and names stay, numbers and their widths don't."""
    words = [
        r"[\d.,]+%?" if re.fullmatch(r"[\d.,]+%?", word) else re.escape(word)
        for word in line.split()
    ]
    return r"\s+".join(words)


def test_readme_shows_commands_of_the_tutorials():
    """So they run, and print what README says."""
    told = "\n".join((DOCS / "tutorials" / f"{name}.md").read_text() for name in RUN)
    first, test, *shown = blocks(CHECKOUT / "README.md", "bash")
    install, generate = re.split(r"pip install [^&]*&&", first.replace("\\\n", " "))
    assert "venv" in install
    assert test.strip().endswith("&& pytest")
    assert generate.strip() in told
    assert len(shown) >= 3
    for block in shown:
        for line in block.splitlines():
            assert line in told, line
    for block in blocks(CHECKOUT / "README.md", "text"):
        for line in block.splitlines():
            assert line in told, line
