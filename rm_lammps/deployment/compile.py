"""Compile a packaged model for the LAMMPS pair style of this machine.

The file that :func:`compile_model` writes holds nequip's own ``pair_allegro`` target, so that
nequip's pair style and calculators load it too.
"""

import itertools
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rm_lammps.errors import UserError

_LOG_TAIL = 25  # lines of a failed compilation that are shown
_SAMPLE_ATOMS = 24  # atoms of the structure that the export traces the model with


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
    if not output.name.endswith(".nequip.pt2"):
        raise UserError(
            f"The compiled model can't be named {output.name}.", "End its name in .nequip.pt2"
        )
    if not package.is_file():
        raise UserError(f"There is no file {package}.", "Give a .nequip.zip package or a .ckpt.")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".compile-") as folder:
        result = Path(folder) / output.name
        command = [sys.executable, "-m", __spec__.name, str(package.resolve()), str(result), device]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode or not result.is_file():
            lines = (done.stdout + done.stderr).splitlines()[-_LOG_TAIL:]
            raise UserError(
                f"Compiling {package} for {device} failed:\n" + "\n".join(lines),
                "Compiling needs a C++ compiler, and a GPU with a matching torch for cuda.",
            )
        result.replace(output)


def export_model(model: Any, output: Path, *, device: str = "cpu") -> None:
    """Export an eager nequip model; what :func:`compile_model` does in its process.

    Args:
        model: ``nequip.nn.GraphModel`` of an Allegro model.
        output: file to write, ending in ``.nequip.pt2``.
        device: ``cpu`` or ``cuda``.

    """
    import torch
    from allegro._compile import PAIR_ALLEGRO_TARGET as TARGET
    from nequip.utils.aot import aot_export_model

    data = sample_data(model.metadata, device)
    dim = torch.export.dynamic_shapes.Dim
    batch_map = {
        "graph": torch.export.Dim.STATIC,
        "node": dim("num_nodes", min=2),
        "edge": dim("num_edges", min=2),
    }
    metadata = model_metadata(model)
    metadata["nequip_aoti_inputs"] = " ".join(TARGET["input"])
    metadata["nequip_aoti_outputs"] = " ".join(TARGET["output"])
    aot_export_model(
        model=model,
        device=torch.device(device),
        input_fields=TARGET["input"],
        output_fields=TARGET["output"],
        data=data,
        batch_map=batch_map,
        output_path=str(output),
        inductor_configs={"aot_inductor.metadata": metadata},
    )


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


def _main(package: str, output: str, device: str) -> None:
    """Load and export, in the process that :func:`compile_model` starts."""
    import torch
    from nequip.model.saved_models.load_utils import load_saved_model
    from nequip.scripts._workflow_utils import set_workflow_state
    from nequip.utils.global_state import set_global_state

    if device.startswith("cuda") and not torch.cuda.is_available():
        sys.exit(f"torch {torch.__version__} finds no GPU on this machine")
    set_workflow_state("compile")
    set_global_state()
    export_model(load_saved_model(package), Path(output), device=device)


if __name__ == "__main__":
    _main(*sys.argv[1:])
