"""Run the scripts of lammps_inputs/examples with the shipped model and draw their pictures.

    python scripts/example_pictures.py [--ranks 2] [--out runs/examples] [NAME ...]

Pictures go to docs/examples/, one for each page there.
"""

import argparse
import subprocess
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.io.lammpsdata import write_lammps_data
from ase.visualize.plot import plot_atoms
from matplotlib.axes import Axes
from matplotlib.figure import Figure

CHECKOUT = Path(__file__).resolve().parents[1]
EXAMPLES = CHECKOUT / "lammps_inputs" / "examples"
NAMES = ("nvt", "npt", "elastic", "melt_quench", "hybrid_overlay", "energy_volume", "minimise_mine")
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
    axes.plot(step / 1000, lattice)
    axes.set(xlabel="time (ps)", ylabel="lattice constant (Å)")


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
    colours = np.array(["#d62728", "#ff7f0e", "#2ca02c", "#1f77b4", "#9467bd"])
    plot_atoms(atoms, axes, radii=0.4, colors=colours[np.clip(neighbours - 1, 0, 4)])
    shares = ", ".join(
        f"{n}-fold {np.mean(neighbours == n):.0%}" for n in np.unique(neighbours) if n > 1
    )
    axes.set_title(shares, fontsize=9)
    axes.set_axis_off()


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
        plot_atoms(atoms * (2, 2, 2), half, radii=0.3, rotation="10x,-15y")
        half.set_title(title, fontsize=9)
        half.set_axis_off()


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
