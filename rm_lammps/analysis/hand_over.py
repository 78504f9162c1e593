"""Crystals as the input of a calculation: CIF, POSCAR, folders for VASP."""

import io
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import ase
from ase.io.cif import write_cif

from rm_lammps.analysis.standard_cells import elements_together, symmetrised
from rm_lammps.errors import UserError
from rm_lammps.files import cannot_write
from rm_lammps.geometry.symmetry import EXACT, SYMPREC, space_group


@dataclass(frozen=True)
class HandOver:
    """In what cells crystals are handed over."""

    cell: str = "relaxed"
    """``relaxed``: as they are. ``conventional`` or ``primitive``: standard cells, symmetrised."""
    symprec: float = SYMPREC
    """How far atoms may be from their ideal sites, Å."""
    vasp_set: str = "MPRelaxSet"
    """Class of ``pymatgen.io.vasp.sets``."""

    def of(self, atoms: ase.Atoms) -> ase.Atoms:
        """A crystal in the cell that is wanted."""
        if self.cell == "relaxed":
            return atoms
        return symmetrised(atoms, self.symprec, to_primitive=self.cell == "primitive")

    def said(self, atoms: ase.Atoms) -> str:
        """What was done to a crystal, for a comment in ASCII."""
        if self.cell == "relaxed":
            return "as relaxed"
        group = space_group(atoms, self.symprec)
        return f"{self.cell} cell, symmetrised to {self.symprec:g} Angstrom: {group}"


def cif_text(atoms: ase.Atoms, name: str, hand_over: HandOver = HandOver()) -> str:
    """CIF of a crystal.

    Args:
        atoms: the crystal, Å.
        name: becomes the data block's.
        hand_over: as relaxed and primitive: P1, atoms in their order. Conventional: with space
            group, its operations and the atoms of the asymmetric unit alone.
    """
    cell = hand_over.of(atoms)
    if hand_over.cell == "conventional" and space_group(atoms, hand_over.symprec).number > 1:
        from pymatgen.io.cif import CifWriter

        from rm_lammps.systems.crystal_matcher import to_pymatgen

        # the cell is symmetrised already, and exact
        text = str(CifWriter(to_pymatgen(cell), symprec=EXACT))
        block = next(line for line in text.splitlines() if line.startswith("data_"))
    else:
        stream = io.BytesIO()
        write_cif(stream, [ase.Atoms(cell)])
        text, block = stream.getvalue().decode(), "data_image0"
    return f"# {hand_over.said(atoms)}\n" + text.replace(block, f"data_{name}", 1)


def poscar_text(atoms: ase.Atoms, name: str, hand_over: HandOver = HandOver()) -> str:
    """POSCAR of a crystal, elements together, in fractional coordinates.

    Args:
        atoms: the crystal, Å.
        name: goes into the first line.
        hand_over: in what cell.
    """
    from pymatgen.io.vasp import Poscar

    from rm_lammps.systems.crystal_matcher import to_pymatgen

    cell = _together(hand_over.of(atoms))
    return Poscar(to_pymatgen(cell), comment=f"{name}: {hand_over.said(atoms)}").get_str()


def _together(atoms: ase.Atoms) -> ase.Atoms:
    """Atoms of an element one after the other, elements in order of appearance."""
    return atoms[elements_together(atoms.numbers, atoms.numbers)]


def write_vasp(frames: Iterable[tuple[str, ase.Atoms]], folder: Path, hand_over: HandOver) -> None:
    """Write a folder with INCAR, KPOINTS, POSCAR and POTCAR.spec for each crystal.

    ``POTCAR.spec`` names the potentials that the set is made for; their files have a licence and
    are the user's.

    Args:
        frames: crystals and the names of their folders.
        folder: that they go into; replaced.
        hand_over: in what cell, and which input set.

    Raises:
        UserError: pymatgen has no such set, it is not made for these elements, or there is no room.
    """
    from pymatgen.io.vasp import sets

    from rm_lammps.systems.crystal_matcher import to_pymatgen

    kind = getattr(sets, hand_over.vasp_set, None)
    if not isinstance(kind, type) or not issubclass(kind, sets.VaspInputSet):
        known = [name for name in dir(sets) if name.startswith("M") and name.endswith("Set")]
        raise UserError(
            f"pymatgen.io.vasp.sets has no input set {hand_over.vasp_set!r}.",
            f"It has, among others, {', '.join(known)}.",
        )
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        for name, atoms in frames:
            cell = to_pymatgen(_together(hand_over.of(atoms)))
            try:
                kind(cell).write_input(partial / name, potcar_spec=True)
            except (KeyError, ValueError, TypeError) as error:
                raise UserError(
                    f"{hand_over.vasp_set} makes no input for {name}: {error}",
                    "Give another --vasp-set, or POSCARs alone by --format poscar.",
                ) from error
            (partial / name / "POSCAR").write_text(poscar_text(atoms, name, hand_over))
        partial.mkdir(exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        partial.replace(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
