"""Generate molecules of many compositions, judge them all, and say what a good one costs.

python scripts/bench/molecules.py --model molecules --test test.extxyz --compositions 30 --num 8 \
    --training train.extxyz --ranks 2 --out runs/bench

Compositions are those given with --formulas, or drawn from the molecules of --test with a seed;
the same judge's table for these molecules stands beside that of the generated ones.
"""

import argparse
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from rich.console import Console

from rm_lammps.analysis.molecules.evaluate_molecules import Options, evaluate_file, evaluate_run
from rm_lammps.cli.molecules import print_molecules
from rm_lammps.datasets import read_structures
from rm_lammps.ranks import environment_for_mpirun
from rm_lammps.runs.reading import read_run

TABLE_HEAD = (
    "| composition | attempted | converged | valid | all pass | SMILES | core-seconds a seed | "
    "all-pass per core-second |\n|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True)
    parser.add_argument("--formulas", nargs="*", default=[], help="compositions, e.g. C5H8N2O")
    parser.add_argument("--test", type=Path, help="molecules to draw compositions from")
    parser.add_argument("--compositions", type=int, default=30, help="how many to draw")
    parser.add_argument("--draw", type=int, default=0, help="seed of the draw")
    parser.add_argument("--num", type=int, default=8, help="seeds a composition")
    parser.add_argument("--preset", help="of rm-generate")
    parser.add_argument("--config", type=Path, help="settings of rm-generate, YAML")
    parser.add_argument("--training", type=Path, help="molecules that are not new")
    parser.add_argument("--xtb", action="store_true", help="relax with GFN2-xTB too")
    parser.add_argument("--keep", type=float, help="fraction of each composition, lowest E~")
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    console = Console()
    options = Options(arguments.training, arguments.xtb, arguments.keep)
    formulas = list(arguments.formulas)
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.test is not None:
        drawn = draw(arguments.test, arguments.compositions, arguments.draw)
        true = arguments.out / "true.extxyz"
        ase.io.write(true, drawn, format="extxyz")
        formulas += [atoms.get_chemical_formula() for atoms in drawn]
        console.print(f"true molecules of these compositions ({true})")
        print_molecules(evaluate_file(true, options), console)
    if not formulas:
        parser.error("no composition: give --formulas or --test")
    run = generate(list(dict.fromkeys(formulas)), arguments)
    result = evaluate_run(run, options)
    print_molecules(result, console)
    print(table(result, seconds(run)))


def draw(file: Path, num: int, seed: int) -> list[ase.Atoms]:
    """Draw molecules, no two of one composition."""
    molecules = read_structures(file)
    first: dict[str, ase.Atoms] = {}
    for number in np.random.default_rng(seed).permutation(len(molecules)):
        first.setdefault(molecules[number].get_chemical_formula(), molecules[number])
    return list(first.values())[:num]


def generate(formulas: Sequence[str], arguments: argparse.Namespace) -> Path:
    """Run ``rm-generate`` for all compositions; what a stopped run has is kept."""
    folder = arguments.out / "run"
    listed = arguments.out / "formulas.in"
    listed.write_text("\n".join(formulas) + "\n")
    words = ["rm-generate", *([str(arguments.config)] if arguments.config else [])]
    words += ["--model", arguments.model, "--formulas", str(listed), "--num", str(arguments.num)]
    words += ["--preset", arguments.preset] if arguments.preset else []
    command = ["mpirun", "-n", str(arguments.ranks), *words, "--out", str(folder)]
    subprocess.run(command, check=True, env=environment_for_mpirun(), stdout=subprocess.DEVNULL)
    return folder


def seconds(folder: Path) -> dict[str, float]:
    """Core-seconds spent on each composition."""
    spent: Counter[str] = Counter()
    found = read_run(folder)
    for atoms, time in zip(found, found.table.seconds, strict=True):
        spent[str(atoms.info["formula"])] += float(time)
    for record in found.failures():
        spent[record.formula] += record.seconds
    return dict(spent)


def table(result: dict[str, Any], spent: dict[str, float]) -> str:
    """Markdown, one row a composition and one for all."""
    rows = [*result["compositions"].items(), ("all", result["rates"])]
    lines = [TABLE_HEAD]
    for name, rates in rows:
        n = max(rates["attempted"], 1)
        core = sum(spent.values()) if name == "all" else spent.get(name, 0.0)
        shares = [f"{rates[key] / n:.0%}" for key in ("converged", "valid", "passes")]
        speed = f"{rates['passes'] / core:.3f}" if core else ""
        cells = [name, str(n), *shares, str(rates["distinct"]), f"{core / n:.3f}", speed]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
