"""Files of weights for the pair style's own kernel, which needs neither torch nor a compiler.

A file begins with lines of text, ``name value value ...``: the format, the model's elements and
cutoffs, the package it was made from, and the number of bytes that follow after an empty line.
These are as :mod:`rm_lammps.deployment.native` describes them. ``deploy/src/weights.cpp`` reads
the same format. Such files run on any CPU and stay valid with every version of torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rm_lammps.errors import UserError
from rm_lammps.files import replacing

_FIRST = "allegro-weights 1"


@dataclass(frozen=True)
class WeightsHeader:
    """What a file of weights says of its model."""

    species: list[str]
    r_max: float
    """The largest cutoff, Å."""
    package_sha256: str
    """Of the package that the weights were taken from."""


def write_weights(
    path: Path, header: WeightsHeader, cutoffs: Sequence[float], weights: bytes
) -> None:
    """Write a file of weights.

    Args:
        path: of the file.
        header: what it is.
        cutoffs: by [type of the central atom][type of the neighbour], row by row, Å.
        weights: serialised for the kernel.
    """
    lines = [
        _FIRST,
        f"type_names {' '.join(header.species)}",
        f"r_max {header.r_max!r}",
        f"cutoffs {' '.join(repr(float(cutoff)) for cutoff in cutoffs)}",
        f"package_sha256 {header.package_sha256}",
        f"bytes {len(weights)}",
    ]
    with replacing(path, "wb") as stream:
        stream.write(("\n".join(lines) + "\n\n").encode() + weights)


def read_header(path: Path) -> WeightsHeader:
    """Read what a file of weights is.

    Raises:
        UserError: it is none.
    """
    entries: dict[str, str] = {}
    try:
        with path.open("rb") as stream:
            lines = (line.decode(errors="replace").rstrip("\n") for line in stream)
            known = next(lines, "") == _FIRST
            for line in lines if known else ():
                name, _, value = line.partition(" ")
                if not name:
                    break
                entries[name] = value
        return WeightsHeader(
            entries["type_names"].split(), float(entries["r_max"]), entries["package_sha256"]
        )
    except (OSError, KeyError, ValueError) as error:
        raise UserError(
            f"{path} is no file of weights that this version reads: {error!r}.",
            "Write it again with rm-deploy.",
        ) from error
