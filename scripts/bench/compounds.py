"""Known structures among 15 compounds of the literature, and 25 compounds of textbooks.

The 15 are those on which USPEX and DiffCSP were compared; of the four that are missing no structure
was at hand. All are built from their structure types with published lattice parameters and
coordinates (rounded); the matcher's tolerances are far wider.
"""

import ase
import spglib
from ase.spacegroup import crystal

FIFTEEN = (
    *("Co2Sb2", "Sr2O4", "AlAg4", "YMg3", "Cr4Si4", "Sn4Pd4", "Ag6O2", "Co4B2", "Ba2Cd6"),
    *("Bi2F8", "KZnF3", "Cr3CuO8", "Bi4S4Cl4", "Si2C4N8", "Hg2S2O8"),
)
"""Jiao et al., NeurIPS 2023."""

_SITES = {
    # formula: (space group, setting, (a, b, c, gamma), sites)
    "Co2Sb2": (194, 1, (3.88, 3.88, 5.19, 120), {"Co": (0, 0, 0), "Sb": (1 / 3, 2 / 3, 0.25)}),
    "Sr2O4": (139, 1, (3.563, 3.563, 6.616, 90), {"Sr": (0, 0, 0), "O": (0, 0, 0.388)}),
    "YMg3": (
        225,
        1,
        (7.3, 7.3, 7.3, 90),
        {"Y": (0, 0, 0), "Mg": (0.25, 0.25, 0.25), "Mg2": 3 * (0.5,)},
    ),
    "Cr4Si4": (198, 1, (4.62, 4.62, 4.62, 90), {"Cr": 3 * (0.136,), "Si": 3 * (0.846,)}),
    "Sn4Pd4": (
        62,
        1,
        (6.13, 3.87, 6.32, 90),
        {"Pd": (0.007, 0.25, 0.188), "Sn": (0.182, 0.25, 0.59)},
    ),
    "Ag6O2": (
        162,
        1,
        (5.318, 5.318, 4.951, 120),
        {"Ag": (0.277, 0, 0.278), "O": (1 / 3, 2 / 3, 0)},
    ),
    "Co4B2": (140, 1, (5.015, 5.015, 4.22, 90), {"Co": (0.166, 0.666, 0), "B": (0, 0, 0.25)}),
    "KZnF3": (
        221,
        1,
        (4.055, 4.055, 4.055, 90),
        {"K": (0, 0, 0), "Zn": 3 * (0.5,), "F": (0.5, 0.5, 0)},
    ),
    "Bi4S4Cl4": (
        *(62, 1, (7.7, 4.0, 9.87, 90)),
        {"Bi": (0.119, 0.25, 0.124), "S": (0.84, 0.25, 0.05), "Cl": (0.508, 0.25, 0.828)},
    ),
    "Si2C4N8": (
        224,
        2,
        (6.188, 6.188, 6.188, 90),
        {"Si": 3 * (0.25,), "C": (0, 0, 0), "N": 3 * (0.116,)},
    ),
    # cell: Aurivillius and Stålhandske, Z. Kristallogr. 153, 121 (1980); sites: of HgSeO4, which
    # has this structure too, with oxygen at the distances from sulphur and mercury given there
    "Hg2S2O8": (
        *(31, 1, (6.572, 4.7779, 4.8119, 90)),
        {
            "Hg": (0, 0.148, 0.508),
            "S": (0, 0.663, 0.977),
            "O": (0, 0.696, 0.281),
            "O2": (0, 0.361, 0.918),
            "O3": (0.178, 0.802, 0.854),
        },
    ),
}


_TEXTBOOK = {
    # name: (space group, setting, (a, b, c, gamma), sites)
    "Si": (227, 1, (5.431, 5.431, 5.431, 90), {"Si": (0, 0, 0)}),
    "Ge": (227, 1, (5.658, 5.658, 5.658, 90), {"Ge": (0, 0, 0)}),
    "diamond": (227, 1, (3.567, 3.567, 3.567, 90), {"C": (0, 0, 0)}),
    "Al": (225, 1, (4.05, 4.05, 4.05, 90), {"Al": (0, 0, 0)}),
    "Fe": (229, 1, (2.866, 2.866, 2.866, 90), {"Fe": (0, 0, 0)}),
    "Mg": (194, 1, (3.209, 3.209, 5.211, 120), {"Mg": (1 / 3, 2 / 3, 0.25)}),
    "NaCl": (225, 1, (5.64, 5.64, 5.64, 90), {"Na": (0, 0, 0), "Cl": 3 * (0.5,)}),
    "MgO": (225, 1, (4.212, 4.212, 4.212, 90), {"Mg": (0, 0, 0), "O": 3 * (0.5,)}),
    "CsCl": (221, 1, (4.123, 4.123, 4.123, 90), {"Cs": (0, 0, 0), "Cl": 3 * (0.5,)}),
    "GaAs": (216, 1, (5.653, 5.653, 5.653, 90), {"Ga": (0, 0, 0), "As": 3 * (0.25,)}),
    "sphalerite": (216, 1, (5.409, 5.409, 5.409, 90), {"Zn": (0, 0, 0), "S": 3 * (0.25,)}),
    "ZnO": (
        *(186, 1, (3.25, 3.25, 5.207, 120)),
        {"Zn": (1 / 3, 2 / 3, 0), "O": (1 / 3, 2 / 3, 0.382)},
    ),
    "GaN": (
        *(186, 1, (3.189, 3.189, 5.185, 120)),
        {"Ga": (1 / 3, 2 / 3, 0), "N": (1 / 3, 2 / 3, 0.377)},
    ),
    "fluorite": (225, 1, (5.463, 5.463, 5.463, 90), {"Ca": (0, 0, 0), "F": 3 * (0.25,)}),
    "rutile": (136, 1, (4.594, 4.594, 2.959, 90), {"Ti": (0, 0, 0), "O": (0.305, 0.305, 0)}),
    "quartz": (
        *(154, 1, (4.913, 4.913, 5.405, 120)),
        {"Si": (0.4697, 0, 2 / 3), "O": (0.4135, 0.2669, 0.7858)},
    ),
    "corundum": (167, 1, (4.759, 4.759, 12.991, 120), {"Al": (0, 0, 0.352), "O": (0.306, 0, 0.25)}),
    "calcite": (
        *(167, 1, (4.99, 4.99, 17.061, 120)),
        {"Ca": (0, 0, 0), "C": (0, 0, 0.25), "O": (0.257, 0, 0.25)},
    ),
    "SrTiO3": (
        *(221, 1, (3.905, 3.905, 3.905, 90)),
        {"Sr": (0, 0, 0), "Ti": 3 * (0.5,), "O": (0.5, 0.5, 0)},
    ),
    "CaTiO3": (
        *(62, 1, (5.44, 7.643, 5.381, 90)),
        {
            "Ca": (0.036, 0.25, 0.993),
            "Ti": (0, 0, 0.5),
            "O": (0.483, 0.25, 0.071),
            "O2": (0.288, 0.037, 0.711),
        },
    ),
    "spinel": (
        *(227, 2, (8.083, 8.083, 8.083, 90)),
        {"Mg": 3 * (0.125,), "Al": 3 * (0.5,), "O": 3 * (0.2625,)},
    ),
    "olivine": (
        *(62, 1, (10.207, 5.98, 4.756, 90)),
        {
            "Mg": (0, 0, 0),
            "Mg2": (0.277, 0.25, 0.992),
            "Si": (0.094, 0.25, 0.426),
            "O": (0.092, 0.25, 0.766),
            "O2": (0.447, 0.25, 0.222),
            "O3": (0.163, 0.033, 0.278),
        },
    ),
    "pyrite": (205, 1, (5.416, 5.416, 5.416, 90), {"Fe": (0, 0, 0), "S": 3 * (0.385,)}),
    "LiCoO2": (
        *(166, 1, (2.816, 2.816, 14.04, 120)),
        {"Li": (0, 0, 0.5), "Co": (0, 0, 0), "O": (0, 0, 0.26)},
    ),
    "molybdenite": (
        *(194, 1, (3.16, 3.16, 12.3, 120)),
        {"Mo": (1 / 3, 2 / 3, 0.25), "S": (1 / 3, 2 / 3, 0.621)},
    ),
}


def known_compounds() -> list[ase.Atoms]:
    """Conventional cells, Å; ``info["name"]`` is the formula of the cell that is asked for."""
    return _built(_SITES)


def textbook_compounds() -> list[ase.Atoms]:
    """Primitive cells of 25 compounds, Å; ``info["name"]`` names them."""
    primitive = []
    for atoms in _built(_TEXTBOOK):
        cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
        lattice, sites, numbers = spglib.find_primitive(cell)
        primitive.append(ase.Atoms(numbers, scaled_positions=sites, cell=lattice, pbc=True))
        primitive[-1].info["name"] = atoms.info["name"]
    return primitive


def _built(table: dict[str, tuple]) -> list[ase.Atoms]:
    structures = []
    for name, (group, setting, (a, b, c, gamma), sites) in table.items():
        atoms = crystal(
            *([site.rstrip("23") for site in sites], list(sites.values())),
            spacegroup=group,
            setting=setting,
            cellpar=[a, b, c, 90, 90, gamma],
        )
        plain = ase.Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
        plain.info["name"] = name
        structures.append(plain)
    return structures
