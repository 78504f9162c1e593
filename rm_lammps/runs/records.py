"""The record of a finished seed: what it was, how it ended, and its line on disk.

A line is one JSON object that ends with a checksum of itself: one that a kill or a crash of the
node cut off does not count.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import ase
import numpy as np

from rm_lammps.relaxation.outcome import Failure, Reason, Relaxed
from rm_lammps.runs import frame_keys

Fact = str | int | float
"""What a kind of seed may say of a seed: a number or a short text."""

_KNOWN = ("seed_kind", "prototype", "prototype_share")
_START = b'{"seed": '
_AFTER_HEAD = b', "numbers": '
_SUFFIX = ', "crc": "%08x"}\n'
_SUFFIX_LENGTH = len(_SUFFIX % 0)


@dataclass(frozen=True)
class Origin:
    """Where a seed came from.

    Raises:
        ValueError: the name of a fact means something else in records or frames.
    """

    seed_kind: str | None = None
    """Its kind; ``None`` for a seed that killed its process."""
    prototype: int | None = None
    """Place of the known structure that it began from, among those that suit."""
    prototype_share: float | None = None
    """Share of the known structures' votes that are for this one, 0 to 1."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    """What else its kind says of it, by name."""

    def __post_init__(self) -> None:
        taken = sorted(_TAKEN & set(self.facts))
        if taken:
            raise ValueError(f"A kind of seed can't name a fact {', '.join(taken)}: that is taken.")

    @property
    def prior(self) -> float:
        """How likely the seed's kind of structure is for its composition, 0 where it says nothing.

        The share of votes of a known structure, or the fact ``prior`` of another kind of seed.
        """
        if self.prototype_share is not None:
            return self.prototype_share
        prior = self.facts.get("prior", 0.0)
        return 0.0 if isinstance(prior, str) else float(prior)

    @classmethod
    def from_named(cls, named: Mapping[str, Any]) -> "Origin":
        """Take what is known from values by name, as they stand in a record or a frame.

        Args:
            named: may hold the fields of records and frames too, which are left out.
        """
        facts = {name: _plain(value) for name, value in named.items() if name not in _TAKEN}
        known = {name: _plain(named[name]) for name in _KNOWN if name in named}
        return cls(**known, facts=facts)

    def named(self) -> dict[str, Fact]:
        """Values by name, those that are there."""
        known = {name: getattr(self, name) for name in _KNOWN}
        return {**{name: v for name, v in known.items() if v is not None}, **self.facts}


@dataclass(frozen=True)
class SeedRecord:
    """A finished seed."""

    seed: int
    """Its number, from 0; with the run's own seed it says all there is to say of the start."""
    formula: str
    """Content of its cell."""
    origin: Origin
    outcome: Relaxed | Failure
    """A converged structure, or why there is none."""
    seconds: float
    """That it took on its ranks."""
    run: str | None = None
    """Name of its run, where a folder holds several."""

    @property
    def converged(self) -> bool:
        """Whether it ended as a structure."""
        return isinstance(self.outcome, Relaxed)

    @property
    def evaluations(self) -> int:
        """Energy and force evaluations that it took."""
        return self.outcome.evaluations

    def plain(self) -> dict[str, Any]:
        """The record as plain data, in the order of its line."""
        outcome = self.outcome
        record: dict[str, Any] = {
            "seed": self.seed,
            "formula": self.formula,
            **self.origin.named(),
            "evaluations": outcome.evaluations,
            "seconds": round(self.seconds, 4),
        }
        if isinstance(outcome, Failure):
            record |= {"reason": outcome.reason.value, "detail": outcome.detail}
            return record if self.run is None else {**record, "run": self.run}
        atoms = outcome.atoms
        return {
            **record,
            "energy": outcome.energy,
            **({"terms": dict(outcome.terms)} if outcome.terms else {}),
            "fmax": outcome.fmax,
            "max_stress": outcome.max_stress,
            "numbers": atoms.numbers.tolist(),
            "positions": atoms.positions.tolist(),
            "cell": atoms.cell.array.tolist() if atoms.pbc.any() else None,
            **_partly_periodic(atoms),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "SeedRecord":
        """The record that :meth:`plain` gave, with or without the checksum of its line.

        Raises:
            KeyError: a field is missing.
            ValueError: a reason that there is none of.
        """
        outcome: Relaxed | Failure
        if "reason" in plain:
            outcome = Failure(Reason(plain["reason"]), plain["detail"], plain["evaluations"])
        else:
            cell = plain["cell"]
            pbc = plain.get("pbc", cell is not None)
            atoms = ase.Atoms(plain["numbers"], plain["positions"], cell=cell, pbc=pbc)
            outcome = Relaxed(
                atoms,
                plain["energy"],
                plain["fmax"],
                plain["max_stress"],
                plain["evaluations"],
                plain.get("terms", {}),
            )
        origin = Origin.from_named(plain)
        return cls(
            plain["seed"], plain["formula"], origin, outcome, plain["seconds"], plain.get("run")
        )

    def line(self) -> bytes:
        """The record as it stands on disk."""
        text = json.dumps(self.plain())[:-1]
        return (text + _SUFFIX % zlib.crc32(text.encode())).encode()

    @classmethod
    def from_line(cls, line: bytes) -> "SeedRecord":
        """The record of a whole line."""
        return cls.from_plain(json.loads(line))

    def frame(self) -> ase.Atoms:
        """The structure as it stands in ``structures.extxyz``, with :meth:`info`.

        Raises:
            ValueError: the seed failed.
        """
        atoms = self._relaxed().atoms.copy()
        atoms.info = self.info()
        return atoms

    def info(self) -> dict[str, Any]:
        """What the frame of a converged seed says.

        Returns:
            ``seed``, ``formula``, the origin, ``energy`` (pseudo-eV), ``energy_per_atom``,
            ``terms`` (energy of each, where there are terms beside E~), ``volume_per_atom`` (Å³;
            crystals), ``fmax`` (pseudo-eV/Å), ``max_stress`` (GPa), ``evaluations`` and
            ``seconds``.

        Raises:
            ValueError: the seed failed.
        """
        outcome = self._relaxed()
        atoms, n = outcome.atoms, len(outcome.atoms)
        return {
            "seed": self.seed,
            "formula": self.formula,
            **self.origin.named(),
            "energy": outcome.energy,
            "energy_per_atom": outcome.energy / n,
            **({"terms": dict(outcome.terms)} if outcome.terms else {}),
            **({"volume_per_atom": atoms.get_volume() / n} if atoms.pbc.all() else {}),
            "fmax": outcome.fmax,
            "max_stress": outcome.max_stress,
            "evaluations": outcome.evaluations,
            "seconds": self.seconds,
        }

    def _relaxed(self) -> Relaxed:
        if isinstance(self.outcome, Failure):
            raise ValueError(f"Seed {self.seed} has no structure: {self.outcome.reason.value}.")
        return self.outcome


@dataclass(frozen=True)
class RecordHead:
    """What the first part of a record's line says: all but the atoms."""

    seconds: float
    evaluations: int
    reason: str | None
    """Why it failed; ``None`` for a converged seed."""


def read_head(line: bytes) -> RecordHead:
    """Read a whole line without its atoms, which are most of it."""
    head, atoms, _ = line.partition(_AFTER_HEAD)
    plain = json.loads(head + b"}" if atoms else head)
    return RecordHead(plain["seconds"], plain["evaluations"], plain.get("reason"))


def seed_of(line: bytes) -> int | None:
    """Seed of a record's line; ``None`` for other lines and damaged ones."""
    if not line.startswith(_START):
        return None
    text, suffix = line[:-_SUFFIX_LENGTH], line[-_SUFFIX_LENGTH:]
    if suffix != (_SUFFIX % zlib.crc32(text)).encode():
        return None
    return begun_with(line)


def begun_with(line: bytes) -> int:
    """Seed of a line that is known to be a whole record."""
    return int(line[len(_START) : line.index(b",")])


def _partly_periodic(atoms: ase.Atoms) -> dict[str, list[bool]]:
    """In which directions, where the cell does not say it."""
    mixed = atoms.pbc.any() and not atoms.pbc.all()
    return {"pbc": atoms.pbc.tolist()} if mixed else {}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


_TAKEN = {
    *_KNOWN,
    *("reason", "detail", "crc", "numbers", "positions", "cell", "Lattice", "Properties", "pbc"),
    *frame_keys.RELAXED,
    *frame_keys.UNIQUE,
    *frame_keys.MOLECULES,
    *frame_keys.POTENTIALS,
}
"""Names in records, in frames, and in the frames of unique structures."""
