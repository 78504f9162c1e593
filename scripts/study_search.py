"""What seeds find of held-back crystals: unrelaxed and relaxed, composition by composition.

    python scripts/study_search.py --model crystals --data mp20_val.extxyz.gz --half report \
        --compositions 1000 --seeds 20 --ways blind --out blind
    python scripts/search_tables.py blind

``--ways`` are presets of rm-generate, or YAML files ``{name: settings of rm-generate, ...}``; a way
that names a ``model`` uses that one. Seed k of a composition draws the same numbers in every way,
so that ways with the same seeds are compared seed by seed. Compositions are drawn at random, from
one of two halves of the data told by a hash: ways are chosen on one and reported on the other.

The reference is relaxed too, which says whether it is a minimum of E~, and how low. Records of a
composition are appended to ``WAY.jsonl`` when all its seeds are done; the same command goes on
where it was stopped, and ``--part 2/8`` does every eighth composition in a file of its own. A seed
matches with pymatgen's StructureMatcher at the field's tolerances (stol 0.5, ltol 0.3, 10 degrees);
its root mean square displacement is in units of the cube root of an atom's volume.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase
import numpy as np
import yaml
from mpi4py import MPI  # noqa: F401  (before LAMMPS)

from rm_lammps.analysis.standard_cells import order_of_symmetry
from rm_lammps.datasets import read_structures
from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.generation.generation_config import GenerationConfig
from rm_lammps.generation.presets import PRESETS
from rm_lammps.geometry.symmetry import space_group
from rm_lammps.relaxation import Relaxed
from rm_lammps.relaxation.relaxation import relax
from rm_lammps.relaxation.session import LammpsSession
from rm_lammps.seeds import ModelFacts, SeedMaker
from rm_lammps.seeds.wyckoff import crystal_system
from rm_lammps.systems.crystal_matcher import rms

STRICT = 0.1
"""(V/N)^(1/3)."""
_DISPLACED = 0.05
"""Å."""
_MISSED = 0.05
_JUDGED = 40
"""References by which the judge is checked."""


@dataclass(frozen=True)
class Way:
    """Seeds, and how they are relaxed."""

    name: str
    config: GenerationConfig
    session: LammpsSession
    facts: ModelFacts


def half(atoms: ase.Atoms) -> str:
    """Half of the data that a composition belongs to."""
    return "choose" if hashlib.sha256(_reduced(atoms).encode()).digest()[0] % 2 else "report"


def _reduced(atoms: ase.Atoms) -> str:
    return str(atoms.symbols.formula.reduce()[0].format("hill"))


def references(
    data: Path, part: str | None, species: Iterable[str], draw: int, number: int
) -> list[ase.Atoms]:
    """Structures of different compositions, in a random order.

    Args:
        data: known structures.
        part: half of the data, or ``None`` for all.
        species: elements that may occur.
        draw: seed of the order.
        number: of structures at most.
    """
    known = set(species)
    one_each: dict[str, ase.Atoms] = {}
    for atoms in read_structures(data):
        if set(atoms.symbols) <= known and part in {None, half(atoms)}:
            one_each.setdefault(_reduced(atoms), atoms)
    chosen = np.random.default_rng(draw).permutation(sorted(one_each))
    return [one_each[formula] for formula in chosen[:number]]


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


def open_ways(arguments: argparse.Namespace, stack: ExitStack) -> list[Way]:
    """Sessions and known structures are shared by the ways of one model."""
    settings: dict[str, dict[str, Any]] = {}
    for word in arguments.ways:
        if word in PRESETS:
            settings[word] = {"preset": word}
        else:
            settings |= yaml.safe_load(Path(word).read_text())
    sessions: dict[str, LammpsSession] = {}
    facts: dict[str, ModelFacts] = {}
    ways = []
    for name, fields in settings.items():
        model = fields.get("model", arguments.model)
        if model not in sessions:
            bundle = find_bundle(model)
            sessions[model] = stack.enter_context(LammpsSession(bundle))
            facts[model] = ModelFacts(bundle.manifest.species, bundle.statistics, bundle.prototypes)
        config = GenerationConfig(**{"model": model, "formula": "H", "num": 1, **fields})
        ways.append(Way(name, config, sessions[model], facts[model]))
    return ways


class Judge:
    """Compares seeds of one composition with its reference, equal ones once."""

    def __init__(self, reference: ase.Atoms) -> None:
        self._reference = reference
        self._known: dict[bytes, float | None] = {}

    def __call__(self, atoms: ase.Atoms) -> float | None:
        """Displacement from the reference; ``None`` where they don't match."""
        key = atoms.positions.tobytes() + atoms.cell.array.tobytes() + atoms.numbers.tobytes()
        if key not in self._known:
            self._known[key] = rms(self._reference, atoms)
        return self._known[key]


def search(way: Way, number: int, judge: Judge, formula: str, seeds: int) -> list[dict[str, Any]]:
    """One record for each seed of a composition."""
    maker = SeedMaker(way.config.seeds, formula, None, model=way.facts)
    records = []
    for k in range(seeds):
        sequence = np.random.SeedSequence(way.config.seed, spawn_key=(number, k))
        drawing, relaxing = (np.random.default_rng(child) for child in sequence.spawn(2))
        began = time.process_time()
        seed = maker.make(drawing, k)
        made = time.process_time() - began
        origin = {
            "kind": seed.info["seed_kind"],
            "share": seed.info.get("prototype_share", seed.info.get("prior", 0.0)),
            "made": made,
            "seed_rms": judge(seed),
        }
        records.append(origin | relaxed(way, seed, relaxing, judge))
    return records


def relaxed(way: Way, atoms: ase.Atoms, rng: np.random.Generator, judge: Judge) -> dict[str, Any]:
    """Where a structure ends, and what that costs."""
    began = time.process_time()
    outcome = relax(way.session, atoms, way.config.protocol, rng)
    record: dict[str, Any] = {
        "seconds": time.process_time() - began,
        "evaluations": outcome.evaluations,
        "rms": None,
    }
    if not isinstance(outcome, Relaxed):
        return record | {"failed": str(outcome.reason.value)}
    return record | {
        "rms": judge(outcome.atoms),
        "energy": outcome.energy / len(atoms),
        "order": order_of_symmetry(outcome.atoms, space_group(outcome.atoms)),
    }


def name_of(atoms: ase.Atoms) -> str:
    """Of a reference, in its file."""
    return str(atoms.info.get("name", atoms.info.get("material_id", atoms.symbols)))


def facts_of(number: int, reference: ase.Atoms) -> dict[str, Any]:
    """What tables are grouped by."""
    return {
        "number": number,
        "formula": str(reference.symbols.formula),
        "name": name_of(reference),
        "atoms": len(reference),
        "elements": len(set(reference.numbers)),
        "system": crystal_system(space_group(reference).number),
    }


def read_records(file: Path) -> Iterator[dict[str, Any]]:
    """Compositions of a file; a line that was being written when a run ended is left out."""
    for line in file.read_text().splitlines() if file.is_file() else ():
        with suppress(json.JSONDecodeError):
            yield json.loads(line)


def run(
    ways: Sequence[Way], wanted: Mapping[int, ase.Atoms], arguments: argparse.Namespace
) -> None:
    """All ways of one composition after the other, so that a part of the work can be compared."""
    part, parts = arguments.part
    suffix = "" if parts == 1 else f".part{part}"
    files = {way.name: arguments.out / f"{way.name}{suffix}.jsonl" for way in ways}
    done: Mapping[str, set[int]] = {
        name: {record["number"] for record in read_records(file)} for name, file in files.items()
    }
    for number, reference in wanted.items():
        if number % parts != part % parts:
            continue
        todo = [way for way in ways if number not in done[way.name]]
        if not todo:
            continue
        judge, facts = Judge(reference), facts_of(number, reference)
        for way in todo:
            formula = str(reference.symbols.formula)
            own = relaxed(way, reference, np.random.default_rng(number), judge)
            found = search(way, number, judge, formula, arguments.seeds)
            with files[way.name].open("a") as stream:
                stream.write(json.dumps({**facts, "reference": own, "seeds": found}) + "\n")


def part_of(text: str) -> tuple[int, int]:
    part, parts = map(int, text.split("/"))
    if not 1 <= part <= parts:
        raise ValueError(text)
    return part, parts


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="crystals")
    parser.add_argument("--data", type=Path, required=True, help="known structures")
    parser.add_argument("--half", choices=("choose", "report", "all"), default="choose")
    parser.add_argument("--compositions", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=20, help="of each composition")
    parser.add_argument("--draw", type=int, default=0, help="seed of the draw of compositions")
    parser.add_argument("--names", type=Path, help="only these, as search_tables.py writes them")
    parser.add_argument("--ways", nargs="+", required=True, help="presets, or YAML files")
    parser.add_argument("--part", type=part_of, default=(1, 1), help="1/8 to 8/8 side by side")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        ways = open_ways(arguments, stack)
        species = set.intersection(*(set(way.facts.species) for way in ways))
        frames = references(
            arguments.data,
            None if arguments.half == "all" else arguments.half,
            species,
            arguments.draw,
            arguments.compositions,
        )
        wanted = dict(enumerate(frames))
        if arguments.names is not None:
            names = set(arguments.names.read_text().splitlines())
            wanted = {n: atoms for n, atoms in wanted.items() if name_of(atoms) in names}
        check_judge(list(wanted.values())[:_JUDGED])
        run(ways, wanted, arguments)


if __name__ == "__main__":
    main()
