"""Run the scripts of lammps_inputs/examples with the shipped model and draw their pictures.

    python scripts/example_pictures.py [--ranks 2] [--out runs/examples] [NAME ...]

Pictures go to docs/examples/, one for each page there. Structures are drawn by OVITO
(``pip install ovito``).
"""

import argparse
import subprocess
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.io.lammpsdata import write_lammps_data
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from rendering import put
from scipy.ndimage import uniform_filter1d

CHECKOUT = Path(__file__).resolve().parents[1]
EXAMPLES = CHECKOUT / "lammps_inputs" / "examples"
NAMES = ("nvt", "npt", "elastic", "melt_quench", "hybrid_overlay", "energy_volume", "minimise_mine")
AVERAGED = 11
SERIAL = {"elastic", "energy_volume", "minimise_mine", "hybrid_overlay"}


def run(name: str, out: Path, bundle: str, ranks: int) -> Path:
    """Run one example in a folder of its own."""
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    if name == "minimise_mine":
        write_lammps_data(folder / "my.data", _noisy(), masses=True)
    command = ["lmp", "-in", str(EXAMPLES / f"{name}.in"), "-var", "rm_bundle", bundle]
    if name not in SERIAL:
        command = ["mpirun", "-n", str(ranks), *command]
    with (folder / "screen.txt").open("w") as screen:
        subprocess.run(command, cwd=folder, stdout=screen, check=True)
    return folder


def _noisy() -> Atoms:
    atoms = bulk("C", cubic=True)
    atoms.positions += 0.35 * np.random.default_rng(3).standard_normal(atoms.positions.shape)
    return atoms


def draw_nvt(folder: Path, axes: Axes) -> None:
    rdf = np.loadtxt(folder / "rdf.txt", skiprows=4)
    axes.plot(rdf[:, 1], rdf[:, 2])
    axes.set(xlabel="r (Å)", ylabel="g(r) at 300 K")


def draw_npt(folder: Path, axes: Axes) -> None:
    step, _, lattice = np.loadtxt(folder / "npt.txt").T
    mean = lattice[len(lattice) // 3 :].mean()
    axes.plot(step / 1000, lattice, color="0.75", label="every 50 steps")
    axes.plot(step / 1000, uniform_filter1d(lattice, AVERAGED), label=f"mean of {AVERAGED}")
    axes.axhline(mean, color="C1", linestyle="--", label=f"mean of the last two thirds: {mean:.3f}")
    axes.set(xlabel="time (ps)", ylabel="lattice constant (Å)")
    axes.legend(frameon=False, fontsize=8)


def draw_elastic(folder: Path, axes: Axes) -> None:
    lines = [line.split() for line in (folder / "elastic.txt").read_text().splitlines()[1:]]
    found = {words[0]: float(words[-1]) for words in lines}
    lam, mu = 0.3 / (1.3 * 0.4) * 160.2, 160.2 / 2.6
    taught = {"C11": lam + 2 * mu, "C12": lam, "C44": mu}
    place = np.arange(3)
    axes.bar(place - 0.2, [taught[c] for c in found], 0.4, label="taught", color="0.75")
    axes.bar(place + 0.2, list(found.values()), 0.4, label="learned")
    axes.set_xticks(place, list(found))
    axes.set(ylabel="GPa of E~")
    axes.legend(frameon=False)


def draw_melt_quench(folder: Path, axes: Axes) -> None:
    atoms = ase.io.read(folder / "amorphous.txt", format="lammps-dump-text")
    atoms.numbers[:] = 6
    neighbours = np.loadtxt(folder / "amorphous.txt", skiprows=9)[:, 5].astype(int)
    colours = np.array([to_rgb(name) for name in ("C3", "C1", "C2", "C0", "C4")])
    kinds = np.clip(neighbours, 1, 5)
    put(atoms, axes, colours=colours[kinds - 1], longest=1.9, radius=0.4)
    handles = [
        Line2D(
            [], [], marker="o", linestyle="", color=colours[n - 1], label=f"{n}-fold {share:.0%}"
        )
        for n in np.unique(kinds)
        if (share := np.mean(kinds == n)) > 0.005
    ]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1, 0.8), frameon=False)


def draw_hybrid_overlay(folder: Path, axes: Axes) -> None:
    time, kinetic, learned, zbl, _ = np.loadtxt(folder / "collision.txt").T
    for values, label in ((kinetic, "kinetic"), (learned - learned[0], "learned"), (zbl, "ZBL")):
        axes.plot(1000 * time, values, label=label)
    axes.set(xlabel="time (fs)", ylabel="energy (eV)")
    axes.legend(frameon=False)


def draw_energy_volume(folder: Path, axes: Axes) -> None:
    volume, energy, _ = np.loadtxt(folder / "ev.txt", encoding="utf-8").T
    axes.plot(volume, energy, "o-")
    axes.axvline(3.567**3 / 8, color="0.8")
    axes.set(xlabel="volume per atom (Å³)", ylabel="E~ per atom (pseudo-eV)")


def draw_minimise_mine(folder: Path, axes: Axes) -> None:
    axes.set_axis_off()
    halves = axes.get_figure().subplots(1, 2)
    for half, name, title in zip(
        halves, ("my.data", "minimised.data"), ("noisy", "minimised"), strict=True
    ):
        atoms = ase.io.read(folder / name, format="lammps-data")
        atoms.numbers[:] = 6
        put(atoms, half, repeat=(2, 2, 2), longest=1.85, radius=0.35)
        half.set_title(title, fontsize=9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/examples"))
    options = parser.parse_args()
    deployed = subprocess.run(["rm-deploy", "diamond"], capture_output=True, text=True, check=True)
    bundle = deployed.stdout.splitlines()[-1]
    for name in options.names:
        folder = run(name, options.out.resolve(), bundle, options.ranks)
        figure = Figure(figsize=(4.6, 3.2), layout="constrained")
        globals()[f"draw_{name}"](folder, figure.subplots())
        figure.savefig(CHECKOUT / "docs" / "examples" / f"{name}.png", dpi=110)


if __name__ == "__main__":
    main()
