"""The one way in for structures that a user gives: read whole, or refused with file and line."""

import bz2
import gzip
import io
import lzma
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import ase
import ase.io
from ase.io.formats import UnknownFileTypeError, filetype, ioformats

from rm_lammps.datasets.cif import looks_like_cif, read_cif
from rm_lammps.datasets.format_error import FormatError
from rm_lammps.datasets.structure_checks import check
from rm_lammps.datasets.tables import looks_like_table, read_table
from rm_lammps.datasets.xyz import looks_like_xyz, read_xyz
from rm_lammps.errors import UserError
from rm_lammps.systems import System

SOURCE = "read_from"
"""Key of ``Atoms.info`` under which a structure's file and frame are named in errors."""

_ALLOWED = (
    "Allowed: extxyz, CIF and every other format ASE reads, CSV with a column 'cif' (as CDVAE's), "
    "QM9-style xyz; plain or compressed; a zip of such files; or a folder of them, where names "
    "that begin with a dot or an underscore are left out."
)
_Found = list[tuple[ase.Atoms, int | None]]
_COMPRESSED: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ\x00": lzma.decompress,
}
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_ZIP = b"PK\x03\x04"
_TEXTUAL = frozenset({".cif", ".csv", ".xyz", ".extxyz"})
_HEAD = 4096
"""Bytes in which binary files show themselves."""


@dataclass(frozen=True)
class _Content:
    """A file's bytes, uncompressed."""

    where: str
    """How it is named in errors."""
    name: str
    """Without what stands for compression."""
    data: bytes
    path: Path | None
    """Where the bytes lie as they are."""


def read_structures(
    path: Path | str, system: System | None = None, *, overlaps: bool = False
) -> list[ase.Atoms]:
    """All structures in a file or folder, in the order of the file (folders: sorted by name).

    Args:
        path: a file that ASE reads, a CSV with a column ``cif``, a QM9-style xyz; each plain or
            compressed (gz, bz2, xz); a zip of such files; or a folder of them (read recursively,
            hidden files left out). Formats are told by content.
        system: what is wanted; ``None`` takes any, but one only.
        overlaps: take atoms that are too close to each other, too.

    Returns:
        Structures with positions and right-handed cells in Å. ``info[SOURCE]`` names file, frame
        (from 0) and line.

    Raises:
        UserError: something is missing, unreadable, disordered or otherwise impossible; names file,
            frame and line. Nothing is ever left out.

    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"No such data file or folder: {path}", _ALLOWED)
    files = sorted(f for f in path.rglob("*") if _is_data(f, path)) if path.is_dir() else [path]
    frames = [
        atoms for file in files for content in _contents(file) for atoms in _structures(content)
    ]
    if not frames:
        raise UserError(f"No structures found in {path}", _ALLOWED)
    check(frames, [str(a.info[SOURCE]) for a in frames], system, overlaps=overlaps)
    return frames


def _is_data(file: Path, root: Path) -> bool:
    parts = file.relative_to(root).parts
    return file.is_file() and not any(part.startswith((".", "_")) for part in parts)


def _contents(file: Path) -> Iterator[_Content]:
    """What a file holds: itself, or the members of an archive."""
    name = file.name
    try:
        data = file.read_bytes()
        for mark, decompress in _COMPRESSED.items():
            if data.startswith(mark):
                data = decompress(data)
                name = file.stem if file.suffix in {".gz", ".bz2", ".xz"} else name
                yield _Content(str(file), name, data, None)
                return
        if not data.startswith(_ZIP):
            yield _Content(str(file), name, data, file)
            return
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                parts = PurePosixPath(member.filename).parts
                if member.is_dir() or any(part.startswith((".", "_")) for part in parts):
                    continue
                inside = f"{file}/{member.filename}"
                yield _Content(inside, parts[-1], archive.read(member), None)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        problem = getattr(error, "strerror", None) or error
        raise UserError(f"Can't read {file}: {problem}", _ALLOWED) from error
    except (RuntimeError, NotImplementedError) as error:
        # of zip: encrypted, or compressed in another way
        raise UserError(f"Can't read {file}: {error}", "Give the files unpacked.") from error


def _structures(content: _Content) -> list[ase.Atoms]:
    try:
        found = _read(content)
    except FormatError as error:
        raise UserError(
            f"Can't read {content.where}{error.where()}: {error.problem}.", error.hint or _ALLOWED
        ) from error
    if not found:
        raise UserError(f"No structures found in {content.where}", _ALLOWED)
    for number, (atoms, line) in enumerate(found):
        place = "" if line is None else f" (line {line})"
        atoms.info[SOURCE] = f"{content.where}, frame {number}{place}"
        atoms.calc = None
    return [atoms for atoms, _ in found]


def _read(content: _Content) -> _Found:
    text = _text(content.data)
    suffix = PurePosixPath(content.name).suffix.lower()
    if text is None:
        _refuse_spoiled_text(content.data, suffix)
        return _read_ase(content, None)
    lines = text.removesuffix("\n").split("\n")
    if looks_like_cif(lines):
        return read_cif(text)
    if looks_like_table(lines) or suffix == ".csv":
        return read_table(text)
    if suffix == ".cif":
        raise FormatError("it is no CIF: nothing opens a block with data_", line=1)
    if looks_like_xyz(lines) or suffix in {".xyz", ".extxyz"}:
        return [(atoms, line) for atoms, line in read_xyz(lines)]
    return _read_ase(content, text)


def _refuse_spoiled_text(data: bytes, suffix: str) -> None:
    """Refuse text with a byte that no text has: ASE would read it as far as that goes.

    Raises:
        FormatError: it is such text.
    """
    head = data.replace(b"\0", b"").decode("utf-8", errors="replace").split("\n")
    if suffix in _TEXTUAL or looks_like_cif(head):
        line = data[: data.index(b"\0")].count(b"\n") + 1
        raise FormatError("it has a byte 0, which no text has", line=line)


def _text(data: bytes) -> str | None:
    """The bytes as text with plain line ends; ``None`` for a binary file."""
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), None)
    if encoding is None and b"\0" in data[:_HEAD]:
        return None
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        # names of authors in old files; symbols and numbers are ASCII in all of them
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read_ase(content: _Content, text: str | None) -> _Found:
    """Every other format, by name or else by content."""
    name = _format_name(content)
    stream: io.StringIO | io.BytesIO | Path
    if text is not None and not ioformats[name].isbinary:
        stream = io.StringIO(text)
    else:
        stream = io.BytesIO(content.data)
    if not ioformats[name].acceptsfd:
        if content.path is None:
            raise FormatError(f"files of format {name} can be read unpacked only")
        stream = content.path
    if name == "vasp" and text is not None:
        _check_poscar(text.split("\n"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frames = ase.io.read(stream, index=":", format=name, parallel=False)
    except Exception as error:
        # ASE's readers raise whatever comes
        raise FormatError(
            f"as {ioformats[name].description}: {type(error).__name__}: {error}"
        ) from error
    found: Sequence[ase.Atoms] = frames if isinstance(frames, list) else [frames]
    return [(atoms, None) for atoms in found]


def _format_name(content: _Content) -> str:
    try:
        name = filetype(content.name, read=False)
        if name in ioformats:
            return str(name)
        name = filetype(io.BytesIO(content.data))
    except (UnknownFileTypeError, ValueError) as error:
        raise FormatError("its format is not known") from error
    if name not in ioformats:
        raise FormatError("its format is not known")
    return str(name)


def _check_poscar(lines: Sequence[str]) -> None:
    """A POSCAR holds one structure: ASE reads the first of several and says nothing."""
    for number, line in enumerate(lines[8:], start=9):
        words = line.split()
        if words and not _numeric(words[0]) and not _is_mode(line):
            raise FormatError(
                f"something stands behind the atoms: {line.strip()!r}",
                line=number,
                hint="A POSCAR holds one structure: give several as several files of a folder.",
            )


def _is_mode(line: str) -> bool:
    return line.strip()[:1].lower() in {"d", "c", "k", "s"} and len(line.split()) <= 2


def _numeric(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
