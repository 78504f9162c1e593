"""The command blocks of documentation pages run, one after the other, with small stand-in files."""

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from os import environ, pathsep
from pathlib import Path

import ase.io
import pytest
from ase.build import bulk, fcc111, molecule
from ase.io.lammpsdata import write_lammps_data
from ase.spacegroup import crystal

from rm_lammps.files import shipped_folder

CHECKOUT = Path(__file__).resolve().parents[1]
DOCS = CHECKOUT / "docs"
TRAINING = "trains for minutes; tests/training trains smaller models"


@dataclass(frozen=True)
class Page:
    """What lets the blocks of a page run as a test.

    Attributes:
        files: writes the files that the page names into a folder.
        settings: names of the files that the page's YAML blocks become, by number.
        smaller: words of blocks and settings, and what makes the run small in their place.
        after: the page whose results this one goes on with.
        before: commands that lead to where a block begins.
        left: blocks that don't run, and why.
    """

    files: Callable[[Path], None] | None = None
    settings: dict[int, str] = field(default_factory=dict)
    smaller: dict[str, str] = field(default_factory=dict)
    after: str | None = None
    before: dict[int, str] = field(default_factory=dict)
    left: dict[int, str] = field(default_factory=dict)


def _elements(folder: Path) -> None:
    for name, symbol in {"diamond": "C", "copper": "Cu", "nickel": "Ni"}.items():
        ase.io.write(folder / f"{name}.cif", bulk(symbol, cubic=True))


def _hosts(folder: Path) -> None:
    _elements(folder)
    sites = [(0, 0, 0), (1 / 3, 2 / 3, 0.2)]
    oxide = crystal(["Co", "O"], sites, spacegroup=164, cellpar=[2.82, 2.82, 5, 90, 90, 120])
    ase.io.write(folder / "coo2.cif", oxide.repeat((2, 2, 1)))
    ase.io.write(folder / "slab.extxyz", fcc111("Cu", (2, 2, 3), vacuum=8, periodic=True))
    ase.io.write(folder / "phenyl.xyz", molecule("C6H6")[:-1])


def _molecules(folder: Path) -> None:
    known = [molecule(name) for name in ("CH3CH2OH", "C6H6", "CH3CONH2")]
    for name in ("train", "wanted", "test"):
        ase.io.write(folder / f"{name}.extxyz", known)


def _crystals(folder: Path) -> None:
    known = [bulk(name, "rocksalt", a=a) for name, a in {"NaCl": 5.64, "MgO": 4.21}.items()]
    for name in ("known", "train"):
        ase.io.write(folder / f"{name}.extxyz", known)


def _scripts(folder: Path) -> None:
    shutil.copytree(shipped_folder("lammps_inputs"), folder, dirs_exist_ok=True)
    write_lammps_data(folder / "my.data", bulk("C", cubic=True), masses=True)


def _text(**files: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for name, text in files.items():
            (folder / name.replace("_", ".")).write_text(text)

    return write


GOING_ON = """
rm-generate --model diamond --formula C8 --preset thorough --num 100000 --out carbon &
trap "kill -KILL $!" EXIT
until grep -q . carbon/records/*; do sleep 0.2; done 2>/dev/null
kill -STOP $!
"""
"""A run that is going on, and takes no time from others."""
JOBS = """
for k in 1 2 3; do
  rm-generate --model diamond --formula C2 --num 1 --seed $k --out job-$k
done
"""

PAGES = {
    "install.md": Page(
        smaller={"python3 -m venv .venv && . .venv/bin/activate\npip install .\n": ""},
        left={2: "makes the wheels of a release, for minutes"},
    ),
    "howto/generate.md": Page(
        files=_scripts,
        settings={0: "run.yaml"},
        smaller={"--num 64": "--num 4", "num: 20": "num: 2"},
    ),
    "howto/results.md": Page(files=_elements, after="howto/generate.md"),
    "howto/resume_merge.md": Page(
        before={
            0: "rm-generate --model diamond --formula C8 --num 4 --time-limit 0 --out carbon "
            "|| [ $? = 3 ]",
            1: "rm -r carbon\n" + GOING_ON,
            2: JOBS,
        },
    ),
    "howto/cluster.md": Page(
        files=_text(run_yaml="{model: diamond, formula: C8, num: 2}"),
        smaller={"mpirun -n 512": "mpirun -n 2"},
    ),
    "howto/compositions.md": Page(
        files=_text(list_txt="NaCl # rock salt\nMgO\n"),
        smaller={"--num 20": "--num 2", "--de-novo 50": "--de-novo 2", "--num 8": "--num 1"},
    ),
    "howto/measure_crystals.md": Page(files=_crystals, after="howto/compositions.md"),
    "howto/hand_over.md": Page(smaller={"--num 100": "--num 2"}),
    "howto/symmetry.md": Page(
        smaller={
            "--num 20": "--num 1",
            "--out cubic": "--num 1 --out cubic",
            "--out high": "--num 1 --out high",
        }
    ),
    "howto/hosts.md": Page(files=_hosts, smaller={" --num 40": "", "--out": "--num 1 --out"}),
    "howto/swaps.md": Page(
        files=lambda folder: ase.io.write(
            folder / "fcc.cif", bulk("Cu", cubic=True).repeat((2, 1, 1))
        ),
        settings={-1: "cuau.yaml"},
        smaller={"num: 30": "num: 1"},
    ),
    "howto/molecules.md": Page(
        files=_molecules,
        smaller={"--num 100": "--num 2"},
        left={2: f"needs QM9, a package of 230 MB, and {TRAINING}"},
    ),
    "howto/judge_molecules.md": Page(files=_molecules, after="howto/molecules.md"),
    "howto/large_cells.md": Page(
        smaller={"--atoms 1000": "--atoms 200"},
        left={0: f"{TRAINING}; tests/generation/test_glass.py makes a glass"},
    ),
    "explanation/learned_symmetry.md": Page(smaller={"--num 20": "--num 1"}),
    "explanation/seeds.md": Page(),
}
"""Pages whose blocks run here."""
ELSEWHERE = {
    "../README.md": "test_docs_commands.py: its commands are those of the tutorials",
    **dict.fromkeys(
        (f"tutorials/{name}.md" for name in ("crystal", "diamond", "lammps", "molecule")),
        "test_docs_commands.py",
    ),
    **dict.fromkeys(
        ("tutorials/detector.md", "reference/fix_denoise.md", "examples/*.md"), "test_examples.py"
    ),
    "tutorials/train.md": TRAINING,
    "tutorials/glass.md": f"more than 20 s of CPU time; tests/generation/test_glass.py; {TRAINING}",
    "howto/train.md": TRAINING,
    "howto/second_opinion.md": "some 30 s of CPU time; tests/analysis/test_second_opinion.py",
    "howto/chemical_systems.md": "some 20 s of CPU time; tests/exploration",
    "howto/guidance.md": TRAINING,
    "howto/reproduce.md": "trains, needs QM9 and MP-20 (network), and takes minutes to hours",
    "howto/build.md": "compiles for a minute, and needs the sources of LAMMPS",
    "studies/*.md": "measurements, of minutes to hours",
}
"""Pages whose blocks run in another file, or nowhere."""


def blocks(page: Path, *languages: str) -> list[str]:
    pattern = rf"^```(?:{'|'.join(languages)})\n(.*?)^```"
    return re.findall(pattern, page.read_text(), re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[str]:
    """Blocks of commands; of consoles, what stands behind the prompt."""
    return [
        "\n".join(re.findall(r"^\$ (.*)", block, re.MULTILINE)) or block
        for block in blocks(page, "bash", "console")
    ]


@pytest.fixture(scope="module")
def ran(run, tmp_path_factory):
    """Return a function that runs a page's blocks, once, and returns their folder."""
    folders: dict[str, Path] = {}
    path = f"{Path(sys.executable).parent}{pathsep}{environ['PATH']}"

    def run_page(name: str) -> Path:
        if name in folders:
            return folders[name]
        page = PAGES[name]
        folder = tmp_path_factory.mktemp(Path(name).stem)
        if page.after is not None:
            shutil.copytree(run_page(page.after), folder, dirs_exist_ok=True)
        if page.files is not None:
            page.files(folder)

        def small(text: str) -> str:
            for words, fewer in page.smaller.items():
                text = text.replace(words, fewer)
            return text

        settings = blocks(DOCS / name, "yaml")
        for number, file in page.settings.items():
            (folder / file).write_text(small(settings[number]))
        for number, block in enumerate(commands(DOCS / name)):
            if number not in page.left:
                script = f"{page.before.get(number, '')}\n{small(block)}"
                run("bash", "-ec", script, cwd=folder, env={"PATH": path})
        folders[name] = folder
        return folder

    return run_page


@pytest.mark.parametrize("name", PAGES)
def test_the_blocks_of_a_page_run(name, ran):
    ran(name)


def test_every_page_with_commands_is_told_of():
    told = {
        *PAGES,
        *(
            page.relative_to(DOCS).as_posix()
            for name in ELSEWHERE
            if not name.startswith("..")
            for page in DOCS.glob(name)
        ),
    }
    with_commands = {
        page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md") if commands(page)
    }
    assert with_commands <= told


@pytest.mark.parametrize("name", PAGES)
def test_what_makes_a_page_small_stands_on_it(name):
    page = PAGES[name]
    text = (DOCS / name).read_text()
    assert all(words in text for words in page.smaller)
    assert {*page.left, *page.before} <= set(range(len(commands(DOCS / name))))
