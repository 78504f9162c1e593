"""Frames of a large extxyz file: one after the other, or any of them by itself.

A million frames don't fit into memory as objects; their positions in the file do.
"""

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import ase
import numpy as np
from numpy.typing import NDArray

from rm_lammps.errors import UserError

_AS_WRITTEN = "Give the --out folder of rm-generate, as it was written."


class FrameFile:
    """Random access to the frames of an extxyz file.

    Args:
        path: as ``rm-generate`` writes it.
        begin: first byte of each frame and the length of the file, shape (n + 1,).
    """

    def __init__(self, path: Path, begin: NDArray[np.int64]) -> None:
        self.path, self._begin = path, begin
        self._stream = path.open("rb")

    def __len__(self) -> int:
        return len(self._begin) - 1

    def text(self, number: int) -> bytes:
        """The frame as it stands in the file."""
        first, last = self._begin[number], self._begin[number + 1]
        self._stream.seek(int(first))
        return self._stream.read(int(last - first))

    def atoms(self, number: int) -> ase.Atoms:
        """The frame with its ``info``; E~ is at its calculator.

        Raises:
            UserError: it is damaged; names it.
        """
        return _parsed(self.text(number), self.path, number)

    def __iter__(self) -> Iterator[ase.Atoms]:
        return map(self.atoms, range(len(self)))

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def __enter__(self) -> "FrameFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class RawFrame:
    """A frame as it stands in a file."""

    text: bytes
    comment: str
    """Its second line."""
    symbols: Counter[str]
    """Atoms by element."""

    def info(self) -> dict[str, Any]:
        """What the comment line says, by ASE's parser."""
        from ase.io.extxyz import key_val_str_to_dict  # slow to import

        return key_val_str_to_dict(self.comment)


def parse(text: bytes) -> ase.Atoms:
    """One extxyz frame."""
    # without parallel=False ASE would broadcast over all ranks, which are not all here
    import ase.io  # slow to import

    return ase.io.read(io.StringIO(text.decode()), index=0, format="extxyz", parallel=False)


def _parsed(text: bytes, path: Path, number: int) -> ase.Atoms:
    try:
        atoms = parse(text)
        # neighbours of an atom at infinity are looked for without end
        if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
            raise ValueError("a coordinate or cell vector is not a finite number")
    except Exception as error:
        raise _damaged(path, number, error) from error
    return atoms


def _damaged(path: Path, number: int, error: Exception) -> UserError:
    # ASE raises whatever comes
    problem = f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else error
    return UserError(f"{path}, frame {number} is damaged: {problem}.", _AS_WRITTEN)


def with_note(text: bytes, note: bytes) -> bytes:
    """A frame with more at the end of its comment line.

    Args:
        text: as it stands in a file.
        note: what to add, with a space before it.
    """
    count, comment, atoms = text.split(b"\n", 2)
    return b"\n".join((count, comment.rstrip() + note, atoms))


def iterate(path: Path) -> Iterator[ase.Atoms]:
    """Frames one after the other, in memory for one frame.

    Raises:
        UserError: not an extxyz file; names the frame.
    """
    with path.open("rb") as stream:
        for number, frame in enumerate(raw_frames(stream, path)):
            atoms = _parsed(frame.text, path, number)
            atoms.info.setdefault("seed", number)
            yield atoms


def iterate_info(path: Path) -> Iterator[dict[str, Any]]:
    """What the frames' comment lines say, atoms left unread.

    Raises:
        UserError: not an extxyz file; names the frame.
    """
    with path.open("rb") as stream:
        for number, frame in enumerate(raw_frames(stream, path)):
            try:
                info = frame.info()
            except Exception as error:
                raise _damaged(path, number, error) from error
            yield info


def raw_frames(stream: BinaryIO, path: Path) -> Iterator[RawFrame]:
    """Frames of an open file, undecoded.

    Raises:
        UserError: not an extxyz file; names the frame.
    """
    number = 0
    while first := stream.readline():
        try:
            lines = [first] + [stream.readline() for _ in range(int(first) + 1)]
            if not lines[-1].endswith(b"\n") and stream.read(1):
                raise ValueError("it is cut off")
            symbols = Counter(line.split(None, 1)[0].decode() for line in lines[2:])
            comment = lines[1].decode()
        except (ValueError, IndexError) as error:
            raise UserError(
                f"{path}, frame {number}: not extended XYZ ({error}).",
                _AS_WRITTEN,
            ) from error
        yield RawFrame(b"".join(lines), comment, symbols)
        number += 1
