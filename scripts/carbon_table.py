"""What the shipped model ``diamond`` finds: the table of a study, and the picture.

    python scripts/carbon_table.py [--ranks 2] [--num 64] [--out runs/carbon]

Generates C2 to C16 with the installed commands, matches the results to known polymorphs of carbon
and writes the table into docs/studies/carbon.md.
"""

import argparse
import json
import re
import subprocess
from pathlib import Path

import ase.io
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal
from matplotlib.figure import Figure

from rm_lammps.runs.layout import EVALUATION
from rm_lammps.runs.reading import read_run

CHECKOUT = Path(__file__).resolve().parents[1]
FORMULAS = ("C2", "C4", "C6", "C8", "C12", "C16")
PRESETS = ("hops", "quick")
PAGE = CHECKOUT / "docs" / "studies" / "carbon.md"


def polymorphs() -> list[Atoms]:
    """Known crystals of carbon, from their published cells (Å)."""
    lonsdaleite = crystal(
        "C", [(1 / 3, 2 / 3, 0.0625)], spacegroup=194, cellpar=[2.51, 2.51, 4.12, 90, 90, 120]
    )
    graphite = crystal(
        "CC",
        [(0, 0, 0.25), (1 / 3, 2 / 3, 0.25)],
        spacegroup=194,
        cellpar=[2.461, 2.461, 6.708, 90, 90, 120],
    )
    bc8 = crystal("C", [(0.1003, 0.1003, 0.1003)], spacegroup=206, cellpar=[4.443] * 3 + [90] * 3)
    bct = crystal(
        "C",
        [(0.1804, 0.1804, 0)],
        spacegroup=139,
        cellpar=[4.329, 4.329, 2.483, 90, 90, 90],
    )
    named = {
        "diamond": bulk("C", "diamond", a=3.567),
        "lonsdaleite": lonsdaleite,
        "graphite": graphite,
        "BC8": bc8,
        "bct-C4": bct,
    }
    for name, atoms in named.items():
        atoms.info = {"name": name}
    return list(named.values())


def run_formula(formula: str, preset: str, references: Path, options: argparse.Namespace) -> dict:
    """Generate and evaluate one composition; returns its evaluation."""
    folder = options.out / preset / formula
    generate = ["rm-generate", "--model", options.model, "--formula", formula]
    generate += ["--preset", preset, "--num", str(options.num), "--out", str(folder)]
    subprocess.run(["mpirun", "-n", str(options.ranks), *generate], check=True)
    subprocess.run(["rm-evaluate", str(folder), "--reference", str(references)], check=True)
    return json.loads((folder / EVALUATION).read_text())


def table(results: dict[str, dict[str, dict]]) -> str:
    """Markdown table, rates over all attempted seeds."""
    lines = [
        "| formula | preset | seeds | converged | diamond | other known polymorphs | "
        "unique structures | evaluations a seed | seconds of a core a seed |",
        "|" + " --- |" * 9,
    ]
    for formula in FORMULAS:
        lines += [_row(formula, preset, results[preset][formula]) for preset in PRESETS]
    return "\n".join(lines)


def _row(formula: str, preset: str, result: dict) -> str:
    attempted = result["attempted"]
    others = [f"{name} {n}" for name, n in result["matched"].items() if n and name != "diamond"]
    cells = [
        formula,
        f"`{preset}`",
        attempted,
        result["converged"],
        f"{result['matched']['diamond'] / attempted:.0%}",
        ", ".join(others) or "none",
        result["unique"],
        f"{result['evaluations_per_seed']:.0f}",
        f"{result['seconds_per_seed']:.3f}",
    ]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def picture(folder: Path, result: dict, path: Path) -> None:
    """E~ against volume, and a diamond that was found; needs ovito."""
    from rendering import put

    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.35, 1])
    colours = {"diamond": "C0", "lonsdaleite": "C2", "bct-C4": "C1", "other": "0.6"}
    for kind, colour in colours.items():
        members = [
            s
            for s in result["structures"]
            if (s["matches"] if s["matches"] in colours else "other") == kind
        ]
        left.scatter(
            [s["volume_per_atom"] for s in members],
            [s["energy_per_atom"] for s in members],
            s=[15 + 8 * s["found"] for s in members],
            color=colour,
            alpha=0.75,
            label=f"{kind}: {sum(s['found'] for s in members)} of {result['attempted']} seeds",
        )
    left.set(xlabel="volume per atom (Å³)", ylabel="E~ per atom (pseudo-eV)")
    left.legend(frameon=False, title="C8 from random boxes, preset quick")
    best = next(s for s in result["structures"] if s["matches"] == "diamond")
    frames = read_run(folder)
    atoms = next(a for a in frames if a.info["seed"] == best["seeds"][0])
    put(atoms, right, repeat=(2, 2, 2), longest=1.85, radius=0.4)
    right.set_title(f"seed {best['seeds'][0]}: {best['space_group']}", fontsize=10)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--num", type=int, default=64)
    parser.add_argument("--model", default="diamond")
    parser.add_argument("--out", type=Path, default=Path("runs/carbon"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    references = options.out / "polymorphs.extxyz"
    ase.io.write(references, polymorphs())
    results = {
        preset: {f: run_formula(f, preset, references, options) for f in FORMULAS}
        for preset in PRESETS
    }
    block = f"<!-- carbon table -->\n{table(results)}\n<!-- end -->"
    print(block)
    if options.model == "diamond":
        pattern = r"<!-- carbon table -->.*?<!-- end -->"
        PAGE.write_text(re.sub(pattern, lambda _: block, PAGE.read_text(), flags=re.DOTALL))
        picture(
            options.out / "quick" / "C8",
            results["quick"]["C8"],
            CHECKOUT / "docs" / "images" / "carbon.png",
        )


if __name__ == "__main__":
    main()
