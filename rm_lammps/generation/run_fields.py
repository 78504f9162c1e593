"""Settings of a generation run that have a flag; light, as the command's help is made of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from rm_lammps.files import shipped_models
from rm_lammps.generation.presets import PRESETS
from rm_lammps.settings import SYMMETRY, Interval, Name, Numbers, Range, Words


def _compositions(value: Any) -> Any:
    """A bare number of compositions stands for the settings with it."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return {"compositions": value} if whole or isinstance(value, str) else value


def _elements(value: Any) -> Any:
    return tuple(value.replace(",", "-").split("-")) if isinstance(value, str) else value


def _formulas(value: Any) -> Any:
    if not isinstance(value, (str, Path)):
        return value
    from rm_lammps.generation.formulas import read_formulas

    return read_formulas(Path(value))


class DeNovo(BaseModel):
    """Compositions like those of the training data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    compositions: int = Field(100, ge=1, le=10**6)
    elements: Words | None = Field(
        None, min_length=1, description="only these elements; default: all of the training data"
    )
    max_atoms: int | None = Field(
        None, ge=1, description="default: 20 in a cell, as many as the data's in a molecule"
    )


def _chemical_system(value: Any) -> Any:
    """Elements with hyphens between them stand for the settings with them."""
    return {"elements": value} if isinstance(value, (str, list, tuple)) else value


class ChemicalSystem(BaseModel):
    """Compositions of a chemical system, in rounds that end at its convex hull."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    elements: Annotated[tuple[str, ...], BeforeValidator(_elements)] = Field(
        min_length=2, max_length=5, description="two to five, e.g. Li-P-S"
    )
    max_atoms: int = Field(20, ge=2, le=40, description="in a cell")
    rounds: int = Field(3, ge=1, le=100, description="the first by charge balance alone")
    compositions: int = Field(12, ge=1, le=10_000, description="of each round")
    cells: int = Field(2, ge=1, le=40, description="sizes of cells of each composition at most")
    refine: Name = Field(
        "chgnet", description="potential that relaxes the best candidates, and whose hull counts"
    )
    candidates: int = Field(3, ge=1, description="of each composition that it looks at")
    hull: Words = Field(
        ("shipped",), description="known structures: shipped, files, or none, as of rm-evaluate"
    )


SYSTEM = "what is generated, by name, e.g. crystal; default: what the model was trained on"


class RunFields(BaseModel):
    """What the structures of a run depend on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Name = Field(
        description=f"shipped model by name ({', '.join(shipped_models())}), bundle or rm-train "
        "folder"
    )
    system: Any = Field(None, description=SYSTEM)
    formula: str | None = Field(None, description="content of one cell, e.g. Sr2O4")
    formulas: Annotated[tuple[str, ...], BeforeValidator(_formulas)] | None = Field(
        None,
        min_length=1,
        description="several compositions instead of one, each with num seeds: a file with one a "
        "line; in YAML a list too",
        json_schema_extra={"metavar": "FILE"},
    )
    de_novo: Annotated[DeNovo, BeforeValidator(_compositions)] | None = Field(
        None,
        description="instead of a formula: number of compositions to draw by the statistics of the "
        "training data (crystals: charges balanced; molecules: formulas of its molecules)",
        json_schema_extra={"metavar": "INT"},
    )
    chemical_system: Annotated[ChemicalSystem, BeforeValidator(_chemical_system)] | None = Field(
        None,
        description="instead of a formula: elements, e.g. Li-P-S, whose compositions are searched "
        "in rounds; each goes on where the convex hull of a physical potential is near",
        json_schema_extra={"metavar": "TEXT-TEXT..."},
    )
    heavy: str | None = Field(
        None,
        description="instead of a formula: a molecule's heavy atoms, e.g. C5NO, to which each seed "
        "adds hydrogens",
    )
    z: Range | None = Field(
        None, description="range of formula units, e.g. 1-4; each seed draws its own number"
    )
    atoms: int | None = Field(
        None, ge=1, description="repeat the formula to a cell of so many atoms, e.g. 1000"
    )
    num: int = Field(64, ge=1, le=10**9, description="number of seeds of each composition")
    seed: int = Field(
        0, ge=0, description="random seed of the run; the same one gives the same structures"
    )
    device: Literal["cpu", "cuda"] = Field("cpu", description="where E~ is computed, cpu or cuda")
    preset: str = Field(
        "",
        description="settings of seeds and protocol by name; default: what suits the model; "
        + ", ".join(PRESETS),
    )


class Shortcuts(BaseModel):
    """Settings that may stand at the top instead of within those that they belong to."""

    elements: Words | None = Field(
        None, min_length=1, description="de novo: only these elements, e.g. Li,Mn,O"
    )
    max_atoms: int | None = Field(
        None,
        ge=1,
        description="de novo, chemical system: largest number of atoms; default: 20 in a cell",
    )
    rounds: int | None = Field(
        None, ge=1, description="chemical system: number of rounds; default: 3"
    )
    refine: str | None = Field(
        None,
        description="chemical system: potential that relaxes the best and whose hull counts; "
        "default: chgnet",
    )
    blind: bool | None = Field(None, description="let no seed begin from a known structure")
    density: Interval | None = Field(
        None,
        description="density of the cubes that glasses begin in, g/cm³, e.g. 2.2, or a range from "
        "which each seed draws its own; default: as in the training data",
    )
    pressure: float | None = Field(
        None, description="external pressure, GPa; pseudo-GPa where E~ is the energy; default: 0"
    )
    host: str | None = Field(
        None,
        description="file with a structure to build into; the formula is what is added",
        json_schema_extra={"metavar": "FILE"},
    )
    fix: Words | None = Field(
        None,
        min_length=1,
        description="atoms of the host that stay: all (default), none, elements, numbers from 0 "
        "(0-11), tag=1, regions (z<5, z=2:7)",
    )
    remove: Words | None = Field(
        None, min_length=1, description="atoms of the host to leave out, named as in fix"
    )
    where: Words | None = Field(
        None, min_length=1, description="regions in which atoms are added, e.g. z>8,z<12"
    )
    upper: str | None = Field(
        None,
        description="file with a second host, for system interface: the formula fills the gap",
        json_schema_extra={"metavar": "FILE"},
    )
    gap: float | None = Field(
        None, description="gap between the two hosts, Å; default: by the volume of the formula"
    )
    mirror: bool | None = Field(
        None, description="mirror the second host in the plane: the boundary of two grains"
    )
    miller: str | None = Field(
        None, description="the host is a slab cut from the file's crystal, e.g. 1,0,0"
    )
    layers: int | None = Field(
        None, description="thickness of the slab, in crystal cells; default: 4"
    )
    free: int | None = Field(
        None, description="layers of the slab that may move, from the top; default: 1"
    )
    vacuum: float | None = Field(
        None, description="distance from a slab to its image above, Å; default: 12"
    )
    axes: str | None = Field(
        None,
        description="axes along which the cell may change: xyz, some of them, or none (default "
        "with a host)",
    )
    host_spring: float | None = Field(
        None,
        description="constant of springs, pseudo-eV/Å², that tie the host's atoms to their places; "
        "default: the atoms of fix don't move",
    )
    space_group: Words | None = Field(
        None,
        min_length=1,
        description="only crystals of these space groups, by number or symbol, e.g. 225 or "
        "Fm-3m,Pnma",
    )
    crystal_system: Words | None = Field(
        None, min_length=1, description="only crystals of these crystal systems, e.g. cubic"
    )
    min_symmetry: int | None = Field(
        None,
        description="only crystals whose point group has this order or more, 2 to 48",
    )


_HOST = (
    *("host", "fix", "remove", "where", "miller", "layers", "free", "vacuum"),
    *("upper", "gap", "mirror"),
)
_PLACES = {
    **{name: ("seeds", name) for name in (*SYMMETRY, *_HOST)},
    "axes": ("protocol", "axes"),
    "host_spring": ("protocol", "spring"),
    "elements": ("de_novo", "elements"),
    "max_atoms": ("de_novo", "max_atoms"),
    "rounds": ("chemical_system", "rounds"),
    "refine": ("chemical_system", "refine"),
    "blind": ("seeds", "blind"),
    "density": ("seeds", "density"),
    "pressure": ("protocol", "pressure"),
}


class Execution(BaseModel):
    """How a run is carried out; its structures don't depend on it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ranks_per_structure: int = Field(
        1, ge=1, description="ranks that share a structure, by domain decomposition"
    )
    trajectories: Numbers = Field(
        (), description="seeds whose path is written to the folder trajectories, e.g. 0,5,7"
    )
    time_limit: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description="minutes after which no new seed starts; default: until a minute before the "
        "Slurm job's end",
    )
    keep_every: float = Field(
        10.0,
        ge=0,
        allow_inf_nan=False,
        description="minutes between two restart files of a structure of 500 atoms or more; a run "
        "that was killed goes on from them",
    )
    grace: float = Field(
        10.0,
        ge=0,
        allow_inf_nan=False,
        description="seconds that seeds in progress get to finish when the run is told to stop",
    )


def nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Put :class:`Shortcuts` where they belong, and read other short forms.

    Args:
        fields: settings of a run as a user writes them.

    Raises:
        ValueError: a setting is given twice.
    """
    placed = dict(fields)
    # a protocol by name is the preset of that name
    if isinstance(placed.get("protocol"), str):
        placed["preset"] = placed.pop("protocol")
    placed["de_novo"] = _compositions(placed.get("de_novo"))
    placed["chemical_system"] = _chemical_system(placed.get("chemical_system"))
    of_system = {"max_atoms"} if placed["chemical_system"] is not None else set()
    for name, (outer, inner) in _PLACES.items():
        outer = "chemical_system" if name in of_system else outer  # noqa: PLW2901
        value = placed.pop(name, None)
        if value is None:
            continue
        around = placed.get(outer)
        around = around.model_dump() if isinstance(around, BaseModel) else dict(around or {})
        if around.get(inner) is not None and around[inner] != value:
            raise ValueError(f"{name} and {outer}: {{{inner}: ...}} are one setting; give one")
        placed[outer] = {**around, inner: value}
    return {
        name: value
        for name, value in placed.items()
        if value is not None or name not in {"de_novo", "chemical_system"}
    }
