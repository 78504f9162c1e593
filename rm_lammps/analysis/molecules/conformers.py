"""Conformers of the molecules that were found, by RDKit."""

from collections.abc import Iterable
from pathlib import Path

import ase
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers, rdMolAlign

from rm_lammps.analysis.molecules.perceived_bonds import perceive
from rm_lammps.files import cannot_write

_SEED = 0


def write_conformers(molecules: Iterable[ase.Atoms], number: int, path: Path) -> None:
    """Write conformers of molecules, the lowest of each first, to an SDF file.

    Each is embedded by ETKDGv3 and relaxed by MMFF94, with the configuration of the stereocentres
    that was found; ``mmff_energy`` is in kcal/mol and ``rmsd_to_found`` of the heavy atoms in Å.

    Args:
        molecules: unique ones, as ``unique.extxyz`` has them.
        number: of conformers tried for each.
        path: of the file.

    Raises:
        UserError: it can't be written.
    """
    try:
        with rdBase.BlockLogs(), Chem.SDWriter(str(path)) as writer:
            for atoms in molecules:
                for mol in conformers(atoms, number):
                    writer.write(mol)
    except OSError as error:
        raise cannot_write(path, error) from error


def conformers(atoms: ase.Atoms, number: int) -> list[Chem.Mol]:
    """Conformers of a molecule, the lowest first; none where bonds or parameters are lacking.

    Args:
        atoms: as it was found, Å.
        number: of conformers tried.
    """
    found = perceive(atoms).mol
    if found is None or not rdForceFieldHelpers.MMFFHasAllMoleculeParams(found):
        return []
    many = Chem.Mol(found)
    parameters = rdDistGeom.ETKDGv3()
    parameters.randomSeed = _SEED  # type: ignore[assignment]  # RDKit's stubs are wrong
    places = list(rdDistGeom.EmbedMultipleConfs(many, number, parameters))
    relaxed = rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(many)
    ordered = sorted(zip(places, relaxed, strict=True), key=lambda pair: pair[1][1])
    bare = Chem.RemoveHs(found)
    results = []
    for place, (_, energy) in ordered:
        one = Chem.Mol(many, False, place)
        one.SetProp("_Name", str(atoms.info.get("smiles", "")))
        for key in ("inchikey", "rank", "seed", "run"):
            if key in atoms.info:
                one.SetProp(key, str(atoms.info[key]))
        one.SetDoubleProp("mmff_energy", float(energy))
        distance = rdMolAlign.GetBestRMS(Chem.RemoveHs(one), Chem.Mol(bare))
        one.SetDoubleProp("rmsd_to_found", float(distance))
        results.append(one)
    return results
