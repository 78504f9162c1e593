"""A bundle: one folder with everything LAMMPS and ``rm-generate`` need of a compiled model."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from rm_lammps.cache import cache_folder, cpu_type, key
from rm_lammps.datasets import DatasetStatistics
from rm_lammps.deployment.compile import compile_model
from rm_lammps.deployment.plugin import ensure_plugin
from rm_lammps.errors import UserError
from rm_lammps.files import MODEL_PROTOTYPES, sha256
from rm_lammps.pretrained.source import ModelSource, find_model

MANIFEST = "manifest.json"
COMPILED = "model.nequip.pt2"
INCLUDE = "pair.in"
_VERSIONED = ("rm_lammps", "torch", "nequip", "nequip-allegro", "lammps")

_INCLUDE_TEXT = """\
# Pair style of the Response Matching model '{name}'.
# Use after the box is there, with the elements of your atom types in order:
#     variable rm_elements index "{elements}"
#     include {folder}/{include}
# Units metal: Angstrom, pseudo-eV, bar. Elements of the model: {elements}
# Moved the folder? Say where it is: lmp -var rm_bundle FOLDER
variable rm_bundle index {folder}
# index variables keep the value of a bundle before: only the folder with this model counts
variable rm_folder string {folder}
variable rm_own equal is_file(${{rm_bundle}}/{marker})
if "${{rm_own}} == 1" then "variable rm_folder string ${{rm_bundle}}"
variable rm_given string $(is_defined(variable,rm_elements))
variable rm_elements index "{elements}"
pair_style allegro
pair_coeff * * ${{rm_folder}}/{compiled} ${{rm_elements}}
if "${{rm_given}} == 0" then "variable rm_elements delete"
"""

_MARKER_TEXT = "By this file's name pair.in tells its own folder from that of another bundle.\n"


class CompiledLevel(BaseModel):
    """One potential of a model that is a ladder of them, each for a range of noise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    noise: tuple[float, float]
    """Range of the displacements that it was trained with: standard deviations, Å."""
    file: str
    """Compiled model in the bundle."""


class Manifest(BaseModel):
    """What is in a bundle and what it was made for."""

    model_config = ConfigDict(extra="forbid")

    name: str
    species: list[str]
    cutoff: float
    """Å."""
    units: str = "metal"
    device: str
    cpu: str
    versions: dict[str, str]
    package_sha256: str
    files: dict[str, str]
    """sha256 of every other file of the bundle."""
    statistics: DatasetStatistics | None
    levels: tuple[CompiledLevel, ...] = ()
    """Of a ladder, the lowest first; empty where one potential is for all noise."""


class Bundle:
    """A deployed model on disk, checked against this machine."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest

    @classmethod
    def load(cls, folder: Path | str) -> "Bundle":
        """Read and check a bundle.

        Raises:
            UserError: not a bundle, damaged, or compiled for another torch or CPU.

        """
        folder = Path(folder).resolve()
        try:
            manifest = Manifest.model_validate_json((folder / MANIFEST).read_text())
        except OSError as error:
            raise UserError(
                f"{folder} is not a bundle: {MANIFEST} can't be read ({error}).",
                "Make one with rm-deploy MODEL --out FOLDER.",
            ) from error
        except ValidationError as error:
            raise UserError(
                f"{folder / MANIFEST} is not a manifest this version reads: {error}", _AGAIN
            ) from error
        _check(folder, manifest)
        return cls(folder, manifest)

    @property
    def statistics(self) -> DatasetStatistics:
        """Statistics of the training data.

        Raises:
            UserError: the bundle was made from a bare package, which has none.

        """
        if self.manifest.statistics is None:
            raise UserError(
                f"The bundle {self.folder} has no statistics of its training data, so seeds "
                "can't be made.",
                "Deploy the folder that rm-train wrote instead of a bare .nequip.zip.",
            )
        return self.manifest.statistics

    pair_style = "allegro"
    """Name of the model's pair style in LAMMPS."""

    def pair_coefficients(self, elements: Sequence[str], level: str | None = None) -> str:
        """What follows ``pair_coeff`` for atom types of these elements.

        Args:
            elements: by atom type.
            level: of the model's ladder; ``None`` for the lowest.

        Raises:
            UserError: the model has no such level.
        """
        return f"* * {self.folder / self.compiled(level)} {' '.join(elements)}"

    def compiled(self, level: str | None = None) -> str:
        """Name of the compiled model of a level; see :meth:`pair_coefficients`."""
        if level is None:
            return COMPILED
        found = {known.name: known.file for known in self.manifest.levels}
        if level not in found:
            raise UserError(
                f"The model {self.manifest.name} has no level {level!r}.",
                f"Its levels: {', '.join(found)}."
                if found
                else "It has one potential for all noise: leave out level.",
            )
        return found[level]

    @property
    def prototypes(self) -> Path | None:
        """Library of structures for seeds, where the model carries one."""
        carried = MODEL_PROTOTYPES in self.manifest.files
        return self.folder / MODEL_PROTOTYPES if carried else None

    @property
    def include(self) -> Path:
        """Include file for LAMMPS scripts."""
        return self.folder / INCLUDE


_AGAIN = "Deploy the model again on this machine: rm-deploy MODEL --out FOLDER."


def _check(folder: Path, manifest: Manifest) -> None:
    for name, digest in manifest.files.items():
        file = folder / name
        if not file.is_file() or sha256(file) != digest:
            raise UserError(f"{file} is missing or not the file that was deployed.", _AGAIN)
    torch = version("torch")
    if manifest.versions["torch"] != torch:
        raise UserError(
            f"The bundle {folder} was compiled with torch {manifest.versions['torch']}, but "
            f"torch {torch} is installed.",
            _AGAIN,
        )
    if manifest.device == "cpu" and manifest.cpu != cpu_type():
        raise UserError(
            f"The bundle {folder} was compiled for another CPU: {manifest.cpu}; this is "
            f"{cpu_type()}.",
            _AGAIN + " On a cluster, deploy in a job on the nodes that run it.",
        )


def deploy(model: str, out: Path | None = None, *, device: str = "cpu") -> Bundle:
    """Compile a model into a bundle, and build the pair-style plugin if need be.

    Args:
        model: name of a shipped model, folder written by ``rm-train``, or ``.nequip.zip`` file.
        out: the bundle's folder; ``None`` for the user's cache, where it is made only once.
        device: ``cpu`` or ``cuda``.

    Raises:
        UserError: no such model, no compiler, or the compilation failed.

    """
    if device not in {"cpu", "cuda"}:
        raise UserError(f"Unknown device {device!r}.", "Allowed: cpu, cuda.")
    source = find_model(model)
    ensure_plugin()
    cached = out is None
    folder = _cached_folder(source, device) if out is None else out.resolve()
    if any(character.isspace() for character in str(folder)):
        raise UserError(
            f"The bundle's path {str(folder)!r} has a space, which LAMMPS scripts can't name.",
            "Choose another --out, or set RM_LAMMPS_CACHE to a path without spaces.",
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f".{folder.name}.lock")):
            if not (cached and (folder / MANIFEST).is_file()):
                _make(source, folder, device)
    except OSError as error:
        raise UserError(
            f"Can't write the bundle to {folder}: {error}",
            "Choose another --out, or set RM_LAMMPS_CACHE to a folder you can write to.",
        ) from error
    return Bundle.load(folder)


def find_bundle(model: str, *, device: str = "cpu") -> Bundle:
    """Load a bundle by its folder, or deploy a model into the user's cache."""
    if not (Path(model) / MANIFEST).is_file():
        return deploy(model, device=device)
    # the bundle may have been made by other versions, or with another cache
    ensure_plugin()
    return Bundle.load(model)


def _cached_folder(source: ModelSource, device: str) -> Path:
    versions = [version(name) for name in _VERSIONED]
    # how a model is compiled is part of what it is
    code = [sha256(file) for file in sorted(Path(__file__).parent.glob("*.py"))]
    # a bundle carries copies of what seeds are made from
    copies = [
        "" if source.statistics is None else source.statistics.model_dump_json(),
        "" if source.prototypes is None else sha256(source.prototypes),
    ]
    levels = [
        f"{level.name} {level.noise} {sha256(source.package.parent / level.package)}"
        for level in source.levels
    ]
    identity = key(sha256(source.package), *levels, device, cpu_type(), *versions, *code, *copies)
    return cache_folder() / "bundles" / f"{source.name}-{identity}"


def _make(source: ModelSource, folder: Path, device: str) -> None:
    if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
        raise UserError(f"{folder} exists and is not a bundle.", "Choose another --out.")
    with _scratch_beside(folder) as scratch:
        compile_model(source.package, scratch / COMPILED, device=device)
        species, cutoff = _species_and_cutoff(source.package)
        levels = _compile_levels(source, species, scratch, device)
        marker = f"{sha256(scratch / COMPILED)[:16]}.id"
        (scratch / marker).write_text(_MARKER_TEXT)
        text = _INCLUDE_TEXT.format(
            name=source.name,
            elements=" ".join(species),
            folder=folder,
            include=INCLUDE,
            compiled=COMPILED,
            marker=marker,
        )
        (scratch / INCLUDE).write_text(text)
        if source.prototypes is not None:
            shutil.copy(source.prototypes, scratch / MODEL_PROTOTYPES)
        manifest = Manifest(
            name=source.name,
            species=species,
            cutoff=cutoff,
            device=device,
            cpu=cpu_type(),
            versions={name: version(name) for name in _VERSIONED},
            package_sha256=sha256(source.package),
            files={file.name: sha256(file) for file in sorted(scratch.iterdir())},
            statistics=source.statistics,
            levels=levels,
        )
        folder.mkdir(exist_ok=True)
        # the manifest comes last: a folder with one is complete
        (folder / MANIFEST).unlink(missing_ok=True)
        for file in scratch.iterdir():
            file.replace(folder / file.name)
        partial = folder / f".{MANIFEST}"
        partial.write_text(manifest.model_dump_json(indent=1) + "\n")
        partial.replace(folder / MANIFEST)


def _compile_levels(
    source: ModelSource, species: list[str], scratch: Path, device: str
) -> tuple[CompiledLevel, ...]:
    """Compile the levels above the lowest one."""
    compiled = []
    for number, level in enumerate(source.levels):
        file = f"{level.name}.nequip.pt2" if number else COMPILED
        if number:
            package = source.package.parent / level.package
            known, _ = _species_and_cutoff(package)
            if missing := [symbol for symbol in species if symbol not in known]:
                raise UserError(
                    f"Level {level.name} of {source.name} does not know {' '.join(missing)}, which "
                    "the lowest one knows.",
                    "Train all levels of a ladder with the same elements.",
                )
            compile_model(package, scratch / file, device=device)
        compiled.append(CompiledLevel(name=level.name, noise=level.noise, file=file))
    return tuple(compiled)


@contextmanager
def _scratch_beside(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
        yield Path(name)


def _species_and_cutoff(package: Path) -> tuple[list[str], float]:
    """Read a packaged model's type names and cutoff (Å)."""
    from nequip.model.saved_models.load_utils import load_saved_model
    from nequip.utils.global_state import set_global_state

    set_global_state()
    model = load_saved_model(str(package))
    return list(model.type_names), float(model.metadata["r_max"])
