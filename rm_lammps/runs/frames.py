"""Frames of a large extxyz file: one pass for what sorts them, then any frame by itself.

A million frames don't fit into memory as objects; their positions in the file do.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd, isfinite
from pathlib import Path
from typing import Any, BinaryIO

import ase
import ase.io
import numpy as np
from ase.io.extxyz import key_val_str_to_dict
from numpy.typing import NDArray

from rm_lammps.errors import UserError


@dataclass(frozen=True)
class FrameTable:
    """What the first pass learns, one row a frame in the order of the file."""

    begin: NDArray[np.int64]
    """First byte of each frame, and behind them the length of the file, shape (n + 1,)."""
    seed: NDArray[np.int64]
    """Number of the seed; the frame's number where it has none."""
    energy: NDArray[np.float64]
    """E~, pseudo-eV per atom."""
    volume: NDArray[np.float64]
    """Å³ per atom."""
    composition: NDArray[np.int64]
    """Index into ``formulas``."""
    formulas: tuple[str, ...]
    """Reduced formulas: equal crystals share one, whatever cell they are described in."""
    share: NDArray[np.float64]
    """Of known structures' votes, those for the one that the seed began from; 0 for other seeds."""

    def __len__(self) -> int:
        return len(self.seed)

    def order(self) -> NDArray[np.int64]:
        """Frames by composition, then E~, then seed: the same for any order of the file."""
        names = np.argsort(np.argsort(np.array(self.formulas, dtype=str)))
        group = names[self.composition] if len(self) else self.composition
        return np.lexsort((self.seed, self.energy, group))


class FrameFile:
    """Random access to the frames of an extxyz file.

    Args:
        path: as ``rm-generate`` writes it.
        begin: first byte of each frame and the length of the file, shape (n + 1,).
    """

    def __init__(self, path: Path, begin: NDArray[np.int64]) -> None:
        self.path, self._begin = path, begin
        self._stream = path.open("rb")

    def text(self, number: int) -> bytes:
        """The frame as it stands in the file."""
        first, last = self._begin[number], self._begin[number + 1]
        self._stream.seek(int(first))
        return self._stream.read(int(last - first))

    def atoms(self, number: int) -> ase.Atoms:
        """The frame with its ``info``; E~ is at its calculator."""
        return parse(self.text(number))

    def __enter__(self) -> "FrameFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def parse(text: bytes) -> ase.Atoms:
    """One extxyz frame."""
    # without parallel=False ASE would broadcast over all ranks, which are not all here
    return ase.io.read(io.StringIO(text.decode()), index=0, format="extxyz", parallel=False)


def iterate(path: Path) -> Iterator[ase.Atoms]:
    """Frames one after the other, in memory for one frame."""
    with path.open("rb") as stream:
        for number, (text, _, _) in enumerate(_raw_frames(stream, path)):
            atoms = parse(text)
            atoms.info.setdefault("seed", number)
            yield atoms


def iterate_info(path: Path) -> Iterator[dict[str, Any]]:
    """What the frames' comment lines say, atoms left unread."""
    with path.open("rb") as stream:
        for _, header, _ in _raw_frames(stream, path):
            yield key_val_str_to_dict(header)


def read_table(path: Path) -> FrameTable:
    """Go once through the file.

    Raises:
        UserError: not an extxyz file of converged structures; names the frame.
    """
    begin, rows = [0], []
    numbers: dict[str, int] = {}
    try:
        with path.open("rb") as stream:
            for number, (text, header, symbols) in enumerate(_raw_frames(stream, path)):
                begin.append(begin[-1] + len(text))
                composition = numbers.setdefault(reduced_formula(symbols), len(numbers))
                rows.append((*_facts(header, sum(symbols.values()), path, number), composition))
    except OSError as error:
        raise UserError(f"Can't read {path}: {error}") from error
    table = np.array(rows, dtype=float).reshape(-1, 5)
    return FrameTable(
        begin=np.array(begin, dtype=np.int64),
        seed=table[:, 0].astype(np.int64),
        energy=table[:, 1],
        volume=table[:, 2],
        composition=table[:, 4].astype(np.int64),
        formulas=tuple(numbers),
        share=table[:, 3],
    )


def reduced_formula(symbols: Counter[str]) -> str:
    """Formula divided by its greatest common divisor, elements by alphabet."""
    divisor = gcd(*symbols.values())
    return "".join(f"{name}{symbols[name] // divisor}" for name in sorted(symbols))


def _raw_frames(stream: BinaryIO, path: Path) -> Iterator[tuple[bytes, str, Counter[str]]]:
    """Text, comment line and elements of each frame."""
    number = 0
    while first := stream.readline():
        try:
            lines = [first] + [stream.readline() for _ in range(int(first) + 1)]
            if not lines[-1].endswith(b"\n") and stream.read(1):
                raise ValueError("it is cut off")
            symbols = Counter(line.split(None, 1)[0].decode() for line in lines[2:])
            header = lines[1].decode()
        except (ValueError, IndexError) as error:
            raise UserError(
                f"{path}, frame {number}: not extended XYZ ({error}).",
                "Give the --out folder of rm-generate, as it was written.",
            ) from error
        yield b"".join(lines), header, symbols
        number += 1


def _facts(header: str, n_atoms: int, path: Path, number: int) -> tuple[float, float, float, float]:
    """Seed, E~ per atom, volume per atom and share of the prototype of a frame."""
    info = {key: value.strip('"') for key, value in _NEEDED.findall(header)}
    try:
        if "energy_per_atom" in info:
            energy = float(info["energy_per_atom"])
        else:
            energy = float(info["energy"]) / n_atoms
        # frames of molecules have no lattice, and no volume
        a, b, c, d, e, f, g, h, i = map(float, info.get("Lattice", "0 " * 9).split())
        volume = abs(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)) / n_atoms
        if not (isfinite(energy) and isfinite(volume)):
            raise ValueError("E~ or volume is not a finite number")
        seed, share = int(info.get("seed", number)), float(info.get("prototype_share", 0))
        return seed, energy, volume, share
    except (KeyError, ValueError) as error:
        raise UserError(
            f"{path}, frame {number}: no usable E~ or lattice ({error}).",
            "Frames need energy_per_atom or energy in their comment line, as rm-generate writes.",
        ) from error


# ASE's parser takes ten times as long, which counts where one rank reads a million lines
_NEEDED = re.compile(r'(?:^|\s)(Lattice|energy_per_atom|energy|seed|prototype_share)=("[^"]*"|\S+)')
