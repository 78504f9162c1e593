"""Crystal structure prediction for compositions drawn from a file of known structures.

    python scripts/bench/crystals.py --model crystals --data mp20_val.extxyz.gz --compositions 200 \
        --num 20 --ranks 2 --out bench
    python scripts/bench/crystals.py --model crystals --fifteen --num 1000 \
        --rank-by chgnet --candidates 200 --out 15

    python scripts/bench/crystals.py --model crystals --textbook --refine chgnet --candidates 5 \
        --out textbook

Draws structures whose elements the model knows, or takes compounds of the literature, generates
for their formulas in one run, evaluates, and prints the tables of
docs/studies/crystals_benchmark.md. A second call
with the same --out goes on with the run, or evaluates it anew.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ase
import ase.io
import numpy as np
from compounds import FIFTEEN, known_compounds, textbook_compounds

from rm_lammps.analysis.ranking import PROTOTYPE_WEIGHT
from rm_lammps.datasets import read_structures
from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.ranks import environment_for_mpirun
from rm_lammps.runs.layout import EVALUATION, METRICS


def choose(
    frames: Sequence[ase.Atoms], species: Sequence[str], arguments: argparse.Namespace
) -> list[ase.Atoms]:
    """References, drawn at random."""
    usable = [atoms for atoms in frames if set(atoms.get_chemical_symbols()) <= set(species)]
    usable = [a for a in usable if len(a) <= arguments.max_atoms]
    rng = np.random.default_rng(arguments.draw)
    chosen = rng.permutation(len(usable))[: arguments.compositions]
    return [usable[k] for k in sorted(chosen)]


def formula(atoms: ase.Atoms) -> str:
    return "".join(f"{symbol}{n}" for symbol, n in atoms.symbols.formula.count().items())


def generate(formulas: Sequence[str], folder: Path, arguments: argparse.Namespace) -> None:
    (folder / "formulas.in").write_text("\n".join(formulas) + "\n")
    run = folder / "run"
    words = ["rm-generate", "--model", arguments.model, "--formulas", str(folder / "formulas.in")]
    words += ["--num", str(arguments.num), "--preset", arguments.preset, "--out", str(run)]
    if arguments.config is not None:
        words.insert(1, str(arguments.config))
    command(["mpirun", "-n", str(arguments.ranks), *words])


def evaluate(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    words = ["rm-evaluate", str(folder / "run"), "--reference", str(folder / "reference.extxyz")]
    words += ["--metrics", "--at", arguments.at, "--show", "0"]
    if arguments.rank_by or arguments.refine:
        words += ["--candidates", str(arguments.candidates), "--hull", "none"]
    for flag in ("rank_by", "refine"):
        if (name := getattr(arguments, flag)) is not None:
            words += [f"--{flag.replace('_', '-')}", name]
    words += ["--found-weight", str(arguments.found_weight)]
    if arguments.symmetry_weight is not None:
        words += ["--symmetry-weight", str(arguments.symmetry_weight)]
    words += ["--prototype-weight", str(arguments.prototype_weight)]
    command(words if arguments.ranks == 1 else ["mpirun", "-n", str(arguments.ranks), *words])
    return json.loads((folder / "run" / METRICS).read_text())


def command(words: Sequence[str]) -> None:
    """Run a command without what this process may have inherited from an MPI launcher."""
    if subprocess.run(words, env=environment_for_mpirun(), check=False).returncode:
        sys.exit(f"failed: {' '.join(words)}")


def strict_ranks(folder: Path) -> dict[str, int]:
    """Rank of the first structure that matches each reference by the matcher's default settings.

    The field's tolerances take rock salt for zinc blende.
    """
    structures = json.loads((folder / EVALUATION).read_text())["structures"]
    ranks: dict[str, int] = {}
    for structure in structures:
        if (name := structure["matches"]) is not None:
            ranks[name] = min(structure["rank"], ranks.get(name, structure["rank"]))
    return ranks


def tables(measured: dict[str, Any], strict: dict[str, int]) -> str:
    """Markdown of the rates, by kind of reference, and of every reference if they are few."""
    prediction = measured["prediction"]
    lines = [
        f"{measured['compositions']} compositions, {measured['seeds_per_composition']} seeds each, "
        f"{measured['converged'] / measured['attempted']:.1%} converged, "
        f"{measured['core_seconds_per_composition']:.1f} core-seconds a composition, "
        f"{measured['core_seconds_per_seed']:.2f} a seed.",
    ]
    if (judged := measured.get("second_opinion")) is not None:
        seconds = judged["core_seconds_per_composition"]
        lines.append(f"{judged['potentials']}: {seconds:.1f} core-seconds more a composition.")
    lines += [
        "",
        "| candidates | matched | match rate | RMSE | METRe | cRMSE |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, rate in prediction["rates"].items():
        rmse = "" if rate["rmse"] is None else f"{rate['rmse']:.3f}"
        lines.append(
            f"| {name} | {rate['matched']} of {rate['references']} | {rate['match_rate']:.1%} | "
            f"{rmse} | {rate['metre']:.1%} | {rate['crmse']:.3f} |"
        )
    names = list(prediction["rates"])
    lines += [
        "",
        f"| group | references | {' | '.join(names)} |",
        "| --- " * (2 + len(names)) + "|",
    ]
    for key, groups in prediction["groups"].items():
        for group, rates in groups.items():
            shares = " | ".join(f"{rates[name]:.0%}" for name in names)
            lines.append(f"| {key.replace('_', ' ')} {group} | {rates['references']} | {shares} |")
    first = sum(rank == 1 for rank in strict.values())
    lines += ["", f"Strictly (default tolerances): {len(strict)} found, {first} ranked first."]
    if len(prediction["references"]) <= 25:
        lines += ["", "| compound | rank of the match | of the strict match | RMSE |"]
        lines.append("| --- | --- | --- | --- |")
        for row in prediction["references"]:
            rmse = row["rms"]["all seeds"]
            lines.append(
                f"| {row['name']}, {row['formula']} ({row['space_group']}) | "
                f"{row['rank'] or 'not found'} | {strict.get(row['name'], 'not found')} | "
                f"{'' if rmse is None else f'{rmse:.3f}'} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="crystals")
    parser.add_argument("--data", type=Path, help="known structures to draw from")
    parser.add_argument("--compositions", type=int, default=200)
    parser.add_argument("--fifteen", action="store_true", help="the 15 compounds instead")
    parser.add_argument("--textbook", action="store_true", help="25 compounds of textbooks instead")
    parser.add_argument("--max-atoms", type=int, default=20)
    parser.add_argument("--draw", type=int, default=0, help="seed of the draw")
    parser.add_argument("--num", type=int, default=20, help="seeds a composition")
    parser.add_argument("--preset", default="prediction")
    parser.add_argument("--config", type=Path, help="further settings of rm-generate, YAML")
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--at", default="20")
    parser.add_argument("--rank-by")
    parser.add_argument("--refine")
    parser.add_argument("--candidates", type=int, default=20)
    parser.add_argument("--found-weight", type=float, default=0.0)
    parser.add_argument("--symmetry-weight", type=float)
    parser.add_argument("--prototype-weight", type=float, default=PROTOTYPE_WEIGHT)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    species = find_bundle(arguments.model).manifest.species
    if arguments.fifteen:
        references, formulas = known_compounds(), list(FIFTEEN)
    elif arguments.textbook:
        references = textbook_compounds()
        formulas = list(dict.fromkeys(map(formula, references)))
    elif arguments.data is None:
        parser.error("give --data, --fifteen or --textbook")
    else:
        references = choose(read_structures(arguments.data), species, arguments)
        formulas = list(dict.fromkeys(map(formula, references)))
    if not references:
        parser.error(f"{arguments.data} has no such structures")
    arguments.out.mkdir(parents=True, exist_ok=True)
    ase.io.write(arguments.out / "reference.extxyz", references)
    generate(formulas, arguments.out, arguments)
    text = tables(evaluate(arguments.out, arguments), strict_ranks(arguments.out / "run"))
    (arguments.out / "table.md").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
