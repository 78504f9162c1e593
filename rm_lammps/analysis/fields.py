"""Settings of ``rm-evaluate`` and ``rm-report``: fields of a YAML file, flags, arguments."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from rm_lammps.analysis.ranking import PROTOTYPE_WEIGHT, SYMMETRY_WEIGHT
from rm_lammps.settings import Numbers, read_words

Formats = Annotated[tuple[Literal["cif", "db"], ...], BeforeValidator(read_words)]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class AllFields(_Fields):
    """What crystals and molecules have in common."""

    format: Formats = Field(
        (), description="write structures as CIF zip (cif) or ASE database (db) too"
    )
    show: int = Field(10, ge=0, description="unique structures to list")
    training: Path | None = Field(
        None,
        description="structures or molecules that don't count as new; with rerank they make the "
        "convex hull too",
    )


class CrystalFields(_Fields):
    """Of crystals."""

    reference: Path | None = Field(
        None, description="structures to look for, in any format ASE reads"
    )
    symmetrise: bool = Field(False, description="write the unique structures' standard cells too")
    symprec: float = Field(
        0.1, ge=1e-5, description="tolerance of space groups and standard cells, Å"
    )
    energy_tolerance: float = Field(
        0.01, ge=0, description="largest difference of equal structures, pseudo-eV per atom"
    )
    top: int = Field(
        20, ge=1, description="structures of each composition in top.extxyz, top.cif.zip"
    )
    found_weight: float = Field(
        0.0, description="rank by E~ per atom less this times ln(seeds that found it)"
    )
    symmetry_weight: float | None = Field(
        None,
        description="and less this times ln(order of the point group); by default "
        f"{SYMMETRY_WEIGHT} where known structures were seeds, 0 elsewhere; pseudo-eV",
    )
    prototype_weight: float = Field(
        PROTOTYPE_WEIGHT,
        description="and less this times ln(share of votes of the known structure it came from)",
    )
    metrics: bool = Field(
        False,
        description="measure crystals by composition: match rates and RMSE against the reference, "
        "validity, uniqueness, novelty; writes metrics.json",
    )
    at: Annotated[Numbers, Field(min_length=1)] = Field(
        (20,), description="metrics: candidates a composition, e.g. 5,20"
    )
    rerank: int = Field(
        0,
        ge=0,
        description="metrics: rank so many candidates of each composition anew by a physical "
        "potential, each at the best of seven volumes",
    )
    rerank_steps: int = Field(
        0, ge=0, description="relax them by it from there, so many steps at most"
    )
    rank_by: str = Field("chgnet", description="the potential of rerank")


class MoleculeFields(_Fields):
    """Of molecules."""

    xtb: bool = Field(False, description="relax with GFN2-xTB too")
    keep: float | None = Field(
        None,
        ge=0.001,
        le=1,
        description="keep this fraction of each composition, lowest rank score first",
    )


class Sources(_Fields):
    """What is looked at, and where the results go."""

    sources: tuple[Path, ...] = Field(
        min_length=1,
        description="one or several folders of rm-generate, also of a run that is going on; or a "
        "file of known molecules",
    )
    out: Path | None = Field(
        None,
        description="folder for the results: needed for several runs, DIR/so_far by default for "
        "a run that is going on; of a file: where to write its evaluation as JSON",
    )


class EvaluationConfig(MoleculeFields, CrystalFields, AllFields, Sources):
    """One evaluation."""


class ReportFields(_Fields):
    """What a report shows."""

    best: int = Field(50, ge=1, le=1000, description="unique structures in the table and in 3D")


class ReportConfig(ReportFields, Sources):
    """One report."""
