#!/usr/bin/env python3
"""Give the commands inputs that nobody would write on purpose, and count what comes of them.

    scripts/fuzz.py MINUTES [--inputs N] [--seed S] [--keep FOLDER]

Each input has a number; with the seed it says all there is to say of it, so that a failure can be
repeated: --only NUMBER. What must hold: no traceback, no hang, no exit code but 0, 2 and 3, a
message with every 2, and never fewer structures than a file holds.
"""

import argparse
import contextlib
import csv
import gzip
import io
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from rm_lammps.errors import UserError

HANG = 60
"""Seconds of a processor after which an input counts as one that hangs."""
ASLEEP = 300
"""Seconds by the clock, for what waits without end; a busy machine is slow."""
WATER = "3\nwater\nO 0.0 0.0 0.0\nH 0.96 0.0 0.0\nH -0.24 0.93 0.0\n"
SALT = (
    '2\nLattice="0 2.1 2.1 2.1 0 2.1 2.1 2.1 0" Properties=species:S:1:pos:R:3\n'
    "Mg 0.0 0.0 0.0\nO 2.1 2.1 2.1\n"
)
CIF = (
    "data_x\n_cell_length_a 3.9\n_cell_length_b 3.9\n_cell_length_c 3.9\n_cell_angle_alpha 90\n"
    "_cell_angle_beta 90\n_cell_angle_gamma 90\n_chemical_formula_sum 'Sr1 Ti1 O3'\nloop_\n"
    "_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n"
    "_atom_site_fract_z\n_atom_site_occupancy\nSr1 Sr 0.0 0.0 0.0 1\nTi1 Ti 0.5 0.5 0.5 1\n"
    "O1 O 0.5 0.5 0.0 1\nO2 O 0.5 0.0 0.5 1\nO3 O 0.0 0.5 0.5 1\n"
)
POSCAR = "NaCl\n1.0\n2.82 2.82 0\n2.82 0 2.82\n0 2.82 2.82\nNa Cl\n1 1\nDirect\n0 0 0\n.5 .5 .5\n"
TOKENS = (
    *("nan", "inf", "-inf", "1e400", "1,5", "0.5.5", "--", "D", "X", "13C", "Fe3+", "NULL", "٣"),
    *("-1", "0", "9" * 30, "é", "\0", "data_", "loop_", "3", "''", '"', "[", "{", ": ", "#", "₂"),
    "\ufeff",
)
YAML = (
    "model: diamond\nformula: C2\nnum: 2\nseed: 1\npreset: quick\nz: 1-2\n"
    "protocol:\n  fmax: 0.05\n  volume: [0.3, 3.0]\n  pressure: 1.0\nseeds:\n  volume: [0.9, 1.1]\n"
)
FORMULA = "CNaOHclFe0123456789()[]+-·. ₂³D\t"
Dice = random.Random


def mutated(dice: Dice, text: str) -> str:
    """The text with a few faults as people, editors and networks make them."""
    for _ in range(dice.choice((0, 1, 1, 2, 3))):
        lines = text.splitlines(keepends=True) or [""]
        place = dice.randrange(len(lines))
        words = lines[place].split(" ")
        how = dice.randrange(9)
        if how == 0:
            del lines[place]
        elif how == 1:
            lines.insert(place, lines[dice.randrange(len(lines))])
        elif how == 2:
            lines.insert(place, dice.choice(("\n", "  \n", "\t\n")))
        elif how == 3:
            words[dice.randrange(len(words))] = dice.choice(TOKENS)
            lines[place] = " ".join(words)
        elif how == 4:
            return "".join(lines)[: dice.randrange(len(text) + 1)]
        elif how == 5:
            other = dice.randrange(len(lines))
            lines[place], lines[other] = lines[other], lines[place]
        elif how == 6:
            lines[place] = dice.choice(TOKENS) + lines[place]
        elif how == 7:
            lines[place] = lines[place].rstrip("\n") + " " + dice.choice(TOKENS) + "\n"
        else:
            k = dice.randrange(len(text) + 1)
            text = text[:k] + chr(dice.randrange(1, 1000)) + text[k:]
            continue
        text = "".join(lines)
    return text


def encoded(dice: Dice, text: str) -> bytes:
    """Bytes as several systems write them."""
    how = dice.randrange(12)
    text = text.replace("\n", "\r\n") if how == 0 else text
    encoding = {1: "utf-8-sig", 2: "utf-16", 3: "latin-1"}.get(how, "utf-8")
    return text.encode(encoding, errors="replace")


def structure_file(dice: Dice, folder: Path, kinds: str = "xecsp") -> tuple[Path, str]:
    """A file of structures; returns it and its text."""
    kind = dice.choice(kinds)
    n = dice.randrange(1, 5)
    if kind == "x":
        name, text = "a.xyz", WATER * n
    elif kind == "e":
        name, text = "a.extxyz", SALT * n
    elif kind == "c":
        name, text = "a.cif", CIF * n
    elif kind == "p":
        name, text = "POSCAR", POSCAR
    else:
        stream = io.StringIO()
        csv.writer(stream).writerows([["id", "cif"], *([k, CIF] for k in range(n))])
        name, text = "a.csv", stream.getvalue()
    text = mutated(dice, text)
    data = encoded(dice, text)
    how = dice.randrange(10)
    if how == 0:
        name, data = name + ".gz", gzip.compress(data)
    elif how == 1:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr(name, data)
        name, data = "a.zip", stream.getvalue()
    elif how == 2:
        name = dice.choice(("a", "a.txt", "a.xyz", "a.cif", "a.dat"))
    elif how == 3 and data:
        k = dice.randrange(len(data))
        data = data[:k] + bytes([dice.randrange(256)]) + data[k + 1 :]
        text = ""
    (folder / name).write_bytes(data)
    return folder / name, text


def held(text: str) -> int:
    """Structures that a text seems to hold, counted without reading it."""
    lines = text.splitlines()
    if any(line.lower().startswith("data_") for line in lines):
        # a block that begins where the one before it does is none
        begins = [n for n, line in enumerate(lines) if line.lower().startswith("data_")]
        return sum(n + 1 not in begins for n in begins)
    return sum(line.strip().isdecimal() and line.isascii() for line in lines)


def way_in(dice: Dice, folder: Path) -> str:
    """Structures read directly: as many as the file holds, or a refusal that names it."""
    from rm_lammps.datasets import read_structures
    from rm_lammps.systems import find_system

    file, text = structure_file(dice, folder)
    system = dice.choice((None, None, find_system("crystal"), find_system("molecule")))
    try:
        frames = read_structures(file, system)
    except UserError as error:
        if file.name not in str(error) or not error.hint:
            raise AssertionError(f"a refusal without file or advice: {error}") from error
        return "refused"
    counted = held(text)
    table = "cif" in text.split("\n")[0] and "," in text.split("\n")[0]
    if text and "NaCl\n1.0" not in text and not table and len(frames) < counted:
        raise AssertionError(f"{counted} structures in {file.name}, {len(frames)} read")
    return "read"


def settings(dice: Dice, folder: Path) -> str:
    """Settings of a run from YAML."""
    from rm_lammps.generation.generation_config import load_run

    file = folder / "run.yaml"
    file.write_bytes(encoded(dice, mutated(dice, YAML)))
    flags = {"out": folder / "out"}
    if dice.random() < 0.3:
        flags[dice.choice(("num", "z", "pressure", "formula", "trajectories"))] = dice.choice(
            TOKENS
        )
    try:
        load_run(file, flags)
    except UserError as error:
        if "valid tuple" in str(error) or "Value error" in str(error):
            raise AssertionError(f"not the user's words: {error}") from error
        return "refused"
    return "read"


def training_settings(dice: Dice, folder: Path) -> str:
    """Settings of a training from YAML."""
    from rm_lammps.training.training_config import load_config

    text = (
        "name: x\nmodel:\n  r_max: 4.0\noptimisation:\n  epochs: 3\nnoise:\n  displacement: 0.3\n"
    )
    (folder / "train.yaml").write_bytes(encoded(dice, mutated(dice, text)))
    try:
        load_config(str(folder / "train.yaml"))
    except UserError:
        return "refused"
    return "read"


def formulas(dice: Dice, folder: Path) -> str:
    """A list of formulas: each line is one, or named."""
    from rm_lammps.generation.formulas import read_formulas

    lines = ["".join(dice.choices(FORMULA, k=dice.randrange(8))) for _ in range(3)]
    (folder / "list.txt").write_text("\n".join(lines), encoding="utf-8")
    try:
        found = read_formulas(folder / "list.txt")
    except UserError:
        return "refused"
    if len(found) != sum(bool(line.split("#")[0].strip()) for line in lines):
        raise AssertionError(f"{lines} became {found}")
    return "read"


class Commands:
    """Whole commands, each in a process of its own.

    Args:
        finished: folder of a run of crystals, of which each input gets a copy.
    """

    def __init__(self, finished: Path) -> None:
        self._finished = {
            file.name: file.read_bytes() for file in finished.iterdir() if file.is_file()
        }

    def _copy(self, dice: Dice, folder: Path, *, damaged: bool) -> Path:
        run = folder / "run"
        run.mkdir()
        for name, data in self._finished.items():
            (run / name).write_bytes(data)
        if damaged:
            name = dice.choice(sorted(self._finished))
            text = self._finished[name].decode("utf-8", "replace")
            data = mutated(dice, text).encode("utf-8", "replace")
            (run / name).write_bytes(data)
        return run

    def evaluate(self, dice: Dice, folder: Path) -> str:
        """rm-evaluate of a run, its files damaged at times, with references that are."""
        words = ["rm-evaluate", str(self._copy(dice, folder, damaged=dice.random() < 0.5))]
        if dice.random() < 0.6:
            words += ["--reference", str(structure_file(dice, folder, "ecs")[0])]
        option = dice.choice(
            ("--symprec", "--top", "--at", "--energy-tolerance", "--keep", "--show")
        )
        if dice.random() < 0.4:
            words += [option, dice.choice((*TOKENS, "5", "0.1"))]
        return self.call(words)

    def report(self, dice: Dice, folder: Path) -> str:
        """rm-report of a damaged run."""
        return self.call(["rm-report", str(self._copy(dice, folder, damaged=True))])

    def status(self, dice: Dice, folder: Path) -> str:
        """rm-generate --status of a damaged run."""
        return self.call(["rm-generate", "--status", str(self._copy(dice, folder, damaged=True))])

    def molecules(self, dice: Dice, folder: Path) -> str:
        """rm-evaluate of a file."""
        return self.call(["rm-evaluate", str(structure_file(dice, folder, "x")[0])])

    def generate(self, dice: Dice, folder: Path) -> str:
        """rm-generate that stops before its first seed."""
        file = folder / "run.yaml"
        file.write_bytes(encoded(dice, mutated(dice, YAML)))
        words = ["rm-generate", str(file), "--out", str(folder / "out"), "--time-limit", "0"]
        if dice.random() < 0.5:
            words += ["--formula", "".join(dice.choices(FORMULA, k=dice.randrange(6)))]
        return self.call(words)

    def train(self, dice: Dice, folder: Path) -> str:
        """rm-train with data that can't be, so that it never trains."""
        (folder / "a.xyz").write_text(mutated(dice, WATER) + "2\nH 0 0\n")
        words = ["rm-train", dice.choice(("diamond", "molecules", "nosuch"))]
        return self.call([*words, "--data", str(folder / "a.xyz"), "--out", str(folder / "out")])

    def deploy(self, dice: Dice, folder: Path) -> str:
        """rm-deploy of what is no model."""
        (folder / "m.nequip.zip").write_bytes(encoded(dice, mutated(dice, YAML)))
        model = dice.choice((str(folder), str(folder / "m.nequip.zip"), dice.choice(TOKENS)))
        return self.call(["rm-deploy", model.replace("\0", ""), "--out", str(folder / "bundle")])

    def call(self, words: list[str]) -> str:
        """Run a command's entry point in a forked process.

        Raises:
            AssertionError: it hangs, ends with another code, or says nothing.
        """
        words = [word.replace("\0", "0") for word in words]
        said = Path(tempfile.mkstemp(prefix="fuzz-")[1])
        child = os.fork()
        if child == 0:
            _become(words, said)
        begin = time.monotonic()
        status = 0
        while time.monotonic() - begin < ASLEEP:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                break
            time.sleep(0.01)
        else:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise AssertionError(f"hangs: {words}")
        text = said.read_text(errors="replace")
        said.unlink()
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGXCPU:
            raise AssertionError(f"hangs: {words}")
        if code not in {0, 2, 3} or "Traceback" in text:
            raise AssertionError(f"exit code {code}: {words}\n{text[-1500:]}")
        if code == 2 and "rror" not in text:
            raise AssertionError(f"refused without a word: {words}\n{text[-500:]}")
        return f"exit code {code}"


def _import_what_commands_import() -> None:
    """Import once what each forked command would take seconds to; MPI may not be among it."""
    for name in (
        *("torch", "nequip.nn", "lightning", "pymatgen.analysis.structure_matcher", "rdkit.Chem"),
        *("ase.io.cif", "ase.io.extxyz", "matplotlib.pyplot", "spglib", "matscipy.neighbours"),
        *(
            "rm_lammps.analysis.evaluate_run",
            "rm_lammps.analysis.metrics",
            "rm_lammps.training.prepare",
        ),
        *(
            f"rm_lammps.cli.{name}"
            for name in ("evaluate", "report", "train", "deploy", "generate")
        ),
    ):
        with contextlib.suppress(ImportError):
            import_module(name)


def _become(words: list[str], said: Path) -> None:
    """Turn a forked process into the command; never returns."""
    # the hard limit is for what ignores the soft one; both count what was spent before the fork
    spent = int(time.process_time())
    resource.setrlimit(resource.RLIMIT_CPU, (spent + HANG, spent + HANG + 5))
    output = os.open(said, os.O_WRONLY)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdout, sys.stderr = (open(n, "w", encoding="utf-8", closefd=False) for n in (1, 2))  # noqa: SIM115
    sys.argv = words
    code = 1
    try:
        import_module(f"rm_lammps.cli.{words[0].removeprefix('rm-')}").main()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _too_long(*_: object) -> None:
    raise AssertionError(f"hangs for more than {HANG} s of a processor")


def finished_run(folder: Path) -> Path:
    """A small run of diamond."""
    os.system(
        f"rm-generate --model diamond --formula C2 --preset quick --num 4 --out {folder} >/dev/null"
    )
    if not (folder / "summary.json").exists():
        raise SystemExit("rm-generate does not run here: see rm-doctor")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("minutes", type=float)
    parser.add_argument("--inputs", type=int, default=10**9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int)
    parser.add_argument("--keep", type=Path, help="folder for the inputs of failures")
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="fuzz-"))
    commands = Commands(finished_run(root / "finished"))
    _import_what_commands_import()
    families: list[tuple[float, Callable[[Dice, Path], str]]] = [
        (0.45, way_in),
        (0.2, settings),
        (0.1, training_settings),
        (0.1, formulas),
        (0.05, commands.evaluate),
        (0.02, commands.report),
        (0.01, commands.status),
        (0.02, commands.molecules),
        (0.03, commands.generate),
        (0.01, commands.train),
        (0.01, commands.deploy),
    ]
    weights = [weight for weight, _ in families]
    signal.signal(signal.SIGPROF, _too_long)
    counts: Counter[str] = Counter()
    failures = 0
    begin = time.monotonic()
    numbers = range(options.inputs) if options.only is None else [options.only]
    for number in numbers:
        if time.monotonic() - begin > 60 * options.minutes:
            break
        dice = random.Random(f"{options.seed} {number}")
        (_, family), folder = dice.choices(families, weights)[0], root / str(number)
        folder.mkdir()
        signal.setitimer(signal.ITIMER_PROF, HANG)
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                counts[f"{family.__name__}: {family(dice, folder)}"] += 1
        except Exception as error:
            failures += 1
            counts[f"{family.__name__}: FAILED"] += 1
            what = "" if isinstance(error, AssertionError) else traceback.format_exc()[-1500:]
            print(f"input {number} ({family.__name__}): {error}\n{what}", flush=True)
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                folder.rename(options.keep / f"{options.seed}-{number}")
        os.system(f"rm -rf {folder}")
    os.system(f"rm -rf {root}")
    for name, n in sorted(counts.items()):
        print(f"{n:7d}  {name}")
    seconds = time.monotonic() - begin
    print(
        json.dumps(
            {
                "inputs": sum(counts.values()),
                "failures": failures,
                "seed": options.seed,
                "seconds": round(seconds),
            }
        )
    )
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
