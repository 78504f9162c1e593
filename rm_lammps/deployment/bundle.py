"""A bundle: one folder with everything LAMMPS and ``rm-generate`` need of a model.

Where the pair style's own kernel knows the model, its weights are enough: they run on any CPU and
need neither torch nor a compiler. Other models, GPUs, and other programs need a compiled graph.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from pydantic import ValidationError

from rm_lammps.cache import cache_folder, cpu_type, key
from rm_lammps.datasets import DatasetStatistics
from rm_lammps.deployment.compile import compile_model, export_weights
from rm_lammps.deployment.manifest import (
    DEPLOY_AGAIN,
    GRAPH_ENDING,
    WEIGHTS_ENDING,
    Manifest,
    Potential,
    check_machine,
    describe,
    installed_versions,
)
from rm_lammps.deployment.plugin import ensure_plugin
from rm_lammps.deployment.weights import read_header
from rm_lammps.errors import UserError
from rm_lammps.files import MODEL_PROTOTYPES, MODEL_WEIGHTS, sha256
from rm_lammps.pretrained.source import ModelSource, find_model

MANIFEST = "manifest.json"
GRAPH = "model.nequip.pt2"
_PACKAGE_ENDING = ".nequip.zip"
INCLUDE = "pair.in"
_WHOLE = "model"

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
pair_coeff * * ${{rm_folder}}/{model} ${{rm_elements}}
if "${{rm_given}} == 0" then "variable rm_elements delete"
"""

_MARKER_TEXT = "By this file's name pair.in tells its own folder from that of another bundle.\n"


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
                f"{folder / MANIFEST} is not a manifest this version reads: {error}", DEPLOY_AGAIN
            ) from error
        bundle = cls(folder, manifest)
        bundle.check()
        if bundle.needs_graphs:
            check_machine(folder, manifest)
        return bundle

    @classmethod
    def in_place(cls, source: ModelSource) -> "Bundle | None":
        """Use a model's weights where they lie: nothing is compiled, copied or written.

        Returns:
            ``None`` where there are no weights beside the model's packages.

        Raises:
            UserError: the levels of a ladder don't fit together.

        """
        potentials = []
        for package in _packages(source):
            weights = _own_weights(package.resolve())
            if weights is None:
                return None
            potentials.append(Potential.read(weights))
        folder = source.package.parent.resolve()
        files = [potential.file for potential in potentials]
        if source.prototypes is not None:
            files.append(source.prototypes)
        return cls(folder, describe(source, folder, potentials, files, "cpu"))

    def check(self) -> None:
        """Make sure that the files are still those of the manifest.

        Raises:
            UserError: one is missing or another.

        """
        for name, digest in self.manifest.files.items():
            file = self.folder / name
            if not file.is_file() or sha256(file) != digest:
                raise UserError(
                    f"{file} is missing or not the file that was deployed.", DEPLOY_AGAIN
                )

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

    @property
    def model(self) -> str:
        """Name of the file that the pair style evaluates: weights where there are, else a graph."""
        return MODEL_WEIGHTS if MODEL_WEIGHTS in self.manifest.files else GRAPH

    @property
    def needs_graphs(self) -> bool:
        """Whether a compiled graph is evaluated, which needs torch."""
        files = [self.model, *(level.file for level in self.manifest.levels)]
        return any(file.endswith(GRAPH_ENDING) for file in files)

    def pair_coefficients(self, elements: Sequence[str], level: str | None = None) -> str:
        """What follows ``pair_coeff`` for atom types of these elements.

        Args:
            elements: by atom type.
            level: of the model's ladder; ``None`` for the lowest.

        Raises:
            UserError: the model has no such level.
        """
        return f"* * {self.folder / self._file(level)} {' '.join(elements)}"

    def _file(self, level: str | None) -> str:
        if level is None:
            return self.model
        found = {known.name: known.file for known in self.manifest.levels}
        if level not in found:
            raise UserError(
                f"The model {self.manifest.name} has no level {level!r}.",
                f"Its levels: {', '.join(found)}."
                if found
                else "It has one potential for all noise: leave out level.",
            )
        return found[level]

    def level_for(self, noise: float) -> str | None:
        """Level of the ladder for some noise; ``None`` where one potential is for all noise.

        Args:
            noise: standard deviation of a coordinate, Å.

        Returns:
            The highest level that was trained with so little; of less than any was, the lowest.
        """
        levels = self.manifest.levels
        known = [level.name for level in levels if level.noise[0] <= noise]
        return known[-1] if known else None

    @property
    def prototypes(self) -> Path | None:
        """Library of structures for seeds, where the model carries one."""
        carried = MODEL_PROTOTYPES in self.manifest.files
        return self.folder / MODEL_PROTOTYPES if carried else None

    @property
    def include(self) -> Path:
        """Include file for LAMMPS scripts."""
        return self.folder / INCLUDE


def deploy(
    model: str, out: Path | None = None, *, device: str = "cpu", graph: bool = False
) -> Bundle:
    """Make a bundle of a model, and build the pair-style plugin if need be.

    Args:
        model: name of a shipped model, folder written by ``rm-train``, or ``.nequip.zip`` file.
        out: the bundle's folder; ``None`` for the user's cache, where it is made only once.
        device: ``cpu`` or ``cuda``.
        graph: whether to compile a graph even where the pair style's own kernel knows the model.

    Raises:
        UserError: no such model, no compiler, or the compilation failed.

    """
    if device not in {"cpu", "cuda"}:
        raise UserError(f"Unknown device {device!r}.", "Allowed: cpu, cuda.")
    source = find_model(model)
    ensure_plugin()
    cached = out is None
    folder = _cached_folder(source, device, graph) if out is None else out.resolve()
    if any(character.isspace() for character in str(folder)):
        raise UserError(
            f"The bundle's path {str(folder)!r} has a space, which LAMMPS scripts can't name.",
            "Choose another --out, or set RM_LAMMPS_CACHE to a path without spaces.",
        )
    try:
        # whoever uses a finished cache need not be allowed to write to it
        if not (cached and (folder / MANIFEST).is_file()):
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(folder.with_name(f".{folder.name}.lock")):
                if not (cached and (folder / MANIFEST).is_file()):
                    _make(source, folder, device, graph)
    except OSError as error:
        raise UserError(
            f"Can't write the bundle to {folder}: {error}",
            "Choose another --out, or set RM_LAMMPS_CACHE to a folder you can write to.",
        ) from error
    bundle = Bundle.load(folder)
    ensure_plugin(graphs=graph or bundle.needs_graphs)
    return bundle


def find_bundle(model: str, *, device: str = "cpu") -> Bundle:
    """Load a bundle by its folder, use a model's weights, or deploy it into the user's cache.

    Raises:
        UserError: see :func:`deploy`.

    """
    if (Path(model) / MANIFEST).is_file():
        bundle = Bundle.load(model)
        if device == "cuda" and bundle.manifest.device != device:
            raise UserError(
                f"The bundle {model} was compiled for {bundle.manifest.device}: --device {device} "
                "would do nothing.",
                "Deploy the model for it: rm-deploy MODEL --device cuda --out FOLDER.",
            )
    else:
        found = Bundle.in_place(find_model(model)) if device == "cpu" else None
        if found is None:
            return deploy(model, device=device)
        bundle = found
    # it may have been made by other versions, or with another cache
    ensure_plugin(graphs=bundle.needs_graphs)
    return bundle


def _packages(source: ModelSource) -> list[Path]:
    """Packages of a model: one, or that of each level."""
    higher = [source.package.parent / level.package for level in source.levels[1:]]
    return [source.package, *higher]


def _own_weights(package: Path) -> Path | None:
    """Weights beside a package, if they were made from it."""
    weights = package.with_name(package.name.removesuffix(_PACKAGE_ENDING) + WEIGHTS_ENDING)
    if not weights.is_file():
        return None
    return weights if read_header(weights).package_sha256 == sha256(package) else None


def _cached_folder(source: ModelSource, device: str, graph: bool) -> Path:
    # how a model is compiled is part of what it is; how a machine is examined is not
    looking = {"doctor.py", "plugin.py", "plugin_path.py"}
    files = sorted(file for file in Path(__file__).parent.glob("*.py") if file.name not in looking)
    code = [sha256(file) for file in files]
    # a bundle carries copies of what seeds are made from
    copies = [
        "" if source.statistics is None else source.statistics.model_dump_json(),
        "" if source.prototypes is None else sha256(source.prototypes),
    ]
    kind = [device, str(graph), cpu_type()]
    levels = [f"{level.name} {level.noise}" for level in source.levels]
    packages = [sha256(package) for package in _packages(source)]
    identity = key(*packages, *levels, *kind, *installed_versions(), *code, *copies)
    return cache_folder() / "bundles" / f"{source.name}-{identity}"


def _make(source: ModelSource, folder: Path, device: str, graph: bool) -> None:
    if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
        raise UserError(f"{folder} exists and is not a bundle.", "Choose another --out.")
    with _scratch_beside(folder) as scratch:
        names = [_WHOLE, *(level.name for level in source.levels[1:])]
        potentials = [
            _put(package, scratch / name, device, graph)
            for name, package in zip(names, _packages(source), strict=True)
        ]
        lowest = potentials[0]
        marker = f"{sha256(lowest.file)[:16]}.id"
        (scratch / marker).write_text(_MARKER_TEXT)
        text = _INCLUDE_TEXT.format(
            name=source.name,
            elements=" ".join(lowest.species),
            folder=folder,
            include=INCLUDE,
            model=lowest.file.name,
            marker=marker,
        )
        (scratch / INCLUDE).write_text(text)
        if source.prototypes is not None:
            shutil.copy(source.prototypes, scratch / MODEL_PROTOTYPES)
        files = sorted(scratch.iterdir())
        manifest = describe(source, scratch, potentials, files, device)
        folder.mkdir(exist_ok=True)
        # the manifest comes last: a folder with one is complete
        (folder / MANIFEST).unlink(missing_ok=True)
        for file in scratch.iterdir():
            file.replace(folder / file.name)
        partial = folder / f".{MANIFEST}"
        partial.write_text(manifest.model_dump_json(indent=1) + "\n")
        partial.replace(folder / MANIFEST)


def _put(package: Path, target: Path, device: str, graph: bool) -> Potential:
    """Write what is evaluated of a package: ``target`` with an ending, and a graph if asked for."""
    weights = target.with_name(target.name + WEIGHTS_ENDING)
    compiled = target.with_name(target.name + GRAPH_ENDING)
    has_weights = device == "cpu" and _put_weights(package, weights)
    if graph or not has_weights:
        compile_model(package, compiled, device=device)
    return Potential.read(weights if has_weights else compiled)


def _put_weights(package: Path, target: Path) -> bool:
    """Copy the weights that lie beside a package, or take them from it, if it has any."""
    own = _own_weights(package)
    if own is None:
        return export_weights(package, target)
    shutil.copy(own, target)
    return True


@contextmanager
def _scratch_beside(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
        yield Path(name)
