"""Settings of ``rm-evaluate`` and ``rm-report``: fields of a YAML file, flags, arguments."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from rm_lammps.analysis.ranking import PROTOTYPE_WEIGHT, SYMMETRY_WEIGHT
from rm_lammps.settings import Name, Numbers, Words, read_words

Formats = Annotated[
    tuple[Literal["cif", "poscar", "vasp", "db", "sdf", "smi"], ...], BeforeValidator(read_words)
]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class AllFields(_Fields):
    """What crystals and molecules have in common."""

    format: Formats = Field(
        (),
        description="write structures in these formats too: cif, poscar (a zip each), vasp (a "
        "folder of input each of top), db (ASE database); molecules: sdf, smi, db",
    )
    reference: Path | None = Field(
        None, description="structures or molecules to look for, in any format ASE reads"
    )
    show: int = Field(10, ge=0, description="unique structures to list")
    training: Path | None = Field(
        None,
        description="file of structures or molecules that don't count as new",
    )


class CrystalFields(_Fields):
    """Of crystals."""

    cell: Literal["relaxed", "conventional", "primitive"] = Field(
        "relaxed",
        description="cell in CIF, POSCAR and input for VASP: relaxed, or conventional or "
        "primitive, both symmetrised to symprec",
    )
    vasp_set: str = Field(
        "MPRelaxSet", description="input set of pymatgen.io.vasp.sets for --format vasp"
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
        0.0, description="lower the rank score by this times ln(seeds that found it), pseudo-eV"
    )
    symmetry_weight: float | None = Field(
        None,
        description="lower the rank score by this times ln(order of the point group), pseudo-eV; "
        f"default: {SYMMETRY_WEIGHT} where known structures were seeds, 0 elsewhere",
    )
    prototype_weight: float = Field(
        PROTOTYPE_WEIGHT,
        description="lower the rank score by this times ln(share of votes of the known structure "
        "that a seed came from), pseudo-eV",
    )
    metrics: bool = Field(
        False,
        description="measure crystals by composition: match rates and RMSE against the reference, "
        "validity, uniqueness, novelty; writes metrics.json",
    )
    at: Annotated[Numbers, Field(min_length=1)] = Field(
        (20,), description="metrics: how many candidates of a composition count, e.g. 5,20"
    )
    rank_by: Words = Field(
        (),
        description="physical potentials whose mean energy takes the place of E~ in the order, "
        "e.g. chgnet,sevennet; a name that matcalc knows, a bundle of rm-deploy, or MODULE:NAME of "
        "a calculator of ASE",
    )
    candidates: int = Field(
        20,
        ge=1,
        description="structures of each composition that physical potentials look at, the best by "
        "E~",
    )
    refine: Name | None = Field(
        None,
        description="potential that relaxes the candidates first, cell and atoms, and keeps their "
        "symmetry; it ranks them too unless rank_by names others",
    )
    refine_steps: int = Field(200, ge=1, description="steps of that relaxation at most")
    refine_fmax: float = Field(
        0.05, gt=0, description="largest force at which that relaxation ends, eV/Å"
    )
    hull: Words = Field(
        ("shipped",),
        description="known structures for energies above the hull: shipped (those that come with "
        "the model crystals), files, or none",
    )


class LargeFields(_Fields):
    """Of crystals of 200 atoms or more, which are looked at one by one."""

    physical: str | None = Field(
        None,
        description="classical potential that relaxes large cells too, a file that LAMMPS brings, "
        "e.g. SiO.1990.vashishta or Si.sw",
    )
    elastic: bool = Field(
        False, description="strain the cells by that potential, for bulk and shear modulus"
    )


class MoleculeFields(_Fields):
    """Of molecules."""

    xtb: bool = Field(
        False, description="relax molecules by GFN2-xTB too; geometries in unique_xtb.extxyz"
    )
    conformers: int | None = Field(
        None,
        ge=1,
        description="number of conformers of each unique molecule to write to conformers.sdf, by "
        "RDKit",
    )
    keep: float | None = Field(
        None,
        ge=0.001,
        le=1,
        description="keep this fraction of each composition, lowest rank score first",
    )
    smarts: str | None = Field(
        None, description="keep molecules with this pattern alone, e.g. 'C(=O)N' for amides"
    )
    drop_alerts: bool = Field(
        False,
        description="drop molecules with groups that are unstable or react (ketenes, allenes, "
        "enols, ...), by RDKit's catalogues",
    )


class Sources(_Fields):
    """What is looked at, and where the results go."""

    sources: tuple[Path, ...] = Field(
        min_length=1,
        description="one or several folders of rm-generate, also of a run that is going on; or a "
        "file of known molecules or of large cells",
    )
    out: Path | None = Field(
        None,
        description="folder for the results: needed for several runs, DIR/so_far by default for "
        "a run that is going on; of a file: where to write its evaluation as JSON",
    )


class EvaluationConfig(MoleculeFields, LargeFields, CrystalFields, AllFields, Sources):
    """One evaluation."""


class ReportFields(_Fields):
    """What a report shows."""

    best: int = Field(50, ge=1, le=1000, description="unique structures in the table and in 3D")


class ReportConfig(ReportFields, Sources):
    """One report."""
