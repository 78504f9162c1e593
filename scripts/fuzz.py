#!/usr/bin/env python3
"""Give the commands inputs that nobody would write on purpose, and count what comes of them.

    scripts/fuzz.py MINUTES [--inputs N] [--seed S] [--keep FOLDER] [--record FILE]

Each input has a number; with the seed it says all there is to say of it, so that a failure can be
repeated: --only NUMBER. What must hold: no traceback, no hang, no exit code but 0, 2 and 3, a
message with every 2, and never fewer structures than a file holds. One input in six is a whole
command in a process of its own, the others go straight to what reads for the commands: files of
structures, settings, formulas. With a record, one line for each input, a later start goes on
behind the last.
"""

import argparse
import contextlib
import io
import json
import random
import shutil
import signal
import subprocess
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from fuzz_commands import HANG, Commands, import_what_commands_import
from fuzz_inputs import (
    FORMULA,
    TOKENS,
    TRAINING,
    YAML,
    Dice,
    encoded,
    held,
    mutated,
    structure_file,
)

from rm_lammps.errors import UserError


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

    (folder / "train.yaml").write_bytes(encoded(dice, mutated(dice, TRAINING)))
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


class Record:
    """One line for each input, in a file if there is one.

    Args:
        path: the file; ``None`` keeps the counts of this start alone.
        seed: of the inputs.
    """

    def __init__(self, path: Path | None, seed: int) -> None:
        self._path, self._seed = path, seed
        self._lines: list[dict[str, object]] = []
        if path is not None and path.exists():
            found = [json.loads(line) for line in path.read_text().splitlines()]
            self._lines = [line for line in found if line["seed"] == seed]
        self._code = _code()

    @property
    def next(self) -> int:
        """Number of the first input that has not run."""
        return 1 + max((int(str(line["input"])) for line in self._lines), default=-1)

    def add(self, number: int, family: str, outcome: str) -> None:
        """What came of an input."""
        line = {"seed": self._seed, "input": number, "family": family, "outcome": outcome}
        line["code"] = self._code
        self._lines.append(line)
        if self._path is not None:
            with self._path.open("a") as stream:
                stream.write(json.dumps(line) + "\n")

    def counts(self) -> Counter[str]:
        """Inputs by family and outcome."""
        return Counter(f"{line['family']}: {line['outcome']}" for line in self._lines)


def _code() -> str:
    """The commit that is tested, where there is one."""
    done = subprocess.run(
        ("git", "rev-parse", "--short", "HEAD"),
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    return done.stdout.strip()


def _too_long(*_: object) -> None:
    raise AssertionError(f"hangs for more than {HANG} s of a processor")


def finished_run(folder: Path) -> Path:
    """A small run of diamond."""
    command = ("rm-generate", "--model", "diamond", "--formula", "C2", "--preset", "quick")
    subprocess.run((*command, "--num", "4", "--out", folder), stdout=subprocess.DEVNULL, check=True)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("minutes", type=float)
    parser.add_argument("--inputs", type=int, default=10**9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int)
    parser.add_argument("--keep", type=Path, help="folder for the inputs of failures")
    parser.add_argument("--record", type=Path, help="file that a later start goes on with")
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="fuzz-"))
    commands = Commands(finished_run(root / "finished"))
    import_what_commands_import()
    families: list[tuple[float, Callable[[Dice, Path], str]]] = [
        (0.42, way_in),
        (0.20, settings),
        (0.10, training_settings),
        (0.12, formulas),
        (0.035, commands.evaluate),
        (0.01, commands.report),
        (0.01, commands.status),
        (0.015, commands.resume),
        (0.02, commands.molecules),
        (0.03, commands.settings),
        (0.0257, commands.generate),
        (0.01, commands.train),
        (0.0003, commands.training),
        (0.002, commands.deploy),
        (0.002, commands.doctor),
    ]
    weights = [weight for weight, _ in families]
    signal.signal(signal.SIGPROF, _too_long)
    record = Record(options.record, options.seed)
    failures = ran = 0
    begin = time.monotonic()
    numbers = range(record.next, options.inputs) if options.only is None else [options.only]
    for number in numbers:
        if time.monotonic() - begin > 60 * options.minutes:
            break
        dice = random.Random(f"{options.seed} {number}")
        (_, family), folder = dice.choices(families, weights)[0], root / str(number)
        name = family.__qualname__.replace("Commands.", "command ")
        folder.mkdir()
        signal.setitimer(signal.ITIMER_PROF, HANG)
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                record.add(number, name, family(dice, folder))
        except Exception as error:
            failures += 1
            record.add(number, name, "FAILED")
            what = "" if isinstance(error, AssertionError) else traceback.format_exc()[-1500:]
            print(f"input {number} ({name}): {error}\n{what}", flush=True)
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                shutil.move(folder, options.keep / f"{options.seed}-{number}")
        signal.setitimer(signal.ITIMER_PROF, 0)
        shutil.rmtree(folder, ignore_errors=True)
        ran += 1
    shutil.rmtree(root)
    for outcome, n in sorted(record.counts().items()):
        print(f"{n:7d}  {outcome}")
    result = {"inputs": ran, "failures": failures, "seed": options.seed}
    print(json.dumps({**result, "seconds": round(time.monotonic() - begin)}))
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
