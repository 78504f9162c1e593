"""Make the files that the pair style evaluates from a packaged model.

:func:`export_weights` writes the weights for the pair style's own kernel, where it knows the model:
see :mod:`rm_lammps.deployment.native`. :func:`compile_model` compiles graphs: nequip's own
``pair_allegro`` target, so that nequip's pair style loads the file too, and under the name ``edge``
ours: see :mod:`rm_lammps.deployment.edge_model`.
"""

import itertools
import json
import logging
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from rm_lammps.deployment.weights import WeightsHeader, write_weights
from rm_lammps.errors import UserError
from rm_lammps.extras import require
from rm_lammps.files import sha256

_LOG_TAIL = 25  # lines of a failed compilation that are shown
_NOTE = "rm_lammps:"  # starts the lines of the log that are passed on
_EDGE_TARGET = "edge"  # the name under which the pair style looks for what we add
_SAMPLE_ATOMS = 24  # atoms of the structure that the export traces the model with
_GRAPH = ".nequip.pt2"


def compile_model(package: Path, output: Path, *, device: str = "cpu") -> None:
    """Compile a model with AOTInductor; takes about a minute.

    The work is done in a process of its own, which leaves this one's torch as it was.

    Args:
        package: ``.nequip.zip`` package or ``.ckpt`` checkpoint of a trained Allegro model.
        output: file to write; its name ends in ``.nequip.pt2``.
        device: ``cpu`` or ``cuda``.

    Raises:
        UserError: wrong file names, no such device, or the compilation failed.

    """
    package, output = Path(package), Path(output)
    if not output.name.endswith(_GRAPH):
        raise UserError(
            f"The compiled model can't be named {output.name}.", f"End its name in {_GRAPH}"
        )
    advice = "Compiling needs a C++ compiler, and a GPU with a matching torch for cuda."
    _in_own_process("Compiling a model", "compile", package, output, device, advice)


def export_weights(package: Path, output: Path) -> bool:
    """Write a model's weights for the pair style's own kernel; takes some seconds.

    The work is done in a process of its own, which leaves this one's torch as it was.

    Args:
        package: as for :func:`compile_model`.
        output: file to write.

    Returns:
        Whether there are such weights: the kernel doesn't know all models.

    Raises:
        UserError: no such package, or it can't be read.

    """
    package, output = Path(package), Path(output)
    advice = "Is it a package of an Allegro model, made by this version of nequip?"
    _in_own_process("Reading a model", "weights", package, output, "cpu", advice)
    return output.is_file()


def _in_own_process(
    purpose: str, what: str, package: Path, output: Path, device: str, advice: str
) -> None:
    """Run this module as a program; the output is there as a whole or not at all."""
    require("train", purpose)
    if not package.is_file():
        raise UserError(f"There is no file {package}.", "Give a .nequip.zip package or a .ckpt.")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".compile-") as folder:
        result = Path(folder) / output.name
        words = [what, str(package.resolve()), str(result), device]
        done = subprocess.run(
            [sys.executable, "-m", __spec__.name, *words],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode or (what == "compile" and not result.is_file()):
            said = _without_traceback(done.stdout + done.stderr)
            raise UserError(f"{purpose}, {package} for {device}, failed:\n{said}", advice)
        if result.is_file():
            result.replace(output)
    for line in done.stderr.splitlines():
        if line.startswith(_NOTE):
            logging.getLogger(__name__).warning("%s: %s", package.name, line)


def _without_traceback(text: str) -> str:
    """The end of what a process said; of Python's last traceback, what it was about."""
    lines = text.rpartition("Traceback (most recent call last):\n")[2].splitlines()
    if len(lines) < len(text.splitlines()):
        lines = list(itertools.dropwhile(lambda line: line.startswith(" "), lines))
    return "\n".join(lines[-_LOG_TAIL:])


def save_weights(model: Any, output: Path, package_sha256: str = "") -> bool:
    """Write an eager nequip model's weights; what :func:`export_weights` does in its process.

    Args:
        model: ``nequip.nn.GraphModel`` of an Allegro model.
        output: file to write.
        package_sha256: of the package the model was read from.

    Returns:
        Whether there are such weights.

    """
    rewritten = _rewrite(model)
    weights = None if rewritten is None else _native_weights(rewritten)
    if weights is None:
        return False
    header, cutoffs = weights_header(model, package_sha256)
    write_weights(output, header, cutoffs, weights)
    return True


def weights_header(model: Any, package_sha256: str = "") -> tuple[WeightsHeader, list[float]]:
    """What a file of an eager model's weights says of it, and the cutoffs of pairs of types (Å)."""
    metadata = model_metadata(model)
    species = metadata["type_names"].split()
    cutoffs = metadata.get("per_edge_type_cutoff", "").split()
    cutoffs = cutoffs or [metadata["r_max"]] * len(species) ** 2
    header = WeightsHeader(species, float(metadata["r_max"]), package_sha256)
    return header, [float(cutoff) for cutoff in cutoffs]


def export_model(
    model: Any, output: Path, *, device: str = "cpu", every_target: bool = False
) -> None:
    """Export an eager nequip model; what :func:`compile_model` does in its process.

    Args:
        model: ``nequip.nn.GraphModel`` of an Allegro model.
        output: file to write, ending in ``.nequip.pt2``.
        device: ``cpu`` or ``cuda``.
        every_target: whether to compile the edge target even where the pair style's own kernel
            makes it superfluous; for tests and benchmarks.

    """
    metadata = model_metadata(model)
    edge_file = output.with_name(f"{output.name}.edge.pt2")
    rewritten = _rewrite(model)
    superfluous = device == "cpu" and rewritten is not None and _native_weights(rewritten)
    if rewritten is not None and (every_target or not superfluous):
        _export_edges(model, rewritten, edge_file, device)
        metadata["rm_edge_dtype"] = metadata["model_dtype"]
    _export_positions(model, output, device, metadata)
    if edge_file.exists():
        _add_model(output, edge_file, _EDGE_TARGET)
        edge_file.unlink()


def graph_species_and_cutoff(file: Path) -> tuple[list[str], float]:
    """Read type names and cutoff (Å) of a compiled model; needs no torch."""
    with zipfile.ZipFile(file) as archive:
        name = next(
            entry
            for entry in archive.namelist()
            if "/model/" in entry and entry.endswith("_metadata.json")
        )
        metadata = json.loads(archive.read(name))
    return metadata["type_names"].split(), float(metadata["r_max"])


def _rewrite(model: Any) -> Any:
    """Return the model rewritten for edges, or None if that is impossible or would not agree."""
    from rm_lammps.deployment.edge_model import EdgeModel, UnsupportedModelError

    try:
        rewritten = EdgeModel(model).eval()
    except UnsupportedModelError as why:
        sys.stderr.write(f"{_NOTE} nequip's target alone, as the model has {why}\n")
        return None
    data, inputs, reference = _example(model, rewritten)
    if not _agrees(rewritten(*inputs), data, inputs[0], reference):
        sys.stderr.write(f"{_NOTE} nequip's target alone, as ours would not agree with it\n")
        return None
    return rewritten


def _native_weights(rewritten: Any) -> bytes | None:
    """Weights for the pair style's own kernel; None where the model is not of its kind."""
    from rm_lammps.deployment.edge_model import UnsupportedModelError
    from rm_lammps.deployment.native import native_weights

    try:
        return native_weights(rewritten)
    except UnsupportedModelError:
        return None


def _example(model: Any, rewritten: Any) -> tuple[dict[str, Any], list[Any], dict[str, Any]]:
    """Structure, the same as the edge target takes it, and what the eager model says of it."""
    data = sample_data(model.metadata, "cpu")
    inputs = dense_edges(data, float(model.metadata["r_max"]), rewritten.dtype)
    return data, inputs, model({name: value.clone() for name, value in data.items()})


def _root(archive: zipfile.ZipFile) -> str:
    """Name of the folder that holds everything in a .pt2 archive."""
    return archive.namelist()[0].split("/", 1)[0]


def _inductor_configs() -> dict[str, Any]:
    # MPI ranks share the cores of a node: no threads of its own in any of them
    return {"cpp.threads": 1}


def _export_positions(model: Any, output: Path, device: str, metadata: dict[str, str]) -> None:
    """Export nequip's own target for LAMMPS: positions in, forces out."""
    import torch
    from allegro._compile import PAIR_ALLEGRO_TARGET as TARGET
    from nequip.utils.aot import aot_export_model

    dim = torch.export.dynamic_shapes.Dim
    batch_map = {
        "graph": torch.export.Dim.STATIC,
        "node": dim("num_nodes", min=2),
        "edge": dim("num_edges", min=2),
    }
    metadata = {
        **metadata,
        "nequip_aoti_inputs": " ".join(TARGET["input"]),
        "nequip_aoti_outputs": " ".join(TARGET["output"]),
    }
    aot_export_model(
        model=model,
        device=torch.device(device),
        input_fields=TARGET["input"],
        output_fields=TARGET["output"],
        data=sample_data(model.metadata, device),
        batch_map=batch_map,
        output_path=str(output),
        inductor_configs={**_inductor_configs(), "aot_inductor.metadata": metadata},
    )


def _export_edges(model: Any, rewritten: Any, output: Path, device: str) -> None:
    """Export the edge target: edge vectors in, their gradients out."""
    import torch
    from nequip.utils.fx import fx_duck_shape, nequip_decomp_table
    from torch.fx.experimental.proxy_tensor import make_fx

    data, inputs, reference = _example(model, rewritten)
    rewritten, inputs = rewritten.to(device), [value.to(device) for value in inputs]
    with fx_duck_shape(False):
        traced = make_fx(
            rewritten,
            decomposition_table=nequip_decomp_table(),
            tracing_mode="symbolic",
            _allow_non_fake_inputs=True,
            _error_on_data_dependent_ops=True,
        )(*inputs)
    atoms, edges = torch.export.Dim("atoms", min=2), torch.export.Dim("edges", min=2)
    exported = torch.export.export(
        traced,
        tuple(inputs),
        dynamic_shapes=({0: atoms, 1: edges}, {0: atoms}, {0: atoms, 1: edges}),
    )
    torch._inductor.aoti_compile_and_package(
        exported, package_path=str(output), inductor_configs=_inductor_configs()
    )
    compiled = torch._inductor.aoti_load_package(str(output))
    results = [value.cpu() for value in compiled(*inputs)]
    if not _agrees(results, data, inputs[0].cpu(), reference):
        sys.exit("the compiled edge target does not agree with the model")


def dense_edges(data: dict[str, Any], r_max: float, dtype: Any) -> list[Any]:
    """Lay out a structure as the edge target takes it, with rows filled up beyond the cutoff.

    Args:
        data: as :func:`sample_data` makes it; its edges are sorted by their central atom.
        r_max: cutoff in Å.
        dtype: of the edge vectors.

    Returns:
        Edge vectors (n, k, 3) in Å, types of central atoms (n,), types of neighbours (n, k).

    """
    import torch

    (i, j), types = data["edge_index"], data["atom_types"]
    degrees = torch.bincount(i, minlength=len(types))
    slots = torch.arange(len(i)) - (degrees.cumsum(0) - degrees)[i]
    shape = (len(types), int(degrees.max()) + 1)
    vectors = torch.zeros(*shape, 3, dtype=torch.float64)
    vectors[..., 0] = 2.0 * r_max
    vectors[i, slots] = data["pos"][j] - data["pos"][i]
    neighbours = torch.zeros(shape, dtype=torch.long)
    neighbours[i, slots] = types[j]
    return [vectors.to(dtype), types, neighbours]


def _agrees(results: Any, data: dict[str, Any], vectors: Any, reference: dict[str, Any]) -> bool:
    """Whether energies and forces from the edge target are those of the eager model."""
    import torch

    energies, gradients = (value.double() for value in results)
    expected = {name: reference[name].double().cpu() for name in ("atomic_energy", "forces")}
    # the rows of the table are the edges in their order, with the padding at the end of each
    real = vectors.double().norm(dim=-1) < vectors.double().norm(dim=-1).max() * 0.75
    (i, j), forces = data["edge_index"], torch.zeros_like(expected["forces"])
    forces.index_add_(0, i, gradients[real])
    forces.index_add_(0, j, -gradients[real])
    tolerance = 1e-4 if vectors.dtype == torch.float32 else 1e-9

    def close(value: Any, wanted: Any) -> bool:
        return bool((value - wanted).abs().max() <= tolerance * wanted.abs().max())

    return close(energies, expected["atomic_energy"].view(-1)) and close(forces, expected["forces"])


def _add_model(package: Path, other: Path, name: str) -> None:
    """Add the model of another .pt2 archive under a name of its own."""
    old, new = "/data/aotinductor/model/", f"/data/aotinductor/{name}/"
    with zipfile.ZipFile(package, "a") as target, zipfile.ZipFile(other) as source:
        root = _root(target)
        for entry in source.namelist():
            if old in entry:
                target.writestr(root + new + entry.split(old, 1)[1], source.read(entry))


def model_metadata(model: Any) -> dict[str, str]:
    """Return what the pair style reads from the file: types, cutoffs, dtype, torch version."""
    import torch
    from nequip.utils.global_state import get_latest_global_state

    metadata = {**model.metadata, **get_latest_global_state(only_metadata_related=True)}
    metadata["torch_version"] = torch.__version__
    return {k: str(int(v)) if isinstance(v, bool) else str(v) for k, v in metadata.items()}


def sample_data(metadata: dict[str, str], device: str) -> dict[str, Any]:
    """Make a random cluster of all of the model's types, as the ``pair_allegro`` target takes it.

    Args:
        metadata: of the model; ``r_max`` (Å) and ``num_types`` are used.
        device: where the tensors shall be.

    Returns:
        Positions (n, 3) in Å, edge indices (2, edges), types (n,).

    """
    import torch

    r_max, num_types = float(metadata["r_max"]), int(metadata["num_types"])
    generator = torch.Generator().manual_seed(1)
    # jittered grid: no two atoms nearly on one spot, about 20 neighbours within the cutoff
    grid = torch.tensor(list(itertools.product(range(3), repeat=3)), dtype=torch.float64)
    jitter = torch.rand(grid.shape, generator=generator, dtype=torch.float64)
    positions = (0.55 * r_max * (grid + 0.4 * jitter))[:_SAMPLE_ATOMS]
    near = torch.cdist(positions, positions) < r_max
    near.fill_diagonal_(False)
    types = torch.arange(len(positions)) % num_types
    data = {"pos": positions, "edge_index": near.nonzero().T.contiguous(), "atom_types": types}
    return {name: value.to(device) for name, value in data.items()}


def _main(what: str, package: str, output: str, device: str) -> None:
    """Load and export, in the process that :func:`compile_model` starts."""
    import torch
    from nequip.model.saved_models.load_utils import load_saved_model
    from nequip.scripts._workflow_utils import set_workflow_state
    from nequip.utils.global_state import set_global_state

    if device.startswith("cuda") and not torch.cuda.is_available():
        sys.exit(f"torch {torch.__version__} finds no GPU on this machine")
    set_workflow_state("compile")
    set_global_state()
    model = load_saved_model(package)
    if what == "weights":
        save_weights(model, Path(output), sha256(Path(package)))
    else:
        export_model(model, Path(output), device=device)


if __name__ == "__main__":
    _main(*sys.argv[1:])
