"""chgnet (Deng et al., Nature Machine Intelligence 5, 1031 (2023)), weights in its package."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ase
from ase.calculators.calculator import Calculator

from rm_lammps.errors import UserError
from rm_lammps.potentials.potential import POTENTIALS, Potential
from rm_lammps.systems.matching import to_pymatgen


@POTENTIALS.register
class Chgnet(Potential):
    """chgnet on the CPU."""

    name = "chgnet"

    def calculator(self) -> Calculator:
        """Load model and optimiser."""
        try:
            with _quiet():
                from chgnet.model import CHGNetCalculator

                return CHGNetCalculator(use_device="cpu", verbose=False)
        except ImportError as error:
            raise UserError(
                f"chgnet can't be imported: {error}",
                "Install it: pip install 'rm_lammps[rerank]'.",
            ) from error

    def energy(self, atoms: ase.Atoms) -> float:
        """Energy of a crystal as it is, eV per atom; infinite where atoms see no neighbour."""
        with _quiet():
            try:
                return float(self._model.predict_structure(to_pymatgen(atoms), task="e")["e"])
            except (RuntimeError, ValueError) as error:
                _raise_unless_apart(error)
                return float("inf")

    def relaxed(self, atoms: ase.Atoms, *, fmax: float, steps: int) -> tuple[ase.Atoms, float]:
        """Relax atoms and cell by chgnet's own optimiser."""
        with _quiet():
            from chgnet.model import StructOptimizer

            try:
                done = StructOptimizer(model=self._model, use_device="cpu").relax(
                    to_pymatgen(atoms), fmax=fmax, steps=steps, verbose=False
                )
            except (RuntimeError, ValueError) as error:
                _raise_unless_apart(error)
                return atoms, float("inf")
        found = done["final_structure"].to_ase_atoms()
        plain = ase.Atoms(found.numbers, found.positions, cell=found.cell, pbc=True)
        return plain, float(done["trajectory"].energies[-1]) / len(atoms)

    @property
    def _model(self) -> Any:
        return self._loaded.model


def _raise_unless_apart(error: Exception) -> None:
    """No graph: atoms that see no neighbour, or a cell that fell apart."""
    if isinstance(error, RuntimeError) and "bond graph" not in str(error):
        raise error


@contextmanager
def _quiet() -> Iterator[None]:
    """Give chgnet the single precision it needs, and nobody else: nequip sets torch to double."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_default_dtype(before)
