"""Groups that chemists frown at, by the catalogues that RDKit keeps; and patterns of one's own."""

from functools import cache
from typing import Any

from rm_lammps.errors import UserError


@cache
def _catalogue() -> Any:
    from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

    parameters = FilterCatalogParams()
    kinds = FilterCatalogParams.FilterCatalogs
    for kind in (kinds.BRENK, kinds.CHEMBL_MLSMR):
        parameters.AddCatalog(kind)
    return FilterCatalog(parameters)


def alerts(mol: Any) -> list[str]:
    """Names of the groups in a molecule that are unstable or react: ketenes, allenes, enols, ...

    From the catalogues of Brenk et al., ChemMedChem 3, 435 (2008), and of the MLSMR collection.

    Args:
        mol: of RDKit, sanitised; hydrogens may be explicit.
    """
    from rdkit import Chem

    found = _catalogue().GetMatches(Chem.RemoveHs(mol))
    return sorted({str(match.GetDescription()) for match in found})


def pattern(smarts: str) -> Any:
    """The pattern of a SMARTS.

    Raises:
        UserError: it is none.
    """
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        found = Chem.MolFromSmarts(smarts)
    if found is None:
        raise UserError(f"{smarts!r} is no SMARTS.", "For an amide: --smarts 'C(=O)N'.")
    return found


def matches(smiles: str | None, wanted: Any) -> bool:
    """Whether a molecule has a pattern.

    Args:
        smiles: of the molecule; ``None`` has no pattern.
        wanted: of :func:`pattern`.
    """
    from rdkit import Chem

    mol = None if smiles is None else Chem.MolFromSmiles(smiles)
    return mol is not None and bool(mol.HasSubstructMatch(wanted))
