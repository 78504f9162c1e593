"""What physical potentials make of the order of candidates, before and after relaxing by them.

    python scripts/study_refinement.py --data mp20_val.extxyz.gz --compositions 200 --num 20 --out r
    python scripts/study_refinement.py --tables r

Generates for compositions drawn at random, and takes the best candidates of each by ``rank_score``.
Each is evaluated by two potentials at the best of several volumes, relaxed by the first, evaluated
by the second there, and relaxed on by the second. A line is appended to ``judged.jsonl`` when a
composition is done: the same command goes on where it was stopped, and the tables are of what is
there. Compositions are judged in the random order in which they were drawn.

Three matches are told apart: that of the field (stol 0.5, ltol 0.3, 10 degrees), the same with a
displacement below 0.1 (V/N)^(1/3), and pymatgen's matcher with its default tolerances.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ase
import ase.io
import numpy as np
from pymatgen.analysis.structure_matcher import StructureMatcher

from rm_lammps.analysis.comparison import Reference
from rm_lammps.analysis.composition_frames import CompositionFrames
from rm_lammps.analysis.kept_opinions import Question, answer
from rm_lammps.analysis.unique import UniqueSet, find_unique
from rm_lammps.datasets import read_structures
from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.potentials import Potential, potential_named
from rm_lammps.ranks import OneProcess, environment_for_mpirun
from rm_lammps.runs.frames import iterate
from rm_lammps.runs.layout import SUMMARY
from rm_lammps.systems import find_system
from rm_lammps.systems.crystal_matcher import rms
from rm_lammps.systems.identity import Identity, identify

_FMAX = 0.1
_STEPS = 80
_STRICT = 0.1
_JUDGED = "judged.jsonl"
_DEFAULT = StructureMatcher()


def draw(arguments: argparse.Namespace) -> list[ase.Atoms]:
    """Known structures whose elements the model knows, of different compositions."""
    species = set(find_bundle(arguments.model).manifest.species)
    frames = read_structures(arguments.data)
    chosen: dict[str, ase.Atoms] = {}
    order = np.random.default_rng(arguments.draw).permutation(len(frames))
    # all of a file come as they stand there
    for k in order if len(frames) > arguments.compositions else range(len(frames)):
        atoms = frames[k]
        if set(atoms.get_chemical_symbols()) <= species:
            chosen.setdefault(_formula(atoms), atoms)
        if len(chosen) == arguments.compositions:
            break
    return list(chosen.values())


def _formula(atoms: ase.Atoms) -> str:
    return "".join(f"{symbol}{n}" for symbol, n in atoms.symbols.formula.count().items())


def generate(references: Sequence[ase.Atoms], arguments: argparse.Namespace) -> None:
    """Run rm-generate; a run that is there is gone on with."""
    listed = arguments.out / "formulas.in"
    listed.write_text("\n".join(map(_formula, references)) + "\n")
    words = ["rm-generate", "--model", arguments.model, "--formulas", str(listed)]
    words += ["--num", str(arguments.num), "--out", str(arguments.out / "run")]
    words += ["--blind"] if arguments.blind else []
    if subprocess.run(words, env=environment_for_mpirun(), check=False).returncode:
        sys.exit(f"failed: {' '.join(words)}")


def judge(
    reference: ase.Atoms,
    frames: Sequence[tuple[ase.Atoms, float]],
    potentials: tuple[Potential, Potential],
) -> list[dict[str, Any]]:
    """What potentials say of candidates, and which of them are the reference.

    Args:
        reference: what should be found.
        frames: candidates and what they are ranked by without E~, best first.
        potentials: the first relaxes, the second goes on from there.
    """
    known, (first, second) = Reference([reference], find_system("crystal")), potentials
    judged: list[dict[str, Any]] = []
    places: dict[str, list[Identity]] = {first.label: [], second.label: []}
    for atoms, prior in frames:
        record: dict[str, Any] = {"E~": float(atoms.info["energy_per_atom"]), "prior": prior}
        record["matches"] = {"found": _matches(atoms, reference, known)}
        record["same"] = {"found": len(judged)}
        at_best = {p.label: answer(Question(p, atoms, "volume")) for p in potentials}
        record["energies"] = {"found": {label: _plain(o.energy) for label, o in at_best.items()}}
        record["seconds"] = {f"{label} energy": o.seconds for label, o in at_best.items()}
        here = at_best[first.label].atoms
        for potential, other in ((first, second), (second, first)):
            begin = time.process_time()
            minimum = potential.relaxed(here, fmax=_FMAX, steps=_STEPS)
            here, where = minimum.atoms, potential.label
            record["seconds"][f"{where} relaxation"] = time.process_time() - begin
            places[where].append(identify(here))
            record["same"][where] = _first_alike(places[where])
            beside = answer(Question(other, here))
            record["matches"][where] = _matches(here, reference, known)
            record["energies"][where] = {
                potential.label: _plain(minimum.energy),
                other.label: _plain(beside.energy),
            }
            record["seconds"][f"{other.label} beside"] = beside.seconds
        judged.append(record)
    return judged


def _first_alike(places: Sequence[Identity]) -> int:
    """Number of the first structure that the last one is the same as; its own for none."""
    same = (n for n, other in enumerate(places) if other.same(places[-1], _DEFAULT))
    return next(same, len(places) - 1)


def _plain(energy: float) -> float | None:
    return energy if np.isfinite(energy) else None


def _matches(atoms: ase.Atoms, reference: ase.Atoms, known: Reference) -> dict[str, bool]:
    distance = rms(reference, atoms)
    return {
        "field": distance is not None,
        "below 0.1": distance is not None and distance < _STRICT,
        "default": known.find(atoms) is not None,
    }


def judge_all(references: Sequence[ase.Atoms], arguments: argparse.Namespace) -> None:
    """Append a line for each composition that has none."""
    potentials = (potential_named(arguments.first), potential_named(arguments.second))
    for potential in potentials:
        potential.load()
    path = arguments.out / _JUDGED
    done = {json.loads(line)["formula"] for line in path.open()} if path.exists() else set()
    unique = find_unique(arguments.out / "run", OneProcess())
    found = CompositionFrames(arguments.out / "run", unique)
    priors = _priors(unique)
    for number, reference in enumerate(references[: arguments.judged]):
        formula = _formula(reference)
        if formula in done:
            continue
        every = found.best(None)(number)
        best = every[: arguments.candidates]
        frames = [(found.atoms(frame), priors[found.leader(frame)]) for frame in best]
        known = Reference([reference], find_system("crystal"))
        all_seeds = [_matches(found.atoms(frame), reference, known) for frame in every]
        record = {
            "formula": formula,
            "atoms": len(reference),
            "unique": len(every),
            "found": {name: any(m[name] for m in all_seeds) for name in _KINDS},
            "candidates": judge(reference, frames, potentials),
        }
        with path.open("a") as stream:
            stream.write(json.dumps(record) + "\n")


def _priors(unique: UniqueSet) -> dict[int, float]:
    added = sum(unique.parts.values(), np.zeros(len(unique)))
    return dict(zip(unique.ranked.tolist(), added.tolist(), strict=True))


_KINDS = ("field", "below 0.1", "default")
Record = dict[str, Any]


def orders(first: str, second: str) -> dict[str, tuple[str, Callable[[Record], float]]]:
    """What candidates can be ranked by: where they are then, and their score."""

    def by(where: str, labels: Sequence[str], weight: float) -> Callable[[Record], float]:
        def score(record: Record) -> float:
            energies = [record["energies"][where][label] for label in labels]
            if None in energies:
                return float("inf")
            return float(np.mean(energies)) + weight * record["prior"]

        return score

    both, found = (first, second), "found"
    rows: dict[str, tuple[str, Callable[[Record], float]]] = {
        "votes and symmetry alone": (found, lambda record: record["prior"]),
        "E~ alone": (found, lambda record: record["E~"]),
        "E~ and votes (`rank_score`)": (found, lambda record: record["E~"] + record["prior"]),
    }
    for labels in ((first,), (second,), both):
        name = " and ".join(labels)
        rows[f"{name}, energy alone"] = (found, by(found, labels, 0.0))
        rows[f"{name} and votes"] = (found, by(found, labels, 1.0))
    for where, how in ((first, f"relaxed by {first}"), (second, f"relaxed on by {second}")):
        rows[f"{how}: `rank_score`"] = (where, lambda record: record["E~"] + record["prior"])
        for labels in ((first,), (second,), both):
            rows[f"{how}: {' and '.join(labels)}"] = (where, by(where, labels, 0.0))
            rows[f"{how}: {' and '.join(labels)} and votes"] = (where, by(where, labels, 1.0))
    return rows


def tables(folder: Path) -> str:
    """Markdown of what was judged."""
    records = [json.loads(line) for line in (folder / _JUDGED).open()]
    first, second = list(records[0]["candidates"][0]["energies"]["found"])
    run = json.loads((folder / "run" / SUMMARY).read_text())
    generated = run["seed_seconds"] / run["attempted"]
    spent: dict[str, float] = {}
    for candidate in (c for record in records for c in record["candidates"]):
        for name, seconds in candidate["seconds"].items():
            spent[name] = spent.get(name, 0.0) + seconds / len(records)
    lines = [
        f"{len(records)} compositions; core-seconds a seed: {generated:.3f}; core-seconds a "
        "composition: " + ", ".join(f"{name} {value:.1f}" for name, value in spent.items()) + ".",
        "",
        "| order | " + " | ".join(f"first, {k} | first five, {k}" for k in _KINDS) + " |",
        "| --- " * (1 + 2 * len(_KINDS)) + "|",
    ]
    for name, (where, score) in orders(first, second).items():
        cells = []
        for kind in _KINDS:
            ranks = [_rank(record["candidates"], where, score, kind) for record in records]
            cells += [sum(r <= 1 for r in ranks), sum(r <= 5 for r in ranks)]
        lines.append(f"| {name} | " + " | ".join(map(str, cells)) + " |")
    for where, named in (
        ("found", "among the candidates"),
        (first, f"the same, relaxed by {first}"),
        (second, f"the same, relaxed on by {second}"),
    ):
        among = [
            sum(any(c["matches"][where][k] for c in r["candidates"]) for r in records)
            for k in _KINDS
        ]
        lines.append(f"| {named} | " + " | ".join(f"| {n}" for n in among) + " |")
    every = [sum(record["found"][kind] for record in records) for kind in _KINDS]
    lines.append("| among all seeds | " + " | ".join(f"| {n}" for n in every) + " |")
    return "\n".join(lines)


def _rank(
    candidates: Sequence[Record], where: str, score: Callable[[Record], float], kind: str
) -> float:
    # what a relaxation made the same stands in the order once
    kept = {one["same"][where]: one for one in sorted(candidates, key=score, reverse=True)}
    ordered = sorted(kept.values(), key=score)
    return next(
        (n for n, one in enumerate(ordered, start=1) if one["matches"][where][kind]), np.inf
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", type=Path, metavar="DIR", help="only print the tables of DIR")
    parser.add_argument("--model", default="crystals")
    parser.add_argument("--data", type=Path, help="known structures to draw from")
    parser.add_argument("--compositions", type=int, default=200)
    parser.add_argument("--judged", type=int, default=200, help="of these, by the potentials")
    parser.add_argument("--draw", type=int, default=0, help="seed of the draw")
    parser.add_argument("--num", type=int, default=20, help="seeds a composition")
    parser.add_argument("--blind", action="store_true", help="no seeds from known structures")
    parser.add_argument("--candidates", type=int, default=10)
    parser.add_argument("--first", default="chgnet", help="potential that relaxes first")
    parser.add_argument("--second", default="sevennet", help="potential that goes on from there")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.tables is not None:
        print(tables(arguments.tables))
        return
    if arguments.data is None or arguments.out is None:
        parser.error("give --data and --out, or --tables")
    arguments.out.mkdir(parents=True, exist_ok=True)
    drawn = arguments.out / "reference.extxyz"
    references = draw(arguments) if not drawn.exists() else list(iterate(drawn))
    ase.io.write(drawn, references)
    generate(references, arguments)
    judge_all(references, arguments)
    print(tables(arguments.out))


if __name__ == "__main__":
    main()
