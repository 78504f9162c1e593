"""xyz files, plain, extended and QM9's: every frame that the file holds, or the line at fault."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import ase
import ase.io
from ase.data import atomic_numbers

from rm_lammps.chemistry.formula import read_label
from rm_lammps.datasets.comments import read_comment
from rm_lammps.datasets.format_error import FormatError

_PROPERTIES = re.compile(r"Properties\s*=\s*[\"']?([^\s\"']+)")
_SPECIES = frozenset({"species", "symbols", "element"})
_QM9_LINES = 3
"""Behind the atoms: frequencies, SMILES, InChI."""
_CELL_KEYS = frozenset({"lattice", "cell", "pbc"})


@dataclass
class _Frame:
    """Lines of one frame as ASE reads them."""

    line: int
    """Of the number of atoms, counted from 1."""
    lines: list[str]
    masses: dict[int, float] = field(default_factory=dict)
    """Of isotopes, g/mol, by atom."""

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def looks_like_xyz(lines: Sequence[str]) -> bool:
    """Whether the first lines are a number of atoms, a comment and an atom."""
    first = next((n for n, line in enumerate(lines) if line.strip()), None)
    if first is None or not lines[first].strip().isdecimal() or len(lines) < first + 3:
        return False
    if "Properties=" in lines[first + 1] or "Lattice=" in lines[first + 1]:
        return True
    words = lines[first + 2].split()
    return len(words) >= 4 and not _is_number(words[0]) and all(map(_is_number, words[1:4]))


def read_xyz(lines: Sequence[str]) -> list[tuple[ase.Atoms, int]]:
    """Read all frames; blank lines may stand between them.

    Args:
        lines: of the file.

    Returns:
        Structures in Å, each with the line on which it begins. Isotopes and ions are atoms of their
        element; isotopes keep their mass.

    Raises:
        FormatError: lines that are missing, too many or unreadable.
    """
    frames = _split(lines)
    found = _parse(frames)
    for frame, atoms in zip(frames, found, strict=True):
        _check_cell_keys(atoms, frame)
        if frame.masses:
            masses = atoms.get_masses()
            masses[list(frame.masses)] = list(frame.masses.values())
            atoms.set_masses(masses)
    return [(atoms, frame.line) for atoms, frame in zip(found, frames, strict=True)]


def _split(lines: Sequence[str]) -> list[_Frame]:
    frames: list[_Frame] = []
    place = 0
    while place < len(lines):
        if not lines[place].strip():
            place += 1
            continue
        try:
            frame, place = _frame(lines, place)
        except FormatError as error:
            error.frame = len(frames)
            raise
        frames.append(frame)
    return frames


def _frame(lines: Sequence[str], place: int) -> tuple[_Frame, int]:
    """The frame that begins at a line, and the line behind it."""
    head = lines[place].strip()
    if not head.isdecimal():
        raise FormatError(
            f"a number of atoms should stand here, found {_shown(head)}",
            line=place + 1,
            hint="Each frame is: number of atoms, comment, one line for each atom.",
        )
    n_atoms, begin = int(head), place + 2
    if begin + n_atoms > len(lines):
        raise FormatError(
            f"{n_atoms} atoms are announced, but the file ends after "
            f"{max(0, len(lines) - begin)}: it is truncated",
            line=place + 1,
        )
    comment = lines[place + 1].strip()
    frame = _Frame(place + 1, [head, comment])
    column, columns = _columns(comment)
    for index in range(n_atoms):
        line = lines[begin + index]
        words = line.split()
        if len(words) < columns or (len(words) > columns and column is not None):
            raise FormatError(
                f"{n_atoms} atoms are announced; this is no line of atom {index} with {columns} "
                f"columns: {_shown(line)}",
                line=begin + index + 1,
            )
        if "*^" in line or (column != -1 and words[column or 0] not in _ELEMENTS):
            line = _atom(words, column or 0, frame, index, begin + index + 1)
        frame.lines.append(line)
    end = begin + n_atoms
    while end < len(lines) and lines[end].lstrip().startswith("VEC"):
        frame.lines.append(lines[end])
        end += 1
    return frame, _behind_qm9(lines, end)


def _columns(comment: str) -> tuple[int | None, int]:
    """Column of the species (``None`` where nothing says so) and number of columns."""
    given = _PROPERTIES.search(comment)
    if given is None:
        return None, 4
    words = given.group(1).split(":")
    column = total = 0
    species = None
    for name, number in zip(words[::3], words[2::3], strict=False):
        if name in _SPECIES:
            species = total
        if not number.isdecimal():
            break
        total += int(number)
    column = -1 if species is None else species
    # a number that is none says nothing of how many follow
    return column, max(total, column + 1)


def _atom(words: list[str], column: int, frame: _Frame, index: int, line: int) -> str:
    """An atom's line with its element's symbol, and exponents as Python writes them."""
    if column >= 0 and words[column].capitalize() not in _ELEMENTS:
        try:
            words[column], mass = read_label(words[column])
        except ValueError as error:
            raise FormatError(
                f"{error} (atom {index})",
                line=line,
                hint="Write the symbol of an element; leave out ghosts and dummies.",
            ) from error
        if mass is not None:
            frame.masses[index] = mass
    return " ".join(words).replace("*^", "e")


def _behind_qm9(lines: Sequence[str], place: int) -> int:
    """Skip what QM9 has behind the atoms."""
    tail = [line.strip() for line in lines[place : place + _QM9_LINES]]
    if len(tail) == _QM9_LINES and tail[2].startswith("InChI="):
        return place + _QM9_LINES
    return place


def _parse(frames: Sequence[_Frame]) -> list[ase.Atoms]:
    text = "".join(frame.text() for frame in frames)
    try:
        found = ase.io.read(
            io.StringIO(text),
            index=":",
            format="extxyz",
            parallel=False,
            properties_parser=read_comment,
        )
    except Exception as error:
        raise _located(frames, error) from error
    if len(found) != len(frames):
        raise FormatError(f"{len(frames)} frames were counted, {len(found)} could be read")
    return list(found)


def _located(frames: Sequence[_Frame], error: Exception) -> FormatError:
    """The same error with its frame, found by reading one after the other."""
    for number, frame in enumerate(frames):
        problem = _problem(frame)
        if problem:
            return FormatError(problem, line=frame.line, frame=number)
    return FormatError(f"{type(error).__name__}: {error}")


def _problem(frame: _Frame) -> str:
    try:
        ase.io.read(io.StringIO(frame.text()), format="extxyz", parallel=False)
    except Exception as error:
        return str(error) or type(error).__name__
    return ""


def _check_cell_keys(atoms: ase.Atoms, frame: _Frame) -> None:
    """A cell under another name than Lattice must not make a crystal a molecule."""
    if atoms.cell.array.any():
        return
    found = next((key for key in atoms.info if str(key).lower() in _CELL_KEYS), None)
    if found is not None:
        raise FormatError(
            f"the comment has {found!r}, but no cell that can be read",
            line=frame.line + 1,
            hint='Write Lattice="ax ay az bx by bz cx cy cz" with a capital L.',
        )


def _is_number(word: str) -> bool:
    try:
        float(word.replace("*^", "e"))
    except ValueError:
        return False
    return True


def _shown(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:57] + "...")


_ELEMENTS = frozenset(atomic_numbers) - {"X"}
