"""Known crystals of 21 to 56 atoms a primitive cell, larger than what the model `crystals` saw.

Built from published lattice parameters and coordinates, rounded; the matcher's tolerances are far
wider. `check` compares their shortest distances with those that chemistry asks for.

    python scripts/bench/large_crystals.py large.extxyz
"""

import sys

import ase
import ase.io
import numpy as np
from ase.geometry import get_distances
from ase.spacegroup import crystal
from pymatgen.io.ase import AseAtomsAdaptor

from rm_lammps.systems.crystal_matcher import to_pymatgen

Site = tuple[str, tuple[float, float, float]]

_CRYSTALS: dict[str, tuple[int, int, tuple[float, ...], list[Site]]] = {
    # name: (space group, setting, lengths and angles, sites)
    "LiFePO4 olivine": (
        *(62, 1, (10.33, 6.01, 4.69, 90, 90, 90)),
        [
            ("Li", (0, 0, 0)),
            ("Fe", (0.282, 0.25, 0.975)),
            ("P", (0.095, 0.25, 0.418)),
            ("O", (0.097, 0.25, 0.743)),
            ("O", (0.457, 0.25, 0.206)),
            ("O", (0.166, 0.046, 0.285)),
        ],
    ),
    "Mg2SiO4 forsterite": (
        *(62, 1, (10.207, 5.98, 4.756, 90, 90, 90)),
        [
            ("Mg", (0, 0, 0)),
            ("Mg", (0.2774, 0.25, 0.9915)),
            ("Si", (0.094, 0.25, 0.4262)),
            ("O", (0.0913, 0.25, 0.7657)),
            ("O", (0.4474, 0.25, 0.2215)),
            ("O", (0.1628, 0.0331, 0.2777)),
        ],
    ),
    "Y2Ti2O7 pyrochlore": (
        *(227, 2, (10.09, 10.09, 10.09, 90, 90, 90)),
        [
            ("Y", (0.5, 0.5, 0.5)),
            ("Ti", (0, 0, 0)),
            ("O", (0.33, 0.125, 0.125)),
            ("O", (0.375, 0.375, 0.375)),
        ],
    ),
    "MgNi2 C36 Laves phase": (
        *(194, 1, (4.824, 4.824, 15.826, 90, 90, 120)),
        [
            ("Mg", (0, 0, 0.094)),
            ("Mg", (1 / 3, 2 / 3, 0.8442)),
            ("Ni", (0.5, 0, 0)),
            ("Ni", (0.1643, 0.3286, 0.25)),
            ("Ni", (1 / 3, 2 / 3, 0.1251)),
        ],
    ),
    "SiO2 coesite": (
        *(15, 1, (7.1356, 12.3692, 7.1736, 90, 120.34, 90)),
        [
            ("Si", (0.1403, 0.1083, 0.0723)),
            ("Si", (0.5068, 0.158, 0.5405)),
            ("O", (0, 0, 0)),
            ("O", (0.5, 0.1163, 0.75)),
            ("O", (0.2661, 0.1234, 0.9401)),
            ("O", (0.3114, 0.1038, 0.3282)),
            ("O", (0.0172, 0.2117, 0.4784)),
        ],
    ),
    "BaSO4 barite": (
        *(62, 1, (8.884, 5.457, 7.157, 90, 90, 90)),
        [
            ("Ba", (0.1845, 0.25, 0.1585)),
            ("S", (0.4375, 0.75, 0.1914)),
            ("O", (0.5875, 0.75, 0.1071)),
            ("O", (0.3176, 0.75, 0.0499)),
            ("O", (0.4194, 0.9704, 0.3118)),
        ],
    ),
    "NaZn13": (
        *(226, 1, (12.284, 12.284, 12.284, 90, 90, 90)),
        [("Na", (0.25, 0.25, 0.25)), ("Zn", (0, 0, 0)), ("Zn", (0, 0.1806, 0.1192))],
    ),
    "Cr23C6": (
        *(225, 1, (10.66, 10.66, 10.66, 90, 90, 90)),
        [
            ("Cr", (0, 0, 0)),
            ("Cr", (0.25, 0.25, 0.25)),
            ("Cr", (0.385, 0.385, 0.385)),
            ("Cr", (0, 0.165, 0.165)),
            ("C", (0.275, 0, 0)),
        ],
    ),
    "BaTiO3 6H": (
        *(194, 1, (5.723, 5.723, 13.965, 90, 90, 120)),
        [
            ("Ba", (0, 0, 0.25)),
            ("Ba", (1 / 3, 2 / 3, 0.097)),
            ("Ti", (0, 0, 0)),
            ("Ti", (1 / 3, 2 / 3, 0.845)),
            ("O", (0.518, 0.036, 0.25)),
            ("O", (0.835, 0.67, 0.076)),
        ],
    ),
    "Al2SiO5 andalusite": (
        *(58, 1, (7.798, 7.903, 5.557, 90, 90, 90)),
        [
            ("Al", (0.3705, 0.1391, 0.5)),
            ("Al", (0, 0, 0.2419)),
            ("Si", (0.246, 0.252, 0)),
            ("O", (0.4233, 0.3629, 0.5)),
            ("O", (0.4246, 0.3629, 0)),
            ("O", (0.103, 0.4003, 0)),
            ("O", (0.2305, 0.1339, 0.2394)),
        ],
    ),
    "NaZr2P3O12 NASICON": (
        *(167, 1, (8.804, 8.804, 22.758, 90, 90, 120)),
        [
            ("Na", (0, 0, 0)),
            ("Zr", (0, 0, 0.1456)),
            ("P", (0.2916, 0, 0.25)),
            ("O", (0.1856, 0.9854, 0.1953)),
            ("O", (0.1914, 0.1681, 0.0865)),
        ],
    ),
    "In2O3 bixbyite": (
        *(206, 1, (10.117, 10.117, 10.117, 90, 90, 90)),
        [
            ("In", (0.25, 0.25, 0.25)),
            ("In", (0.4662, 0, 0.25)),
            ("O", (0.3905, 0.1529, 0.3832)),
        ],
    ),
    "Ca5P3O12F fluorapatite": (
        *(176, 1, (9.367, 9.367, 6.884, 90, 90, 120)),
        [
            ("Ca", (1 / 3, 2 / 3, 0.0011)),
            ("Ca", (-0.0071, 0.2423, 0.25)),
            ("P", (0.369, 0.3985, 0.25)),
            ("O", (0.4849, 0.3273, 0.25)),
            ("O", (0.4667, 0.5875, 0.25)),
            ("O", (0.2575, 0.3421, 0.0705)),
            ("F", (0, 0, 0.25)),
        ],
    ),
    "Na4Al3Si3O12Cl sodalite": (
        *(218, 1, (8.882, 8.882, 8.882, 90, 90, 90)),
        [
            ("Na", (0.1777, 0.1777, 0.1777)),
            ("Al", (0.25, 0, 0.5)),
            ("Si", (0.25, 0.5, 0)),
            ("O", (0.139, 0.1494, 0.4383)),
            ("Cl", (0, 0, 0)),
        ],
    ),
}


def large_crystals() -> list[ase.Atoms]:
    """Primitive cells, Å; ``info["name"]`` says which."""
    found = []
    for name, (group, setting, cell, sites) in _CRYSTALS.items():
        conventional = crystal(
            [symbol for symbol, _ in sites],
            [place for _, place in sites],
            spacegroup=group,
            setting=setting,
            cellpar=list(cell),
            symprec=0.002,
        )
        primitive = to_pymatgen(conventional).get_primitive_structure()
        atoms = AseAtomsAdaptor.get_atoms(primitive, msonable=False)
        atoms.info = {"name": name}
        found.append(atoms)
    return found


if __name__ == "__main__":
    for atoms in large_crystals():
        distances = get_distances(atoms.positions, cell=atoms.cell, pbc=True)[1]
        d = np.where(distances < 0.1, np.inf, distances)
        print(
            atoms.info["name"],
            len(atoms),
            str(atoms.symbols.formula.reduce()),
            {s: round(float(d[atoms.symbols == s].min()), 2) for s in set(atoms.symbols)},
        )
    ase.io.write(sys.argv[1], large_crystals())
