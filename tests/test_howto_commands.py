"""The command blocks of documentation pages run, one after the other, with small stand-in files.

Blocks that take more than some seconds run with ``pytest -m long`` only, and their page whole.
"""

import csv
import io
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from os import environ, pathsep
from pathlib import Path

import ase
import ase.io
import pytest
import yaml
from ase.build import bulk, fcc111, molecule
from ase.io.lammpsdata import write_lammps_data
from ase.spacegroup import crystal

from rm_lammps.datasets.library import PrototypeLibrary
from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.deployment.plugin import _package_folder
from rm_lammps.files import shipped_folder
from rm_lammps.runs.frame_keys import MOLECULES, ORIGIN, RELAXED, UNIQUE
from rm_lammps.runs.frames import iterate_info
from rm_lammps.training.training_config import load_config

CHECKOUT = Path(__file__).resolve().parents[1]
DOCS = CHECKOUT / "docs"
MADE = {"build", "dist", "runs", "site"}
"""Folders that are no part of a checkout."""
ALL = frozenset(range(99))
"""Every block of a page."""


@dataclass(frozen=True)
class Page:
    """What lets the blocks of a page run as a test.

    Attributes:
        files: writes the files that the page names into a folder.
        settings: names of the files that the page's YAML blocks become, by number.
        smaller: words of blocks and settings, and what makes the run small in their place.
        after: the page whose results this one goes on with.
        before: commands that lead to where a block begins.
        long: blocks that take more than some seconds.
        checkout: whether these need a checkout.
        installs: whether they install something, which then goes into an environment of the
            folder that sees the packages of the tests.
        left: blocks that don't run, and why.
    """

    files: Callable[[Path], None] | None = None
    settings: dict[int, str] = field(default_factory=dict)
    smaller: dict[str, str] = field(default_factory=dict)
    after: str | None = None
    before: dict[int, str] = field(default_factory=dict)
    long: Collection[int] = ()
    checkout: bool = False
    installs: bool = False
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
    ase.io.write(folder / "mine.extxyz", molecule("CH3OH"))


def _crystals(folder: Path) -> None:
    known = [bulk(name, "rocksalt", a=a) for name, a in {"NaCl": 5.64, "MgO": 4.21}.items()]
    for name in ("known", "train"):
        ase.io.write(folder / f"{name}.extxyz", known)


def _known(number: int | None = None) -> list[ase.Atoms]:
    """Crystals that the shipped model was trained on, with their energies; small ones first."""
    prototypes = find_bundle("crystals").prototypes
    assert prototypes is not None
    library = PrototypeLibrary.load(prototypes)
    known = []
    for index in sorted(range(len(library)), key=lambda k: len(library.numbers(k)))[:number]:
        atoms = library.atoms(index)
        atoms.info["formation_energy_per_atom"] = float(library.energies[index])
        atoms.info["material_id"] = str(library.names[index])
        known.append(atoms)
    return known


def _every_element(folder: Path) -> None:
    """Crystals that have all elements of the model, and how often each is to be shown."""
    missing, chosen = set(find_bundle("crystals").manifest.species), []
    for atoms in _known():
        if missing & set(atoms.symbols):
            missing -= set(atoms.symbols)
            atoms.info["shown"] = 0.5
            chosen.append(atoms)
    ase.io.write(folder / "structures.extxyz", chosen)


def _trainings(folder: Path) -> None:
    shutil.copytree(shipped_folder("examples") / "cifs", folder / "my_cifs")
    shutil.copy(shipped_folder("examples") / "diamond.cif", folder)
    ase.io.write(folder / "structures.extxyz", _known(600)[::25])
    ase.io.write(folder / "data.extxyz", bulk("C", cubic=True))
    ase.io.write(folder / "wrong.extxyz", bulk("C", "sc", a=1.9))
    refined = load_config("diamond", {"epochs": 1}).model_dump(mode="json")
    (folder / "refined.yaml").write_text(yaml.safe_dump(refined))


def _glasses(folder: Path) -> None:
    """Disturbed crystals of SiO2 in the place of glasses."""
    sites = [(0, 0, 0), (1 / 8, 1 / 8, 1 / 8)]
    cristobalite = crystal(["Si", "O"], sites, spacegroup=227, cellpar=[7.16] * 3 + [90] * 3)
    samples = [cristobalite.repeat(3) for _ in range(3)]
    for number, atoms in enumerate(samples):
        atoms.rattle(0.1, seed=number)
    ase.io.write(folder / "samples.extxyz", samples)
    ase.io.write(folder / "sample.extxyz", samples[0])


def _checkout(folder: Path) -> None:
    for path in CHECKOUT.iterdir():
        if path.is_dir() and path.name[0] != "." and path.name not in MADE:
            passed = shutil.ignore_patterns("__pycache__")
            shutil.copytree(path, folder / path.name, ignore=passed)
        elif path.is_file():
            shutil.copy(path, folder)


def _table(path: Path, crystals: Iterable[ase.Atoms]) -> None:
    """Write crystals as the files of MP-20 hold them."""
    names = ("material_id", "formation_energy_per_atom")
    with path.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["", *names, "cif"])
        for number, atoms in enumerate(crystals):
            text = io.BytesIO()
            ase.io.write(text, atoms, format="cif")
            rows.writerow([number, *(atoms.info[n] for n in names), text.getvalue().decode()])


def _mp20(folder: Path) -> None:
    """A repository that Git clones in the place of the one with MP-20."""
    data = folder / "other" / "data" / "mp_20"
    data.mkdir(parents=True)
    known = _known(3600)[::10]
    _table(data / "train.csv", [atoms for k, atoms in enumerate(known) if k % 6])
    _table(data / "test.csv", known[::6])
    git = ["git", "-C", folder / "other", "-c", "user.name=me", "-c", "user.email=me@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "data"]):
        subprocess.run([*git, *words], check=True)


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
    "../README.md": Page(
        checkout=True,
        before={4: "pip install '.[molecules]'"},
        long=ALL,
        left={1: "runs all tests, as CI does"},
    ),
    "install.md": Page(checkout=True, before={1: "mkdir elsewhere && cd elsewhere"}, long={0, 2}),
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
    "howto/hosts.md": Page(
        files=_hosts, smaller={" --num 40": "", "--out": "--num 1 --out"}, long=ALL
    ),
    "howto/swaps.md": Page(
        files=lambda folder: ase.io.write(
            folder / "fcc.cif", bulk("Cu", cubic=True).repeat((2, 1, 1))
        ),
        settings={-1: "cuau.yaml"},
        smaller={"num: 30": "num: 1"},
        long=ALL,
    ),
    "howto/molecules.md": Page(
        files=_molecules,
        smaller={
            "--num 100": "--num 2",
            "--qm9 14000": "--qm9 300",
            "--out runs/molecules": "--epochs 1 --out runs/molecules",
        },
        checkout=True,
        installs=True,
        before={2: "pip install '.[qm9]'"},
        long={2},
    ),
    "howto/judge_molecules.md": Page(files=_molecules, after="howto/molecules.md"),
    "howto/large_cells.md": Page(
        files=_glasses,
        smaller={
            "--atoms 1000": "--atoms 200",
            "--atoms 3000": "--atoms 210",
            "--model runs/glass": "--model silica",
            "--out runs/glass ": "--epochs 1 --out runs/glass ",
        },
        long={0},
    ),
    "explanation/learned_symmetry.md": Page(smaller={"--num 20": "--num 1"}),
    "explanation/seeds.md": Page(),
    "howto/train.md": Page(
        files=_trainings,
        settings={0: "my.yaml"},
        smaller={
            "epochs: 100": "epochs: 1",
            "auto --data": "auto --epochs 1 --data",
            "diamond --data": "diamond --epochs 1 --data",
            "crystals --data": "crystals --epochs 1 --data",
        },
        before={3: "cp -r runs/diamond before"},
        long=ALL,
    ),
    "tutorials/glass.md": Page(
        files=_glasses,
        smaller={
            "--atoms 1500": "--atoms 210",
            "--out runs/mine": "--epochs 1 --out runs/mine",
        },
        long=ALL,
    ),
    "howto/second_opinion.md": Page(
        before={0: "rm-generate --model crystals --formula SrTiO3 --num 4 --out srtio3"},
        long=ALL,
    ),
    "howto/chemical_systems.md": Page(smaller={"--num 20": "--rounds 1 --num 4"}, long=ALL),
    "howto/guidance.md": Page(
        files=_every_element,
        settings={3: "tuned.yaml"},
        smaller={"samples_per_epoch: 1500": "samples_per_epoch: 128", "epochs: 2": "epochs: 1"},
        long=ALL,
    ),
    "howto/reproduce.md": Page(
        files=_mp20,
        checkout=True,
        smaller={
            "/molecules.sh\n": "/molecules.sh smallest-molecules\n",
            "crystals.sh cdvae/data/mp_20\n": "crystals.sh cdvae/data/mp_20 smallest-crystals\n",
        },
        before={
            2: "export MOLECULES=200 EPOCHS=1 COMPOSITIONS=2 NUM=1",
            4: "export EPOCHS=1 COMPOSITIONS=2 NUM=2 GIT_CONFIG_COUNT=1 "
            'GIT_CONFIG_KEY_0="url.file://$PWD/other.insteadOf" '
            "GIT_CONFIG_VALUE_0=https://github.com/txie-93/cdvae",
        },
        installs=True,
        long=ALL,
    ),
    "howto/build.md": Page(
        checkout=True,
        smaller={"/path/to/lammps/src": "lammps/src"},
        before={
            0: f"mkdir lammps && cp -r {_package_folder('lammps')}/include/lammps lammps/src\n"
            """echo '#define LAMMPS_VERSION "22 Jul 2025"' > lammps/src/version.h"""
        },
        long=ALL,
    ),
}
"""Pages whose blocks run here."""
ELSEWHERE = {
    **dict.fromkeys(
        (f"tutorials/{name}.md" for name in ("crystal", "diamond", "lammps", "molecule", "train")),
        "test_docs_commands.py",
    ),
    **dict.fromkeys(
        ("tutorials/detector.md", "reference/fix_denoise.md", "examples/*.md"), "test_examples.py"
    ),
    "studies/*.md": "measurements, of minutes to hours",
}
"""Pages whose blocks run in another file; those of studies don't."""


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
    folders: dict[tuple[str, bool], Path] = {}

    def run_page(name: str, whole: bool = False) -> Path:
        if (name, whole) in folders:
            return folders[name, whole]
        page = PAGES[name]
        folder = tmp_path_factory.mktemp(Path(name).stem)
        if page.after is not None:
            shutil.copytree(run_page(page.after), folder, dirs_exist_ok=True)
        if page.files is not None:
            page.files(folder)
        if page.checkout and whole:
            _checkout(folder)
        if page.installs and whole:
            _environment(folder / ".venv")
        path = [folder / ".venv" / "bin", Path(sys.executable).parent, environ["PATH"]]

        def small(text: str) -> str:
            for words, fewer in page.smaller.items():
                text = text.replace(words, fewer)
            return text

        settings = blocks(DOCS / name, "yaml")
        for number, file in page.settings.items():
            (folder / file).write_text(small(settings[number]))
        for number, block in enumerate(commands(DOCS / name)):
            if number not in page.left and (whole or number not in page.long):
                script = f"{page.before.get(number, '')}\n{small(block)}"
                search = {"PATH": pathsep.join(map(str, path))}
                run("bash", "-ec", script, cwd=folder, env=search)
        folders[name, whole] = folder
        return folder

    return run_page


def _environment(folder: Path) -> None:
    """Make an environment that sees the packages of the tests, and leaves them alone."""
    venv.create(folder, with_pip=True)
    (own,) = folder.glob("lib/python*/site-packages")
    (own / "tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    # MPI is looked for in the environment's own folder
    for library in Path(sys.prefix, "lib").iterdir():
        if not library.name.startswith("python"):
            (folder / "lib" / library.name).symlink_to(library)


@pytest.mark.parametrize(
    "name",
    [name for name, page in PAGES.items() if set(range(len(commands(DOCS / name)))) - {*page.long}],
)
def test_the_blocks_of_a_page_run(name, ran):
    ran(name)


SAYING = ("compositions", "molecules", "judge_molecules", "resume_merge", "results")
"""How-to pages whose runs together say nearly all that frames can say."""
RARE = {
    *("wyckoff", "prior", "relaxed_group", "host_atoms", "gap", "shift_a", "shift_b"),
    *("molecules", "terms"),
    *(key for key in MOLECULES if key.startswith("xtb") or key == "alerts"),
}
"""What not every such run says."""


def test_frames_say_what_the_reference_lists(ran):
    said = set()
    for name in SAYING:
        for file in ran(f"howto/{name}.md").rglob("*.extxyz"):
            if file.stem in {"structures", "unique", "unique_xtb"}:
                said.update(*iterate_info(file))
    said -= {"Lattice", "Properties", "pbc"}
    listed = {**RELAXED, **ORIGIN, **UNIQUE, **MOLECULES}
    assert said <= set(listed)
    assert set(listed) - RARE <= said


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", [name for name, page in PAGES.items() if page.long])
def test_a_page_runs_with_its_long_blocks(name, ran):
    ran(name, whole=True)


def test_every_page_with_commands_is_told_of():
    told = {
        *PAGES,
        *(page.relative_to(DOCS).as_posix() for name in ELSEWHERE for page in DOCS.glob(name)),
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
    known = set(range(len(commands(DOCS / name))))
    assert {*page.left, *page.before} <= known
    assert page.long == ALL or set(page.long) <= known
