"""Tables of what study_search.py wrote.

    python scripts/search_tables.py FOLDER [--groups] [--at] [--against WAY]
    python scripts/search_tables.py FOLDER --unreached KNOWN --names FILE
    python scripts/search_tables.py FOLDER --mix known blind --at

Only compositions that all ways have are counted; with ``--unreached`` only those of which no seed
of that way matches loosely before it is relaxed, such as those to which no known structure leads
(``{known: {preset: prediction, seeds: {kind: prototype}}}``), whose names go to a file. *Lowest E~*
is the relaxed seed of lowest E~ per atom, *top-ranked* the one that rm-evaluate's ranking puts
first; *kept* says of how many references a relaxation ends in a match. Standard errors of a share
are at most 0.5 / sqrt(compositions).
"""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from study_search import STRICT, read_records

from rm_lammps.analysis.ranking import Ranking
from rm_lammps.systems import find_system

Composition = Mapping[str, Any]
_SIZES = ((1, 4), (5, 8), (9, 12), (13, 16), (17, 20), (21, 10**9))
_GROUPS: dict[str, Callable[[Composition], str]] = {
    "atoms": lambda c: next(
        f"{a} to {b}" if b < 10**9 else f"{a} or more" for a, b in _SIZES if c["atoms"] <= b
    ),
    "elements": lambda c: str(c["elements"]),
    "crystal system": lambda c: str(c["system"]),
}


def read_ways(folder: Path) -> dict[str, dict[int, Composition]]:
    """Compositions by way and number, all parts of a way together."""
    ways: dict[str, dict[int, Composition]] = {}
    for file in sorted(folder.glob("*.jsonl")):
        way = re.sub(r"(\.part\d+)?\.jsonl$", "", file.name)
        ways.setdefault(way, {}).update({c["number"]: c for c in read_records(file)})
    return ways


def mixed(known: Composition, other: Composition) -> Composition:
    """Seeds as the default draws them, from those of two ways for the same composition."""
    first = find_system("crystal").leading_seeds(known["elements"], known["atoms"])
    leading = sum(first.values())
    seeds = list(known["seeds"][:leading])
    for one, another in zip(known["seeds"][leading:], other["seeds"], strict=False):
        seeds += [another, one]
    return {**known, "seeds": seeds[: len(known["seeds"])]}


def best(values: Sequence[float | None]) -> float | None:
    """Smallest displacement of those that match."""
    return min((v for v in values if v is not None), default=None)


def lowest_energy(composition: Composition) -> float | None:
    """Displacement of the seed of lowest E~; ``None`` if it does not match."""
    relaxed = [s for s in composition["seeds"] if "energy" in s]
    return min(relaxed, key=lambda s: s["energy"])["rms"] if relaxed else None


def top_ranked(composition: Composition) -> float | None:
    """Displacement of the seed that is ranked first."""
    relaxed = [s for s in composition["seeds"] if "energy" in s]
    if not relaxed:
        return None
    parts = Ranking().parts(
        np.ones(len(relaxed)), [s["order"] for s in relaxed], [s["share"] for s in relaxed]
    )
    scores = np.array([s["energy"] for s in relaxed]) + sum(parts.values())
    return relaxed[int(np.argmin(scores))]["rms"]


def kept(composition: Composition) -> float | None:
    """Displacement of the relaxed reference."""
    return composition.get("reference", {}).get("rms")


SELECTIONS: dict[str, Callable[[Composition], float | None]] = {
    "first, unrelaxed": lambda c: c["seeds"][0]["seed_rms"],
    "any, unrelaxed": lambda c: best([s["seed_rms"] for s in c["seeds"]]),
    "first": lambda c: c["seeds"][0]["rms"],
    "any": lambda c: best([s["rms"] for s in c["seeds"]]),
    "lowest E~": lowest_energy,
    "top-ranked": top_ranked,
}


def share(found: Sequence[float | None], limit: float) -> float:
    return float(np.mean([f is not None and f < limit for f in found]))


def loose_strict(some: Sequence[Composition], select: Callable[[Composition], Any]) -> str:
    """Percentages of compositions found loosely and strictly."""
    found = [select(c) for c in some]
    return f"{100 * share(found, np.inf):.0f}, {100 * share(found, STRICT):.0f}"


def rates(ways: Mapping[str, Sequence[Composition]]) -> str:
    """Markdown: shares of compositions, loosely and strictly, in percent."""
    lines = [
        f"| seeds | {' | '.join(SELECTIONS)} | RMSE of any | kept |",
        "| --- |" + " ---: |" * (len(SELECTIONS) + 2),
    ]
    for name, some in ways.items():
        hits = [f for c in some if (f := SELECTIONS["any"](c)) is not None]
        cells = [loose_strict(some, select) for select in SELECTIONS.values()]
        rmse = f"{np.mean(hits):.3f}" if hits else ""
        lines.append(f"| {name} | {' | '.join(cells)} | {rmse} | {loose_strict(some, kept)} |")
    return "\n".join(lines)


def costs(ways: Mapping[str, Sequence[Composition]]) -> str:
    """Markdown: what a seed costs, and what is found for it."""
    lines = [
        "| seeds | number | evaluations a seed | core-seconds a seed: made | relaxed | failed "
        "| seeds found: loose | strict | strict hits a core-second |",
        "| --- |" + " ---: |" * 8,
    ]
    for name, some in ways.items():
        seeds = [s for c in some for s in c["seeds"]]
        seconds = sum(s["made"] + s["seconds"] for s in seeds)
        strict = sum(s["rms"] is not None and s["rms"] < STRICT for s in seeds)
        lines.append(
            f"| {name} | {len(seeds)} | {np.mean([s['evaluations'] for s in seeds]):.1f} | "
            f"{np.mean([s['made'] for s in seeds]):.4f} | "
            f"{np.mean([s['seconds'] for s in seeds]):.4f} | "
            f"{np.mean(['failed' in s for s in seeds]):.1%} | "
            f"{np.mean([s['rms'] is not None for s in seeds]):.1%} | {strict / len(seeds):.1%} | "
            f"{strict / seconds:.0f} |"
        )
    return "\n".join(lines)


def groups(name: str, some: Sequence[Composition]) -> str:
    """Markdown: rates of one way by kind of reference."""
    chosen = ("any, unrelaxed", "any", "lowest E~", "top-ranked")
    lines = [f"| {name} | compositions | {' | '.join(chosen)} |", "| --- |" + " ---: |" * 5]
    for key, group_of in _GROUPS.items():
        order = sorted({group_of(c) for c in some}, key=lambda g: (len(g.split()[0]), g))
        for group in order if key != "crystal system" else sorted(order):
            part = [c for c in some if group_of(c) == group]
            cells = [loose_strict(part, SELECTIONS[selection]) for selection in chosen]
            lines.append(f"| {key}: {group} | {len(part)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def at_each(ways: Mapping[str, Sequence[Composition]]) -> str:
    """Markdown: found by the first k seeds, relaxed and not."""
    most = max(len(c["seeds"]) for some in ways.values() for c in some)
    ks = [k for k in (1, 2, 3, 5, 10, 15, 20, 50, 100, 200, 500) if k <= most]
    lines = [
        f"| the first k seeds | {' | '.join(f'k = {k}' for k in ks)} |",
        "| --- |" + " ---: |" * len(ks),
    ]
    for name, some in ways.items():
        for what, key in (("unrelaxed", "seed_rms"), ("relaxed", "rms")):
            cells = [loose_strict(some, partial(best_of_first, k=k, key=key)) for k in ks]
            lines.append(f"| {name}, {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def best_of_first(composition: Composition, k: int, key: str) -> float | None:
    """Smallest displacement among the first k seeds."""
    return best([seed[key] for seed in composition["seeds"][:k]])


def changes(
    ways: Mapping[str, Sequence[Composition]], against: str, select: Callable[[Composition], Any]
) -> str:
    """Pairs of compositions that one way finds and the other does not, strictly."""

    def found(name: str) -> list[bool]:
        values = [select(c) for c in ways[name]]
        return [v is not None and v < STRICT for v in values]

    before = found(against)
    lines = []
    for name in ways:
        pairs = list(zip(before, found(name), strict=True))
        won, lost = pairs.count((False, True)), pairs.count((True, False))
        lines.append(f"{name} against {against}: {won} won, {lost} lost")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ways", nargs="*", help="only these")
    parser.add_argument("--groups", action="store_true", help="by kind of reference too")
    parser.add_argument("--at", action="store_true", help="by number of seeds too")
    parser.add_argument("--mix", nargs=2, metavar="WAY", help="known structures, and other seeds")
    parser.add_argument("--unreached", metavar="WAY", help="only what its seeds do not match")
    parser.add_argument("--names", type=Path, help="file for the names of what is counted")
    parser.add_argument("--against", help="way that others are compared with, pair by pair")
    arguments = parser.parse_args()
    read = read_ways(arguments.folder)
    read = {name: read[name] for name in arguments.ways or read}
    common = sorted(set.intersection(*(set(way) for way in read.values())))
    if not common:
        parser.error(f"{arguments.folder} has no composition that all of {', '.join(read)} have")
    if arguments.unreached:
        reached = SELECTIONS["any, unrelaxed"]
        common = [n for n in common if reached(read[arguments.unreached][n]) is None]
    ways = {name: [way[number] for number in common] for name, way in read.items()}
    if arguments.mix:
        pairs = zip(*(ways[name] for name in arguments.mix), strict=True)
        ways["mixture"] = [mixed(known, other) for known, other in pairs]
    if arguments.names is not None:
        names = [c["name"] for c in ways[next(iter(ways))]]
        arguments.names.write_text("\n".join(names) + "\n")
    print(f"{len(common)} compositions\n\n{rates(ways)}\n\n{costs(ways)}")
    if arguments.at:
        print(f"\n{at_each(ways)}")
    if arguments.groups:
        print("".join(f"\n{groups(name, some)}\n" for name, some in ways.items()))
    if arguments.against:
        for name in ("any", "lowest E~", "top-ranked"):
            print(f"\n{name}\n{changes(ways, arguments.against, SELECTIONS[name])}")


if __name__ == "__main__":
    main()
