"""Whole commands of fuzz.py, each in a process of its own."""

import contextlib
import gc
import json
import os
import pkgutil
import resource
import signal
import sys
import tempfile
import time
import traceback
from importlib import import_module
from pathlib import Path

from fuzz_inputs import (
    DIAMOND,
    FORMULA,
    TINY_TRAINING,
    TOKENS,
    WATER,
    YAML,
    Dice,
    encoded,
    mutated,
    structure_file,
)

HANG = 60
"""Seconds of a processor after which an input counts as one that hangs."""
ASLEEP = 600
"""Seconds by the clock, for what waits without end; a busy machine is slow."""
_FLAGS = {
    "--z": ("1-2", "2-1", "1"),
    "--atoms": ("4", "16", "3"),
    "--seed": ("3",),
    "--pressure": ("5", "-5"),
    "--space-group": ("227", "Fd-3m,194", "1"),
    "--crystal-system": ("cubic", "hexagonal"),
    "--min-symmetry": ("4", "48"),
    "--trajectories": ("0", "1,7"),
    "--preset": ("quick", "hops", "molecules"),
    "--system": ("crystal", "layer", "molecule"),
    "--grace": ("0",),
    "--time-limit": ("0", "1"),
    "--ranks-per-structure": ("1", "2"),
    "--axes": ("xy", "none"),
    "--device": ("cpu", "cuda"),
    "--max-atoms": ("4",),
    "--elements": ("C", "C,O"),
    "--num": ("1", "3"),
}


class Commands:
    """Whole commands.

    Args:
        finished: folder of a run of crystals, of which each input gets a copy.
    """

    def __init__(self, finished: Path) -> None:
        self._finished = {
            file.relative_to(finished): file.read_bytes()
            for file in finished.rglob("*")
            if file.is_file()
        }

    def _copy(self, dice: Dice, folder: Path, *, damaged: bool) -> Path:
        run = folder / "run"
        for name, data in self._finished.items():
            (run / name).parent.mkdir(parents=True, exist_ok=True)
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
            ("--symprec", "--top", "--at", "--energy-tolerance", "--keep", "--show", "--format")
        )
        if dice.random() < 0.4:
            words += [option, dice.choice((*TOKENS, "5", "0.1", "cif", "poscar", "db"))]
        if dice.random() < 0.2:
            words += ["--metrics"]
        return self.call(words)

    def report(self, dice: Dice, folder: Path) -> str:
        """rm-report of a damaged run."""
        return self.call(["rm-report", str(self._copy(dice, folder, damaged=True))])

    def status(self, dice: Dice, folder: Path) -> str:
        """rm-generate --status of a damaged run."""
        return self.call(["rm-generate", "--status", str(self._copy(dice, folder, damaged=True))])

    def resume(self, dice: Dice, folder: Path) -> str:
        """rm-generate --resume of a damaged run."""
        return self.call(["rm-generate", "--resume", str(self._copy(dice, folder, damaged=True))])

    def molecules(self, dice: Dice, folder: Path) -> str:
        """rm-evaluate of a file: as many molecules as it holds."""
        from rm_lammps.datasets.readers import read_structures

        file = structure_file(dice, folder, "x")[0]
        result = folder / "result.json"
        outcome = self.call(["rm-evaluate", str(file), "--out", str(result)])
        if outcome == "exit code 0":
            counted = json.loads(result.read_text())["attempted"]
            if counted != len(read_structures(file, overlaps=True)):
                raise AssertionError(f"{counted} molecules evaluated, not all of {file.name}")
        return outcome

    def settings(self, dice: Dice, folder: Path) -> str:
        """rm-generate that stops before its first seed."""
        file = folder / "run.yaml"
        file.write_bytes(encoded(dice, mutated(dice, YAML)))
        words = ["rm-generate", str(file), "--out", str(folder / "out"), "--time-limit", "0"]
        if dice.random() < 0.5:
            words += ["--formula", "".join(dice.choices(FORMULA, k=dice.randrange(6)))]
        return self.call(words)

    def generate(self, dice: Dice, folder: Path) -> str:
        """rm-generate that relaxes two seeds, with flags and files that are odd."""
        out = folder / "out"
        words = ["rm-generate", "--model", "diamond", "--num", "2", "--preset", "quick"]
        words += ["--formula", dice.choice(("C", "C2", "C3", "C4")), "--out", str(out)]
        how = dice.randrange(4)
        if how == 0:
            words += ["--host", str(structure_file(dice, folder, "ecp", DIAMOND)[0])]
            words += dice.choice(([], ["--where", "z>1"], ["--miller", "1,0,0"], ["--fix", "none"]))
        elif how == 1:
            kind = dice.choice(("prototypes", "structure"))
            file = structure_file(dice, folder, "ecs", DIAMOND)[0]
            (folder / "run.yaml").write_text(
                f"seeds: {{kind: {'prototype' if kind == 'prototypes' else 'perturbed'}, "
                f"{kind}: '{file}'}}\n"
            )
            words.insert(1, str(folder / "run.yaml"))
        for _ in range(dice.randrange(3)):
            flag = dice.choice(sorted(_FLAGS))
            words += [flag, dice.choice((*_FLAGS[flag], *_FLAGS[flag], dice.choice(TOKENS)))]
        outcome = self.call(words)
        if outcome == "exit code 0":
            _all_accounted_for(out)
        return outcome

    def train(self, dice: Dice, folder: Path) -> str:
        """rm-train with data that can't be, so that it never trains."""
        (folder / "a.xyz").write_text(mutated(dice, WATER) + "2\nH 0 0\n")
        words = ["rm-train", dice.choice(("diamond", "molecules", "nosuch"))]
        return self.call([*words, "--data", str(folder / "a.xyz"), "--out", str(folder / "out")])

    def training(self, dice: Dice, folder: Path) -> str:
        """rm-train of a tiny model, with settings or data that are spoilt at times."""
        spoilt = dice.randrange(3)
        settings = mutated(dice, TINY_TRAINING) if spoilt == 0 else TINY_TRAINING
        (folder / "tiny.yaml").write_text(settings)
        file = folder / "a.extxyz"
        file.write_text(DIAMOND.crystal)
        if spoilt == 1:
            file = structure_file(dice, folder, "ec", DIAMOND)[0]
        words = ["rm-train", str(folder / "tiny.yaml"), "--data", str(file)]
        return self.call([*words, "--out", str(folder / "out")])

    def deploy(self, dice: Dice, folder: Path) -> str:
        """rm-deploy of what is no model."""
        (folder / "m.nequip.zip").write_bytes(encoded(dice, mutated(dice, YAML)))
        model = dice.choice((str(folder), str(folder / "m.nequip.zip"), dice.choice(TOKENS)))
        return self.call(["rm-deploy", model, "--out", str(folder / "bundle")])

    def doctor(self, dice: Dice, folder: Path) -> str:
        """rm-doctor in an odd environment."""
        name, value = dice.choice(
            (
                ("OMP_NUM_THREADS", dice.choice(TOKENS)),
                ("TMPDIR", str(folder / "nosuch")),
                ("LC_ALL", dice.choice(("C", "ja_JP.EUC-JP", "x"))),
                ("RM_LAMMPS_CPU", dice.choice(("v2", "v3", "v9", ""))),
                ("RM_LAMMPS_CACHE", str(folder / dice.choice(("é", "run", "a b")))),
            )
        )
        return self.call(["rm-doctor"], {name: value.replace("\0", "")})

    def call(self, words: list[str], environment: dict[str, str] | None = None) -> str:
        """Run a command's entry point in a forked process.

        Raises:
            AssertionError: it hangs, ends with another code, or says nothing.
        """
        words = [word.replace("\0", "0") for word in words]
        said = Path(tempfile.mkstemp(prefix="fuzz-")[1])
        child = os.fork()
        if child == 0:
            os.environ.update(environment or {})
            _become(words, said)
        begin = time.monotonic()
        status = 0
        while time.monotonic() - begin < ASLEEP:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                break
            time.sleep(0.02)
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
        if code == 2 and "rror" not in text and words != ["rm-doctor"]:
            raise AssertionError(f"refused without a word: {words}\n{text[-500:]}")
        return f"exit code {code}"


def _all_accounted_for(out: Path) -> None:
    """Every seed of a complete run is a structure or a failure.

    Raises:
        AssertionError: one is missing.
    """
    import ase.io
    import yaml

    from rm_lammps.runs.request import total_seeds

    asked = total_seeds(yaml.safe_load((out / "run.yaml").read_text()))
    failed = len((out / "failures.jsonl").read_text().splitlines())
    structures = out / "structures.extxyz"
    found = len(ase.io.read(structures, ":")) if structures.stat().st_size else 0
    if failed + found != asked:
        raise AssertionError(f"{asked} seeds, {found} structures and {failed} failures in {out}")


def import_what_commands_import() -> None:
    """Import once what each forked command would take seconds to.

    MPI is initialised where it is imported, so that what imports it is left to each command.
    """
    import rm_lammps

    # whatever imports these fails now, and is imported by the commands
    sys.modules["mpi4py.MPI"] = sys.modules["lammps"] = None  # type: ignore[assignment]
    modules = [found.name for found in pkgutil.walk_packages(rm_lammps.__path__, "rm_lammps.")]
    for name in (
        *modules,
        *("lightning", "nequip.train", "nequip.scripts.compile", "nequip.scripts.package"),
        *("pandas", "posebusters", "chemiscope", "plotly.graph_objects", "matplotlib.pyplot"),
        *("ase.io.extxyz", "ase.io.vasp", "ase.db", "ase.db.sqlite", "pymatgen.core"),
    ):
        _import(name)
    del sys.modules["mpi4py.MPI"], sys.modules["lammps"]
    # the forked processes share what their garbage collector leaves alone
    gc.collect()
    gc.freeze()


def _import(name: str) -> None:
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
