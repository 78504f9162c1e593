"""Atoms and regions as people name them."""

import re
from collections.abc import Sequence

import ase
import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from rm_lammps.errors import UserError
from rm_lammps.geometry import Array

Mask = NDArray[np.bool_]

_RANGE = re.compile(r"(\d+)(?:-(\d+))?")
_TAG = re.compile(r"tag=(\d+)")
_REGION = re.compile(r"([xyz])(?:([<>])(-?[\d.]+)|=(-?[\d.]+):(-?[\d.]+))")
_ALLOWED = (
    "Allowed are all, none, elements (Co), numbers of atoms from 0 (0-11), tags (tag=1) and "
    "regions in Å (z<5, z=2:7), with commas between them."
)


def select(words: Sequence[str], atoms: ase.Atoms) -> Mask:
    """Atoms that any of some words names.

    Args:
        words: ``all``, ``none``, elements, numbers or ranges of numbers of atoms from 0, ``tag=1``,
            or regions: ``z<5``, ``z>5``, ``z=2:7``.
        atoms: to choose from.

    Returns:
        Shape (n,).

    Raises:
        UserError: a word that means nothing, or names no atom.
    """
    mask = np.zeros(len(atoms), dtype=bool)
    for word in words:
        chosen = _chosen(word, atoms)
        if word != "none" and not chosen.any():
            raise UserError(
                f"{word!r} names no atom of the host {atoms.get_chemical_formula()}.", _ALLOWED
            )
        mask |= chosen
    return mask


def _chosen(word: str, atoms: ase.Atoms) -> Mask:
    if word in {"all", "none"}:
        return np.full(len(atoms), word == "all")
    if word in atomic_numbers:
        return np.asarray(atoms.numbers == atomic_numbers[word])
    if found := _RANGE.fullmatch(word):
        numbers = np.arange(len(atoms))
        return (int(found[1]) <= numbers) & (numbers <= int(found[2] or found[1]))
    if found := _TAG.fullmatch(word):
        return np.asarray(atoms.get_tags() == int(found[1]))
    return within([word], atoms.positions)


def within(words: Sequence[str], points: Array) -> Mask:
    """Points that are in all of some regions.

    Args:
        words: ``z<5``, ``z>5`` or ``z=2:7``, Å.
        points: shape (n, 3), Å.

    Returns:
        Shape (n,).

    Raises:
        UserError: a word that is no region.
    """
    mask = np.ones(len(points), dtype=bool)
    for word in words:
        found = _REGION.fullmatch(word)
        if found is None:
            raise UserError(f"{word!r} names neither atoms nor a region.", _ALLOWED)
        along = points[:, "xyz".index(found[1])]
        if found[2]:
            mask &= along < float(found[3]) if found[2] == "<" else along > float(found[3])
        else:
            mask &= (along >= float(found[4])) & (along <= float(found[5]))
    return mask
