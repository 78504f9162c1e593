"""Other elements on the sites of a structure."""

from collections import Counter
from collections.abc import Mapping

import ase
import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from rm_lammps.chemistry.formula import check_known
from rm_lammps.relaxation.decorating import Decorating
from rm_lammps.relaxation.held import kept_atoms
from rm_lammps.relaxation.relaxation import Relaxation
from rm_lammps.relaxation.stage import STAGES, AnyStage
from rm_lammps.relaxation.stages.cell import CellMinimisation
from rm_lammps.settings import Words


@STAGES.register
class Transmute(Decorating):
    """Try other elements on the sites as they are, by the Metropolis rule, on E~.

    The composition changes, within limits. What is lowered is E~ minus the chemical potentials of
    the atoms. Each round tries changes at a temperature that falls to zero, then relaxes the best
    decoration that it met. The best relaxed structure is kept.
    """

    name = "transmute"
    attempt_name = "transmutation"

    elements: Words = Field(min_length=2, description="that may sit on the sites")
    sites: Words = Field(
        (), description="elements whose atoms may become others; default: those of elements"
    )
    limits: Mapping[str, tuple[int, int]] = Field(
        default_factory=dict,
        description="fewest and most atoms of an element in the cell, e.g. {Cu: [4, 12]}",
    )
    potentials: Mapping[str, float] = Field(
        default_factory=dict,
        description="chemical potential of an element, pseudo-eV per atom; default: 0",
    )
    relax: tuple[AnyStage, ...] = Field((CellMinimisation(),), description="stages after a round")

    @field_validator("elements", "sites", "limits", "potentials")
    @classmethod
    def _elements(cls, named: Words) -> Words:
        for symbol in named:
            if symbol not in atomic_numbers:
                raise ValueError(f"{symbol!r} is no element")
        return named

    @model_validator(mode="after")
    def _possible(self) -> "Transmute":
        for symbol, (low, high) in self.limits.items():
            if not 0 <= low <= high:
                raise ValueError(f"limits of {symbol} must be a range 0 <= low <= high")
        return self

    def check_elements(self, relaxation: Relaxation) -> None:
        """Check that the model knows the elements."""
        check_known(self.elements, relaxation.session.bundle.manifest.species, "to transmute to")

    def movable(self, atoms: ase.Atoms) -> NDArray[np.int64]:
        """Numbers of the atoms that may become others."""
        chosen = np.isin(atoms.get_chemical_symbols(), self.sites or self.elements)
        chosen[kept_atoms(atoms)] = False
        return np.flatnonzero(chosen)

    def changed(
        self, atoms: ase.Atoms, movable: NDArray[np.int64], rng: np.random.Generator
    ) -> ase.Atoms | None:
        """Let an atom become another, where the limits allow it."""
        site = int(movable[rng.integers(len(movable))])
        before = atoms.symbols[site]
        others = [symbol for symbol in self.elements if symbol != before]
        after = others[rng.integers(len(others))]
        count = Counter(atoms.get_chemical_symbols())
        if count[before] <= self.limits.get(before, (0, 0))[0]:
            return None
        if after in self.limits and count[after] >= self.limits[after][1]:
            return None
        changed = atoms.copy()
        changed.symbols[site] = after
        return changed

    def offset(self, atoms: ase.Atoms) -> float:
        """Minus the chemical potentials, pseudo-eV."""
        count = Counter(atoms.get_chemical_symbols())
        return -sum(self.potentials.get(symbol, 0.0) * n for symbol, n in count.items())
