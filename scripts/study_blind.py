"""Crystal structures found from blind seeds alone, by protocol, strictly and loosely matched.

    python scripts/study_blind.py --model crystals --data mp20_val.extxyz.gz --half choose \
        --compositions 60 --seeds 20 --protocols samplers.yaml --out blind

Every composition of the data belongs to one of two halves by a hash: protocols are chosen on one
and reported on the other. ``--protocols`` is YAML, ``{name: protocol of rm-generate, ...}``. Seeds
are the same for every protocol, and begin from no known structure. A seed is found loosely if
pymatgen's StructureMatcher takes it for the reference with the field's tolerances (stol 0.5,
ltol 0.3, 10 degrees), strictly if besides the root mean square displacement is below 0.1 of the
cube root of the volume of an atom. The judge is given references first, and displaced ones.
"""

import argparse
import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import ase
import numpy as np
import yaml
from mpi4py import MPI  # noqa: F401  (before LAMMPS)

from rm_lammps.datasets import read_structures
from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.relaxation import Protocol, Relaxed
from rm_lammps.relaxation.relaxation import relax
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.seeds import ModelFacts, SeedConfig, SeedMaker
from rm_lammps.systems.matching import rms

STRICT = 0.1
_DISPLACED = 0.05
"""Å."""
_MISSED = 0.05


def half(atoms: ase.Atoms) -> str:
    """Half of the data that a composition belongs to."""
    reduced = atoms.symbols.formula.reduce()[0].format("hill")
    return "choose" if hashlib.sha256(reduced.encode()).digest()[0] % 2 else "report"


def references(arguments: argparse.Namespace, species: Iterable[str]) -> list[ase.Atoms]:
    """Structures of different compositions, drawn at random."""
    known = set(species)
    one_each: dict[str, ase.Atoms] = {}
    for atoms in read_structures(arguments.data):
        if set(atoms.symbols) <= known and half(atoms) == arguments.half:
            one_each.setdefault(atoms.symbols.formula.reduce()[0].format("hill"), atoms)
    chosen = np.random.default_rng(arguments.draw).permutation(sorted(one_each))
    return [one_each[formula] for formula in chosen[: arguments.compositions]]


def check_judge(frames: Sequence[ase.Atoms]) -> None:
    """Known-good input first: a judge that fails silently would report nothing found."""
    rng = np.random.default_rng(0)
    missed = []
    for atoms in frames:
        moved = atoms.copy()
        moved.rattle(_DISPLACED, rng=rng)
        if not _strict(rms(atoms, atoms)):
            raise SystemExit(f"the judge does not find {atoms.symbols} in itself")
        if not _strict(rms(atoms, moved)):
            missed.append(str(atoms.symbols))
    # pymatgen may find a smaller primitive cell in the one and not in the other
    if len(missed) > _MISSED * len(frames):
        raise SystemExit(f"the judge does not find displaced {', '.join(missed)}")
    print(f"judge: {len(missed)} of {len(frames)} displaced references missed {missed}", flush=True)


def _strict(found: float | None) -> bool:
    return found is not None and found < STRICT


def study(
    session: LammpsSession,
    protocol: Protocol,
    frames: Sequence[ase.Atoms],
    arguments: argparse.Namespace,
) -> list[dict[str, Any]]:
    """One record for each seed."""
    bundle = session.bundle
    facts = ModelFacts(bundle.manifest.species, bundle.statistics, bundle.prototypes)
    config = SeedConfig(kind=arguments.kind, blind=True)
    records = []
    for number, reference in enumerate(frames):
        maker = SeedMaker(config, str(reference.symbols.formula), None, model=facts)
        for k in range(arguments.seeds):
            rng = np.random.default_rng(np.random.SeedSequence(1, spawn_key=(number, k)))
            seed = maker.make(rng, k)
            began = time.process_time()
            outcome = relax(session, seed, protocol, rng)
            seconds = time.process_time() - began
            record = {
                "reference": number,
                "atoms": len(reference),
                "evaluations": outcome.evaluations,
                "seconds": seconds,
                "rms": None,
                "energy": None,
            }
            if isinstance(outcome, Relaxed):
                record["rms"] = rms(reference, outcome.atoms)
                record["energy"] = outcome.energy / len(reference)
            else:
                record["failed"] = str(outcome.reason.value)
            records.append(record)
    return records


def summary(name: str, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Shares of seeds and of compositions."""
    hits = [r for r in records if r["rms"] is not None]
    strict = [r for r in hits if r["rms"] < STRICT]
    by_reference = defaultdict(list)
    for record in records:
        by_reference[record["reference"]].append(record)
    n = len(by_reference)

    def top(group: Sequence[dict[str, Any]]) -> float | None:
        ranked = [r for r in group if r["energy"] is not None]
        return min(ranked, key=lambda r: r["energy"])["rms"] if ranked else None

    best = [
        min((r["rms"] for r in g if r["rms"] is not None), default=None)
        for g in by_reference.values()
    ]
    tops = [top(group) for group in by_reference.values()]
    seconds = sum(r["seconds"] for r in records)
    return {
        "protocol": name,
        "seeds": len(records),
        "compositions": n,
        "loose_seed": len(hits) / len(records),
        "strict_seed": len(strict) / len(records),
        "rmse_hits": float(np.mean([r["rms"] for r in hits])) if hits else None,
        "any_loose": sum(b is not None for b in best) / n,
        "any_strict": sum(b is not None and b < STRICT for b in best) / n,
        "top_loose": sum(t is not None for t in tops) / n,
        "top_strict": sum(t is not None and t < STRICT for t in tops) / n,
        "failed": sum("failed" in r for r in records) / len(records),
        "evaluations": float(np.mean([r["evaluations"] for r in records])),
        "seconds": seconds / len(records),
        "seconds_per_strict_hit": seconds / len(strict) if strict else None,
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown."""
    lines = [
        "| protocol | evaluations | core-seconds | a seed: loose (RMSE) | strict "
        "| any: loose | strict | lowest E~: loose | strict | not relaxed "
        "| core-seconds a strict hit |",
        "| --- " * 11 + "|",
    ]
    for r in rows:
        rmse = "" if r["rmse_hits"] is None else f" ({r['rmse_hits']:.2f})"
        cost = r["seconds_per_strict_hit"]
        lines.append(
            f"| {r['protocol']} | {r['evaluations']:.0f} | {r['seconds']:.3f} | "
            f"{r['loose_seed']:.1%}{rmse} | {r['strict_seed']:.1%} | {r['any_loose']:.0%} | "
            f"{r['any_strict']:.0%} | {r['top_loose']:.0%} | {r['top_strict']:.0%} | "
            f"{r['failed']:.0%} | {'' if cost is None else f'{cost:.1f}'} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="crystals")
    parser.add_argument("--data", type=Path, required=True, help="known structures")
    parser.add_argument("--half", choices=("choose", "report"), default="choose")
    parser.add_argument("--compositions", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=20, help="of each composition")
    parser.add_argument("--kind", default="random", help="of seeds: random, symmetric, auto")
    parser.add_argument("--draw", type=int, default=0, help="seed of the draw of compositions")
    parser.add_argument("--protocols", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    bundle = find_bundle(arguments.model)
    frames = references(arguments, bundle.manifest.species)
    check_judge(frames)
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, settings in yaml.safe_load(arguments.protocols.read_text()).items():
        with LammpsSession(bundle) as session:
            records = study(session, Protocol(**settings), frames, arguments)
        (arguments.out / f"{name}.json").write_text(json.dumps(records))
        rows.append(summary(name, records))
        text = table(rows)
        (arguments.out / "table.md").write_text(text + "\n")
        print(text.splitlines()[-1], flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
