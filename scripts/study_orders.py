"""Orders of alloys by E~ and by physical energies: part of docs/studies/inside.md.

    python scripts/study_orders.py energies ordered

``energies`` relaxes a compound's known order and its rival by E~ and by potentials. ``ordered``
finds orders from random decorations, ten seeds each: Cu3Au by an embedded-atom potential, mixed
from the universal functions of copper and gold (Foiles, Baskes and Daw), in cells of 16 atoms;
Al3Ni12Zn by one of nickel and aluminium, in which one aluminium then becomes zinc on E~.
"""

import sys
import tempfile
import time
from pathlib import Path

import ase
import numpy as np
from ase.io import write
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

import rm_lammps
from rm_lammps.potentials import potential_named

sys.path.insert(0, str(Path(__file__).parent / "bench"))
from inside import COPPER, EMBEDDED, ORDERING, POTENTIAL, STACKED, alike, ordered

_HARTREE_BOHR = 27.2 * 0.529
"""eV Å: by which funcfl files scale the product of effective charges."""


def stacked(first: str, second: str, a: float) -> ase.Atoms:
    """D0_22 of the composition AB3, its sites those of a face-centred cell."""
    sites = [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0), (0, 0, 0.5)]
    sites += [(x, 0.5 - x, z) for z in (0.25, 0.75) for x in (0, 0.5)]
    symbols = [first] * 2 + [second] * 6
    return ase.Atoms(symbols, scaled_positions=sites, cell=[a, a, 2 * a], pbc=True)


RIVALS = {
    "Cu3Au, L1_2": ordered("L1_2", "Au", "Cu", 3.75),
    "Cu3Au, D0_22": stacked("Au", "Cu", 3.75),
    "CuAu, L1_0": ordered("L1_0", "Au", "Cu", 3.9),
    "CuAu, B2": ordered("B2", "Au", "Cu", 3.08),
    "Ni3Al, L1_2": ordered("L1_2", "Al", "Ni", 3.57),
    "Ni3Al, D0_22": stacked("Al", "Ni", 3.57),
}


def mixed(file: Path) -> Path:
    """Write the universal functions of copper and gold as one eam/alloy file."""
    functions = [_read(POTENTIAL / name) for name in ("Cu_u3.eam", "Au_u3.eam")]
    r, rho = np.linspace(0, 5.55, 2000), 5.01e-4 * np.arange(500)
    lines = ["# universal functions", "# of copper and gold", "#", "2 Cu Au"]
    lines.append(f"{len(rho)} {rho[1]} {len(r)} {r[1]} {r[-1]}")
    for head, embedding, _, density in functions:
        lines += [head, *_rows(embedding(rho)), *_rows(density(r))]
    for k, (_, _, first, _) in enumerate(functions):
        for _, _, second, _ in functions[: k + 1]:
            lines += _rows(_HARTREE_BOHR * first(r) * second(r))
    file.write_text("\n".join(lines) + "\n")
    return file


def _read(file: Path) -> tuple:
    """Head, embedding function, effective charge and density of a funcfl file."""
    _, head, grid, *rest = file.read_text().splitlines()
    n_rho, d_rho, n_r, d_r, _ = map(float, grid.split())
    values = np.array(" ".join(rest).split(), dtype=float)
    parts = np.split(values, np.cumsum([n_rho, n_r]).astype(int))
    steps = (d_rho, d_r, d_r)

    def function(part: NDArray[np.float64], step: float, *, ends: bool) -> object:
        x = step * np.arange(len(part))
        spline = CubicSpline(x, part)
        return lambda at: np.where((at <= x[-1]) | (not ends), spline(np.minimum(at, x[-1])), 0.0)

    made = [
        function(part, step, ends=number > 0)
        for number, (part, step) in enumerate(zip(parts, steps, strict=True))
    ]
    return head, *made


def _rows(values: NDArray[np.float64]) -> list[str]:
    return [" ".join(f"{value:.14e}" for value in row) for row in values.reshape(-1, 5)]


def energies(embedded: dict) -> None:
    """Energies of rivals, each relaxed by what gives the energy."""
    print("| order | E~ | embedded atoms | chgnet | sevennet |")
    print("| --- | ---: | ---: | ---: | ---: |")
    judges = {name: potential_named(name) for name in ("chgnet", "sevennet")}
    tight = {"stages": [{"stage": "cell"}], "fmax": 0.02, "max_stress": 0.3}
    for name, atoms in RIVALS.items():
        term = {**EMBEDDED, "weight": 1.0} if "Ni" in name else embedded
        plain = rm_lammps.relax(atoms, model="crystals", protocol=tight)
        alone = {**tight, "terms": [term], "model_weight": 0.0}
        physical = rm_lammps.relax(atoms, model="crystals", protocol=alone)
        found = [plain.energy / len(atoms), physical.energy / len(atoms)]
        found += [judge.relaxed(atoms, fmax=0.03, steps=100).energy for judge in judges.values()]
        cells = " | ".join(f"{energy:.4f}" for energy in found)
        print(f"| {name} | {cells} |", flush=True)


def orderings(embedded: dict, folder: Path) -> None:
    """How many of ten random decorations become the known order."""
    print("| compound | of 10 as known | CPU s a seed |\n| --- | ---: | ---: |")
    lattice = {"kind": "lattice", "structure": str(folder / "sites.extxyz")}
    write(folder / "sites.extxyz", COPPER)
    begin = time.process_time()
    protocol = {
        "stages": [{**ORDERING, "number": 300, "temperature": 0.1}],
        "terms": [embedded],
        "model_weight": 0.0,
        "fmax": 0.05,
        "max_stress": 1.0,
    }
    run = {"model": "crystals", "num": 10, "seeds": lattice}
    found = rm_lammps.generate(**run, formula="Cu12Au4", protocol=protocol, out=folder / "Cu12Au4")
    hits = sum(alike(ordered("L1_2", "Au", "Cu", 3.75))(atoms) for atoms in found)
    print(f"| Cu12Au4 | {hits} | {(time.process_time() - begin) / 10:.2f} |", flush=True)

    write(folder / "sites.extxyz", COPPER.repeat((1, 1, 4)))
    begin, hits = time.process_time(), 0
    protocol = {
        "stages": [{**ORDERING, "temperature": 4.0}],
        "terms": [EMBEDDED],
        "fmax": 1.0,
        "max_stress": 20.0,
    }
    changed = {
        "stages": [
            {"stage": "cell"},
            {
                "stage": "transmute",
                "elements": ["Al", "Zn"],
                "limits": {"Zn": [0, 1]},
                "potentials": {"Zn": 10.0},
                "number": 20,
            },
        ],
        "fmax": 0.1,
        "max_stress": 2.0,
    }
    first = rm_lammps.generate(**run, formula="Ni12Al4", protocol=protocol, out=folder / "Ni12Al4")
    for number, atoms in enumerate(first):
        write(folder / "ordered.cif", atoms)
        again = {"kind": "perturbed", "structure": str(folder / "ordered.cif")}
        (last,) = rm_lammps.generate(
            model="crystals",
            formula="Ni12Al4",
            num=1,
            seeds={**again, "displacement": 0.01, "strain": 0.0},
            protocol=changed,
            out=folder / str(number),
        )
        hits += alike(STACKED)(last)
    print(f"| Al3Ni12Zn | {hits} | {(time.process_time() - begin) / 10:.2f} |", flush=True)


def main() -> None:
    """Print what is asked for."""
    with tempfile.TemporaryDirectory() as name:
        file = mixed(Path(name) / "CuAu.eam.alloy")
        embedded = {
            "term": "pair",
            "style": "eam/alloy",
            "coefficients": [f"* * {file} ELEMENTS"],
        }
        if "energies" in sys.argv:
            energies(embedded)
        if "ordered" in sys.argv:
            orderings(embedded, Path(name))


if __name__ == "__main__":
    main()
