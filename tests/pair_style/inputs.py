"""Parts of input scripts that the tests of the pair style share."""

import numpy as np

REAL = 23.060549  # kcal/mol of 1 eV
SHIFT_C = -1.5  # energy of an isolated C atom of the test models


def pair(file, elements="C", settings=""):
    return f"pair_style allegro {settings}\npair_coeff * * {file} {elements}\n"


def close(value, wanted, tolerance=1e-5):
    return np.abs(np.asarray(value) - wanted).max() <= tolerance * np.abs(wanted).max()


def diamond(n, types=1, atom_style="atomic", boundary="p p p"):
    return f"""
    units metal
    atom_style {atom_style}
    boundary {boundary}
    atom_modify map array
    lattice diamond 3.6
    region box block 0 {n} 0 {n} 0 {n}
    create_box {types} box
    # not on the upper faces, where only periodic boxes have no atoms
    region inside block -0.1 {n - 0.1} -0.1 {n - 0.1} -0.1 {n - 0.1}
    create_atoms 1 region inside
    mass * 12.011
    """
