"""Molecules packed into a cell, each rigid and turned at random."""

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import ase
import numpy as np
from ase.data import chemical_symbols, vdw_radii
from pydantic import Field

from rm_lammps.chemistry.formula import check_known, formula_of
from rm_lammps.errors import UserError
from rm_lammps.geometry import pairs_of
from rm_lammps.seeds.random_boxes import BoxSettings, random_cell
from rm_lammps.seeds.seeder import SEEDS, Content, ModelFacts, Seed, SeedRequest
from rm_lammps.systems import find_system

_VOLUMES = {"H": 5.08, "C": 13.87, "N": 11.8, "O": 11.39, "F": 11.17, "S": 25.2, "Cl": 25.8}
"""Å³; mean volumes of atoms in molecular crystals (Hofmann, Acta Cryst. B 57, 489, 2002)."""
_TRIES = 200
_GROWTH = 1.05


@SEEDS.register
class PackedSeeds(BoxSettings):
    """Rigid molecules of a file or a SMILES at random places, turned at random."""

    name = "packed"
    suits = frozenset({"molecular_crystal"})

    molecule: str = Field(description="file with one molecule, or its SMILES (needs rdkit)")
    volume: tuple[float, float] = Field(
        (1.0, 1.3), description="range, in units of the mean volume of such atoms in crystals"
    )
    min_distance: float = Field(
        0.75, ge=0, le=1, description="between molecules, in units of both van der Waals radii"
    )

    @cached_property
    def _read(self) -> ase.Atoms:
        from rm_lammps.datasets import read_structures  # which imports all of ase.io

        if not Path(self.molecule).exists():
            return _from_smiles(self.molecule)
        frames = read_structures(Path(self.molecule), find_system("molecule"))
        if len(frames) > 1:
            raise UserError(
                f"{self.molecule} holds {len(frames)} molecules; one is packed.",
                "Give a file with one molecule.",
            )
        return ase.Atoms(frames[0].numbers, frames[0].positions)

    def check(self, content: Content, model: ModelFacts) -> None:
        """Check that the model knows the molecule, and that the formula is several of them."""
        symbols = self._read.get_chemical_symbols()
        check_known(sorted(set(symbols)), model.species, f"in {self.molecule}")
        if not self._number(content.composition):
            raise UserError(
                f"{content.formula} is no multiple of the molecule in {self.molecule}, "
                f"{formula_of(Counter(symbols))}.",
                "Give the formula of one molecule or of several, e.g. with --z 2-4.",
            )

    def draw(self, request: SeedRequest) -> Seed:
        """Pack them, in a cell that grows where they find no place."""
        molecule, rng = self._read, request.rng
        number = self._number(request.composition)
        expected = number * sum(map(_volume, molecule.get_chemical_symbols()))
        volume = expected * rng.uniform(*self.volume)
        while True:
            cell = random_cell(volume, self, rng)
            packed = ase.Atoms(cell=cell, pbc=True)
            for _ in range(number):
                for _ in range(_TRIES):
                    trial = packed + _turned(molecule, cell, rng)
                    if self._fits(trial, len(molecule)):
                        packed = trial
                        break
            if len(packed) == number * len(molecule):
                return Seed(packed, {"molecules": number})
            volume *= _GROWTH

    def _number(self, composition: Mapping[str, int]) -> int:
        """Of molecules in the cell; 0 where the composition is none of several."""
        one = Counter(self._read.get_chemical_symbols())
        number = composition.get(next(iter(one)), 0) // next(iter(one.values()))
        whole = {symbol: number * n for symbol, n in one.items()}
        return number if whole == dict(composition) else 0

    def _fits(self, atoms: ase.Atoms, size: int) -> bool:
        """Whether no two molecules overlap, images of one among them."""
        radii = self.min_distance * np.array([_radius(z) for z in atoms.numbers])
        i, j, d, shift = pairs_of("ijdS", atoms, float(2 * radii.max()))
        other = (i // size != j // size) | shift.any(axis=1)
        return bool((d >= radii[i] + radii[j])[other].all())


def _volume(symbol: str) -> float:
    """Mean volume of an atom in molecular crystals, Å³; of rarer ones by their radius."""
    number = chemical_symbols.index(symbol)
    return _VOLUMES.get(symbol, 4 / 3 * np.pi * _radius(number) ** 3)


def _radius(number: int) -> float:
    """Van der Waals radius, Å."""
    radius = vdw_radii[number]
    return float(radius) if np.isfinite(radius) else 2.0


def _turned(molecule: ase.Atoms, cell: np.ndarray, rng: np.random.Generator) -> ase.Atoms:
    """The molecule somewhere in a cell, turned at random."""
    apart = molecule.positions - molecule.positions.mean(axis=0)
    place = rng.random(3) @ cell
    from scipy.spatial.transform import Rotation  # slow to import

    return ase.Atoms(molecule.numbers, Rotation.random(rng=rng).apply(apart) + place)


def _from_smiles(text: str) -> ase.Atoms:
    try:
        from rdkit import Chem
        from rdkit.Chem import rdDistGeom, rdForceFieldHelpers
    except ImportError:
        raise UserError(
            f"There is no file {text}; to read it as SMILES needs rdkit, which is not installed.",
            "pip install 'rm_lammps[molecules]', or give a file with one molecule.",
        ) from None
    parsed = Chem.MolFromSmiles(text)
    if parsed is None:
        raise UserError(
            f"{text!r} is neither a file nor a SMILES.", "Give a file with one molecule, or CCO."
        )
    whole = Chem.AddHs(parsed)
    if rdDistGeom.EmbedMolecule(whole, randomSeed=1) != 0:
        raise UserError(f"No shape was found for the SMILES {text!r}.", "Give a file.")
    rdForceFieldHelpers.MMFFOptimizeMolecule(whole)
    symbols = [atom.GetSymbol() for atom in whole.GetAtoms()]
    return ase.Atoms(symbols, whole.GetConformer().GetPositions())
