"""PoseBusters' checks of a single molecule, every one of its configuration ``mol``."""

import logging
from functools import cache

import pandas as pd
from posebusters import PoseBusters
from posebusters.modules import energy_ratio
from rdkit import Chem, rdBase
from rdkit.Chem.rdDistGeom import EmbedParameters, ETKDGv3

EMBEDDING_ATTEMPTS = 20
"""A conformer, for the check of internal energy. Usual molecules need one or two. Some strained
cages can't be embedded at all, and under RDKit's own limit take minutes to say so."""


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
    # the library offers no limit of its own
    energy_ratio.ETKDGv3 = _bounded_embedding
    # an undecided check is in the result; it need not be said for each molecule
    logging.getLogger("posebusters").setLevel(logging.CRITICAL)
    return busters


def _bounded_embedding() -> EmbedParameters:
    parameters = ETKDGv3()
    parameters.maxIterations = EMBEDDING_ATTEMPTS  # type: ignore[assignment]
    return parameters


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
