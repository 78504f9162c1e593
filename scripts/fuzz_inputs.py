"""Inputs of fuzz.py: files as people, editors and networks spoil them."""

import csv
import gzip
import io
import random
import zipfile
from dataclasses import dataclass
from pathlib import Path

WATER = "3\nwater\nO 0.0 0.0 0.0\nH 0.96 0.0 0.0\nH -0.24 0.93 0.0\n"
SALT = (
    '2\nLattice="0 2.1 2.1 2.1 0 2.1 2.1 2.1 0" Properties=species:S:1:pos:R:3\n'
    "Mg 0.0 0.0 0.0\nO 2.1 2.1 2.1\n"
)
CIF = (
    "data_x\n_cell_length_a 3.9\n_cell_length_b 3.9\n_cell_length_c 3.9\n_cell_angle_alpha 90\n"
    "_cell_angle_beta 90\n_cell_angle_gamma 90\n_chemical_formula_sum 'Sr1 Ti1 O3'\nloop_\n"
    "_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n"
    "_atom_site_fract_z\n_atom_site_occupancy\nSr1 Sr 0.0 0.0 0.0 1\nTi1 Ti 0.5 0.5 0.5 1\n"
    "O1 O 0.5 0.5 0.0 1\nO2 O 0.5 0.0 0.5 1\nO3 O 0.0 0.5 0.5 1\n"
)
POSCAR = "NaCl\n1.0\n2.82 2.82 0\n2.82 0 2.82\n0 2.82 2.82\nNa Cl\n1 1\nDirect\n0 0 0\n.5 .5 .5\n"
TOKENS = (
    *("nan", "inf", "-inf", "1e400", "1,5", "0.5.5", "--", "D", "X", "13C", "Fe3+", "NULL", "٣"),
    *("-1", "0", "9" * 30, "é", "\0", "data_", "loop_", "3", "''", '"', "[", "{", ": ", "#", "₂"),
    "\ufeff",
)
YAML = (
    "model: diamond\nformula: C2\nnum: 2\nseed: 1\npreset: quick\nz: 1-2\n"
    "protocol:\n  fmax: 0.05\n  volume: [0.3, 3.0]\n  pressure: 1.0\nseeds:\n  volume: [0.9, 1.1]\n"
)
TRAINING = (
    "name: x\nmodel:\n  r_max: 4.0\noptimisation:\n  epochs: 3\nnoise:\n  displacement: 0.3\n"
)
TINY_TRAINING = """name: tiny
data: {supercell_atoms: [2, 8], samples_per_epoch: 8, validation_samples: 4}
model:
  r_max: 3.0
  l_max: 1
  num_scalar_features: 4
  num_tensor_features: 2
  mlp_width: 4
noise: {displacement: 0.3}
optimisation: {epochs: 1, batch_size: 4}
compile: false
"""
FORMULA = "CNaOHclFe0123456789()[]+-·. ₂³D\t"
Dice = random.Random


@dataclass(frozen=True)
class Examples:
    """The same structures in several formats."""

    molecule: str
    crystal: str
    cif: str
    poscar: str


OXIDES = Examples(WATER, SALT, CIF, POSCAR)
DIAMOND = Examples(
    "2\ncarbon\nC 0.0 0.0 0.0\nC 1.3 0.0 0.0\n",
    '2\nLattice="0 1.78 1.78 1.78 0 1.78 1.78 1.78 0" Properties=species:S:1:pos:R:3\n'
    "C 0.0 0.0 0.0\nC 0.89 0.89 0.89\n",
    "data_c\n_cell_length_a 2.52\n_cell_length_b 2.52\n_cell_length_c 2.52\n"
    "_cell_angle_alpha 60\n_cell_angle_beta 60\n_cell_angle_gamma 60\nloop_\n"
    "_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n"
    "_atom_site_fract_z\n_atom_site_occupancy\nC1 C 0.0 0.0 0.0 1\nC2 C 0.25 0.25 0.25 1\n",
    "C\n1.0\n0 1.78 1.78\n1.78 0 1.78\n1.78 1.78 0\nC\n2\nDirect\n0 0 0\n.25 .25 .25\n",
)


def mutated(dice: Dice, text: str) -> str:
    """The text with a few faults as people, editors and networks make them."""
    for _ in range(dice.choice((0, 1, 1, 2, 3))):
        lines = text.splitlines(keepends=True) or [""]
        place = dice.randrange(len(lines))
        words = lines[place].split(" ")
        how = dice.randrange(9)
        if how == 0:
            del lines[place]
        elif how == 1:
            lines.insert(place, lines[dice.randrange(len(lines))])
        elif how == 2:
            lines.insert(place, dice.choice(("\n", "  \n", "\t\n")))
        elif how == 3:
            words[dice.randrange(len(words))] = dice.choice(TOKENS)
            lines[place] = " ".join(words)
        elif how == 4:
            return "".join(lines)[: dice.randrange(len(text) + 1)]
        elif how == 5:
            other = dice.randrange(len(lines))
            lines[place], lines[other] = lines[other], lines[place]
        elif how == 6:
            lines[place] = dice.choice(TOKENS) + lines[place]
        elif how == 7:
            lines[place] = lines[place].rstrip("\n") + " " + dice.choice(TOKENS) + "\n"
        else:
            k = dice.randrange(len(text) + 1)
            text = text[:k] + chr(dice.randrange(1, 1000)) + text[k:]
            continue
        text = "".join(lines)
    return text


def encoded(dice: Dice, text: str) -> bytes:
    """Bytes as several systems write them."""
    how = dice.randrange(12)
    text = text.replace("\n", "\r\n") if how == 0 else text
    encoding = {1: "utf-8-sig", 2: "utf-16", 3: "latin-1"}.get(how, "utf-8")
    return text.encode(encoding, errors="replace")


def structure_file(
    dice: Dice, folder: Path, kinds: str = "xecsp", examples: Examples = OXIDES
) -> tuple[Path, str]:
    """A file of structures; returns it and its text."""
    kind = dice.choice(kinds)
    n = dice.randrange(1, 5)
    if kind == "x":
        name, text = "a.xyz", examples.molecule * n
    elif kind == "e":
        name, text = "a.extxyz", examples.crystal * n
    elif kind == "c":
        name, text = "a.cif", examples.cif * n
    elif kind == "p":
        name, text = "POSCAR", examples.poscar
    else:
        stream = io.StringIO()
        csv.writer(stream).writerows([["id", "cif"], *([k, examples.cif] for k in range(n))])
        name, text = "a.csv", stream.getvalue()
    text = mutated(dice, text)
    data = encoded(dice, text)
    how = dice.randrange(10)
    if how == 0:
        name, data = name + ".gz", gzip.compress(data)
    elif how == 1:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr(name, data)
        name, data = "a.zip", stream.getvalue()
    elif how == 2:
        name = dice.choice(("a", "a.txt", "a.xyz", "a.cif", "a.dat"))
    elif how == 3 and data:
        k = dice.randrange(len(data))
        data = data[:k] + bytes([dice.randrange(256)]) + data[k + 1 :]
        text = ""
    (folder / name).write_bytes(data)
    return folder / name, text


def held(text: str) -> int:
    """Structures that a text seems to hold, counted without reading it."""
    lines = text.splitlines()
    if any(line.lower().startswith("data_") for line in lines):
        # a block that begins where the one before it does is none
        begins = [n for n, line in enumerate(lines) if line.lower().startswith("data_")]
        return sum(n + 1 not in begins for n in begins)
    return sum(line.strip().isdecimal() and line.isascii() for line in lines)
