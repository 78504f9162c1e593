"""The verdict on one molecule."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import ase

from rm_lammps.analysis.molecules.alerts import alerts
from rm_lammps.analysis.molecules.checks import run_checks
from rm_lammps.analysis.molecules.perceived_bonds import perceive, small_rings

if TYPE_CHECKING:
    from rm_lammps.analysis.molecules.energies import XtbRelaxation


STRAIN = 0.01
"""Pseudo-eV per atom for each ring of three or four atoms (docs/studies/molecules_rates.md)."""


@dataclass(frozen=True)
class Verdict:
    """What is known of a molecule; plain data in ``evaluation.json``."""

    seed: int
    formula: str
    """As asked for; sums over compositions go by it."""
    energy_per_atom: float | None
    """E~, pseudo-eV; ``None`` for molecules that no model made."""
    smiles: str | None
    """Canonical, without stereochemistry; ``None`` without bonds."""
    fragments: int
    problem: str
    """Why no bonds fit these atoms as a neutral molecule; empty where they do."""
    checks: dict[str, bool | None]
    """PoseBusters'; empty without bonds. ``None``: it came to no answer."""
    xtb: "XtbRelaxation | None"
    small_rings: int
    """Rings of three or four atoms."""
    alerts: tuple[str, ...] = ()
    """Groups that are unstable or react, by name."""
    run: str | None = None
    """Name of the run, where the molecules are of several."""

    @property
    def rank_score(self) -> float | None:
        """What molecules are ranked by, lower is better: E~ per atom and strain it does not see."""
        if self.energy_per_atom is None:
            return None
        return self.energy_per_atom + STRAIN * self.small_rings

    @property
    def valid(self) -> bool:
        """Every atom has a valence it can have, and there is one molecule, not several."""
        return self.smiles is not None and self.fragments == 1

    @property
    def failed(self) -> list[str]:
        """Checks that were not passed."""
        return [name for name, passed in self.checks.items() if passed is False]

    @property
    def undecided(self) -> list[str]:
        """Checks without an answer."""
        return [name for name, passed in self.checks.items() if passed is None]

    @property
    def passes(self) -> bool:
        """Valid, and every check passed."""
        return self.valid and bool(self.checks) and all(self.checks.values())

    @property
    def not_failed(self) -> bool:
        """Valid, and no check failed; some may be undecided."""
        return self.valid and bool(self.checks) and not self.failed

    def record(self) -> dict[str, Any]:
        """For ``evaluation.json``."""
        plain = asdict(self)
        del plain["checks"]
        if self.run is None:
            del plain["run"]
        return {
            **plain,
            "rank_score": self.rank_score,
            "valid": self.valid,
            "passes": self.passes,
            "failed_checks": self.failed,
            "undecided_checks": self.undecided,
        }


def judge(atoms: ase.Atoms, *, xtb: bool = False) -> Verdict:
    """Perceive bonds, run PoseBusters' checks, relax with xTB if asked for.

    Args:
        atoms: a molecule; ``info`` as ``rm-generate`` writes it, or without.
        xtb: relax molecules with bonds with GFN2-xTB.
    """
    info = atoms.info
    bonds = perceive(atoms)
    relaxation = None
    if xtb and bonds.mol is not None:
        # tblite is needed by those alone who ask for energies
        from rm_lammps.analysis.molecules.energies import relax_with_xtb

        relaxation = relax_with_xtb(atoms, bonds.smiles)
    return Verdict(
        seed=int(info.get("seed", 0)),
        formula=str(info.get("formula", atoms.get_chemical_formula())),
        energy_per_atom=float(info["energy_per_atom"]) if "energy_per_atom" in info else None,
        smiles=bonds.smiles,
        fragments=bonds.fragments,
        problem=bonds.problem,
        checks=run_checks(bonds.mol) if bonds.mol is not None else {},
        xtb=relaxation,
        alerts=() if bonds.mol is None else tuple(alerts(bonds.mol)),
        small_rings=0 if bonds.mol is None else small_rings(bonds.mol),
        run=info.get("run"),
    )
