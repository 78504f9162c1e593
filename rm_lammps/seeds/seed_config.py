"""Which seeds a run begins with."""

from collections.abc import Mapping
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

from rm_lammps.errors import UserError
from rm_lammps.seeds.seeder import SEEDS, ModelFacts, Seeder
from rm_lammps.seeds.space_groups import SymmetrySettings
from rm_lammps.settings import HOST, SYMMETRY
from rm_lammps.systems import SYSTEMS, System, find_system

AUTO = "auto"
MIXTURE = "mixture"
_WITH_SYMMETRY = "symmetric"
"""Kind of seeds of every space group that holds a composition."""


class SeedConfig(BaseModel):
    """Kinds of seeds, and their settings.

    Settings stand side by side, whichever kind they belong to; each kind takes those that it has:
    ``seeds: {weights: {symmetric: 1, random: 1}, volume: [0.9, 1.1], space_groups: training}``.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str = Field(
        AUTO, description="one kind for all seeds; auto: what suits the model; mixture: by weights"
    )
    weights: dict[str, float] | None = Field(
        None, description="relative frequency of each kind, for mixture or in place of auto's"
    )

    first: dict[str, int] | None = Field(
        None,
        description="number of seeds of each kind that come before the mixture; none of them "
        "where weights are given, unless this is too",
    )

    blind: bool = Field(False, description="leave out kinds that begin from known structures")

    @model_validator(mode="after")
    def _possible(self) -> "SeedConfig":
        if self.weights is not None:
            if self.kind not in {AUTO, MIXTURE}:
                raise ValueError(f"weights go with kind mixture, not with kind {self.kind}")
            values = list(self.weights.values())
            if not all(isfinite(w) and w >= 0 for w in values) or not sum(values) > 0:
                raise ValueError(f"weights {self.weights} must be positive numbers")
        if self.first is not None:
            if self.kind not in {AUTO, MIXTURE}:
                raise ValueError(f"first goes with kind mixture, not with kind {self.kind}")
            if any(number < 0 for number in self.first.values()):
                raise ValueError(f"numbers of first seeds {self.first} must not be negative")
        kinds = [SEEDS.find(name) for name in self._named()]
        have = {setting for kind in kinds for setting in kind.model_fields}
        for setting in self.settings:
            if setting not in have:
                names = ", ".join(kind.name for kind in kinds)
                raise ValueError(
                    f"seeds of kind {names} have no setting {setting!r}; "
                    f"theirs: {', '.join(sorted(have))}{_elsewhere(setting)}"
                )
        for kind in kinds:
            # what a kind needs and lacks is asked for where it is used alone
            if kind.name == self.kind or self._has_what_it_needs(kind):
                self.seeder(kind.name)
        return self

    @model_serializer
    def _plain(self) -> dict[str, Any]:
        given: dict[str, Any] = {"kind": self.kind, "blind": self.blind, **self.settings}
        mixed = {"weights": self.weights, "first": self.first}
        return given | {name: value for name, value in mixed.items() if value is not None}

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of kinds that were given."""
        return self.model_extra or {}

    @property
    def fixed_content(self) -> bool:
        """Whether the number of formula units is that of a given structure."""
        return self.kind not in {AUTO, MIXTURE} and SEEDS.find(self.kind).fixed_content

    @property
    def files(self) -> dict[str, Path]:
        """Files that seeds are made from, by the settings that name them."""
        return {
            name: value
            for seeder in self._seeders.values()
            for name in type(seeder).model_fields
            if isinstance(value := getattr(seeder, name), Path)
        }

    @cached_property
    def _seeders(self) -> dict[str, Seeder]:
        return {}

    def seeder(self, name: str) -> Seeder:
        """The kind of this name, with those of the settings that it has.

        It is made once: a run of many compositions reads its files once.

        Raises:
            ValueError: no such kind, or settings that it can't use.
        """
        if name not in self._seeders:
            kind = SEEDS.find(name)
            own = {key: value for key, value in self.settings.items() if key in kind.model_fields}
            self._seeders[name] = kind.model_validate(own)
        return self._seeders[name]

    def shares(self, system: System, n_species: int, n_atoms: int) -> Mapping[str, float]:
        """Kinds of seeds of a composition, with the relative frequency of each.

        Args:
            system: what is generated.
            n_species: number of elements that the model knows.
            n_atoms: of the largest cell or molecule.

        Raises:
            UserError: a kind that makes no seeds of this system.
        """
        if self.wanted_groups is not None and not all(system.pbc):
            raise UserError(
                f"{system.plural.capitalize()} have no space group.",
                "Leave out what asks for symmetry.",
            )
        default = system.seed_kinds(n_species, n_atoms)
        if self.kind == AUTO and HOST in self.settings:
            found: Mapping[str, float] = {system.host_kind: 1.0}
        elif self.kind == AUTO:
            # weights change a mixture, but make none where there is one kind only
            mixed = self.weights is not None and len(default) > 1
            found = self.weights if mixed and self.weights is not None else default
        elif self.kind == MIXTURE:
            found = self.weights or default
        else:
            found = {self.kind: 1.0}
        for name in found:
            suits = SEEDS.find(name).suits
            if system.name not in suits and name not in default:
                names = sorted({*kinds_for(system), *default})
                raise UserError(
                    f"Seeds of kind {name} are of {' and '.join(sorted(suits))}, not of "
                    f"{system.plural}.",
                    f"Kinds for {system.plural}: {', '.join(names)}.",
                )
            self._check_given(name)
        shares = {name: weight for name, weight in found.items() if weight > 0}
        if self.wanted_groups is not None:
            shares = self._with_symmetry(shares)
        if not self.blind:
            return shares
        shares = {name: weight for name, weight in shares.items() if not SEEDS.find(name).known}
        if not shares:
            raise UserError(
                f"Seeds of kind {', '.join(found)} begin from known structures, which blind "
                "leaves out.",
                "Leave out blind, or choose another kind of seeds.",
            )
        return shares

    def leading(self, system: System, n_species: int, n_atoms: int) -> Mapping[str, int]:
        """Number of seeds of each kind that come before the mixture of :meth:`shares`.

        Args:
            system: what is generated.
            n_species: number of elements that the model knows.
            n_atoms: of the largest cell or molecule.

        Raises:
            UserError: a kind that is not in the mixture.
        """
        if self.first is not None:
            mixture = self.shares(system, n_species, n_atoms)
            for name in self.first.keys() - mixture.keys():
                raise UserError(
                    f"Seeds of kind {name} are to come first, and are not in the mixture.",
                    f"Kinds of the mixture: {', '.join(mixture)}.",
                )
            return self.first
        if self.kind != AUTO or self.weights is not None or HOST in self.settings:
            return {}
        return system.leading_seeds(n_species, n_atoms)

    @property
    def wanted_groups(self) -> frozenset[int] | None:
        """Space groups that are asked for; ``None`` where any will do."""
        if not any(self.settings.get(name) is not None for name in SYMMETRY):
            return None
        seeder = self.seeder(_WITH_SYMMETRY)
        return seeder.wanted if isinstance(seeder, SymmetrySettings) else None

    def fallback(self, system: System) -> str:
        """Kind of the seeds of a composition for which the kind asked for finds none."""
        return system.fallback if self.wanted_groups is None else _WITH_SYMMETRY

    def _with_symmetry(self, shares: Mapping[str, float]) -> dict[str, float]:
        """Kinds of seeds that can be asked for space groups, or the one that always can."""
        able = {n: w for n, w in shares.items() if issubclass(SEEDS.find(n), SymmetrySettings)}
        return able or {_WITH_SYMMETRY: 1.0}

    def usable(self, shares: Mapping[str, float], model: ModelFacts) -> dict[str, float]:
        """Leave out the kinds of a mixture for which the model lacks something.

        Raises:
            UserError: none is left.
        """
        able = {name: w for name, w in shares.items() if self.seeder(name).usable(model)}
        if not able:
            raise UserError(
                f"The model has not what seeds of kind {', '.join(shares)} need: "
                "it carries no prototypes.",
                "Give seeds: {prototypes: FILE}, or choose another kind of seeds.",
            )
        return able

    def _named(self) -> list[str]:
        """Names of the kinds that may be in use, whatever the model."""
        if self.kind not in {AUTO, MIXTURE}:
            return [self.kind]
        if self.kind == AUTO and HOST in self.settings:
            return sorted({kind.host_kind for kind in SYSTEMS})
        systems = [find_system(kind.name) for kind in SYSTEMS]
        if self.weights is not None:
            named = {name for name, weight in self.weights.items() if weight > 0}
        else:
            named = {name for system in systems for name in system.seed_kinds(2, 1)}
        named |= {system.fallback for system in systems}
        # some systems have seeds between hosts alone, which are not given here
        return sorted(name for name in named if HOST not in SEEDS.find(name).required())

    def _has_what_it_needs(self, kind: type[Seeder]) -> bool:
        return not self._missing(kind)

    def _missing(self, kind: type[Seeder]) -> list[str]:
        """Settings that a kind needs and that were not given."""
        return [name for name in kind.required() if name not in self.settings]

    def _check_given(self, name: str) -> None:
        """Check that a kind has the settings that it needs.

        Raises:
            UserError: it has not.
        """
        missing = self._missing(SEEDS.find(name))
        if missing:
            raise UserError(
                f"Seeds of kind {name} need {' and '.join(missing)}.",
                f"Give them, e.g. seeds: {{{missing[0]}: ...}}.",
            )


def kinds_for(system: System) -> list[str]:
    """Names of the kinds of seeds of a system."""
    return [kind.name for kind in SEEDS if system.name in kind.suits]


def _elsewhere(setting: str) -> str:
    owners = [kind.name for kind in SEEDS if setting in kind.model_fields]
    return f" ({setting} is of kind {', '.join(owners)})" if owners else ""
