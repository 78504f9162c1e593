"""Known structures among the 15 compounds on which USPEX and DiffCSP were compared.

Built from their structure types with published lattice parameters and coordinates (rounded); the
matcher's tolerances are far wider. Of the four that are missing no structure was at hand.
"""

import ase
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


def known_compounds() -> list[ase.Atoms]:
    """Conventional cells, Å; ``info["name"]`` is the formula of the cell that is asked for."""
    structures = []
    for name, (group, setting, (a, b, c, gamma), sites) in _SITES.items():
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
