"""PoseBusters' checks of a single molecule, every one of its configuration ``mol``."""

import logging
from collections.abc import Sequence
from functools import cache

import pandas as pd
from posebusters import PoseBusters
from posebusters.modules import energy_ratio
from rdkit import Chem, rdBase
from rdkit.Chem.rdDistGeom import EmbedMultipleConfs, EmbedParameters

_FIRST_CONFORMERS = (1, 4)
"""Of the 50 for the check of internal energy, embedded before the others. Some strained cages can't
be embedded, which takes RDKit minutes to find out for all, and seconds for one."""


@cache
def _busters() -> PoseBusters:
    busters = PoseBusters(config="mol")
    modules = busters.config["modules"]
    # the energies stand there twice, once without an outcome
    modules[:] = [module for module in modules if module.get("chosen_binary_test_output")]
    for module in modules:
        if module["function"] == "energy_ratio":
            # ranks share the cores; by default each would take them all
            module["parameters"]["num_threads"] = 1
    # the answers stay the library's; they come sooner
    energy_ratio.EmbedMultipleConfs = _embed
    # an undecided check is in the result; it need not be said for each molecule
    logging.getLogger("posebusters").setLevel(logging.CRITICAL)
    return busters


def _embed(mol: Chem.Mol, n: int, parameters: EmbedParameters) -> Sequence[int]:
    """RDKit's embedding, given up at the first conformer that fails: PoseBusters wants them all."""
    for first in _FIRST_CONFORMERS:
        # each has a random seed of its own, so these are the first of all n
        if first < n and len(EmbedMultipleConfs(Chem.Mol(mol), first, parameters)) < first:
            return []
    return EmbedMultipleConfs(mol, n, parameters)


def check_names() -> list[str]:
    """Names of the checks, in PoseBusters' order."""
    return [
        module["rename_outputs"][output].lower().replace(" ", "_")
        for module in _busters().config["modules"]
        for output in module["chosen_binary_test_output"]
    ]


def run_checks(mol: Chem.Mol) -> dict[str, bool | None]:
    """Run every check.

    Args:
        mol: with its conformer, hydrogens explicit.

    Returns:
        Passed or not, by name; ``None`` where PoseBusters comes to no answer.
    """
    with rdBase.BlockLogs():
        row = _busters().bust([mol]).iloc[0]
    return {str(name): None if pd.isna(value) else bool(value) for name, value in row.items()}
