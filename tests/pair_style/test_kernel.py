"""The kernel alone against the float64 model, for CPUs with short and long vectors."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from inputs import diamond, pair

from rm_lammps.deployment.edge_model import EdgeModel, UnsupportedModelError
from rm_lammps.deployment.native import native_weights
from rm_lammps.deployment.plugin_path import PLUGIN_NAME
from rm_lammps.files import shipped_folder

ARCHITECTURES = {
    "one type": {"type_names": ["C"], "num_scalar_features": 64, "num_tensor_features": 16},
    "three types": {
        "per_edge_type_cutoff": {"H": 3.0, "C": {"H": 3.5}},
        "avg_num_neighbors": {"H": 10.0, "C": 20.0, "O": 30.0},
    },
    "odd widths": {
        "l_max": 1,
        "num_tensor_features": 5,
        "allegro_mlp_hidden_layers_width": 24,
        "readout_mlp_hidden_layers_width": 20,
    },
    "deep embedding": {"scalar_embed_mlp_hidden_layers_depth": 3, "num_tensor_features": 40},
    "no angles": {"l_max": 0},
}
FLAGS = {"native": "-march=native", "avx2": "-march=x86-64-v3", "base": "", "aarch64": "-static"}
ARM = "aarch64-linux-gnu-g++", "qemu-aarch64-static"  # a cross compiler, and what runs its programs
# largest error of a gradient, as part of the largest gradient; float32 itself allows 1e-6
TOLERANCE = 5e-6


@pytest.fixture(scope="module", params=FLAGS)
def kernel(request, tmp_path_factory):
    """Command that evaluates atoms with the kernel, compiled for a kind of CPU."""
    if request.param == "avx2":
        cpu = Path("/proc/cpuinfo")
        if platform.machine() != "x86_64" or not cpu.exists() or "avx2" not in cpu.read_text():
            pytest.skip("this CPU has no AVX2")
    arm = request.param == "aarch64"
    if arm and not all(map(shutil.which, ARM)):
        pytest.skip("no compiler and emulator of aarch64")
    program = tmp_path_factory.mktemp("kernel") / "kernel"
    compiler = ARM[0] if arm else os.environ.get("CXX") or shutil.which("c++") or "g++"
    source = shipped_folder("deploy") / "src"
    sources = [request.path.parent / "kernel.cpp", *source.glob("native*.cpp")]
    flags = f"-std=c++20 -O2 -ffp-contract=fast -w {FLAGS[request.param]}".split()
    subprocess.run(
        [compiler, *flags, f"-I{source}", *map(str, sources), "-o", str(program)], check=True
    )
    return [ARM[1], str(program)] if arm else [str(program)]


KINDS = ["x86-64-v2", "x86-64-v3", "x86-64-v4"]
x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="kinds of x86 are told apart")


def kernel_and_energy(run_lmp, file):
    """Kernel that the pair style chose, and the energy of a disturbed crystal."""
    script = diamond(1) + "displace_atoms all random .1 .1 .1 5\n" + pair(file)
    output = run_lmp(script + 'run 0\nprint "RESULT energy $(pe:%.9f)"')
    assert output.code == 0, output.text
    return re.search(r"target native for (\S+)", output.text)[1], output.values("energy")[0]


@x86
@pytest.mark.parametrize("limit", KINDS)
def test_the_kernel_is_that_of_the_cpu_or_older(limit, run_lmp, carbon, monkeypatch):
    best, energy = kernel_and_energy(run_lmp, carbon)
    flags = Path("/proc/cpuinfo").read_text()
    assert best == KINDS[("avx2" in flags) + ("avx512vl" in flags)]
    monkeypatch.setenv("RM_LAMMPS_CPU", limit)
    found, same = kernel_and_energy(run_lmp, carbon)
    assert found == min(limit, best)
    assert same == pytest.approx(energy, rel=1e-6)


@x86
def test_instructions_of_newer_cpus_stay_in_their_kernel(plugin):
    """What runs before the choice, and the oldest kernel, must run on any CPU."""
    if shutil.which("objdump") is None:
        pytest.skip("no objdump")

    def wide(name):
        code = subprocess.run(
            ["objdump", "-d", str(plugin.parent / name)], capture_output=True, text=True, check=True
        ).stdout
        return "%zmm" in code, "%ymm" in code

    assert wide("liballegro_kernel_x86-64-v4.so")[0]
    assert wide("liballegro_kernel_x86-64-v3.so") == (False, True)
    for name in (PLUGIN_NAME, "liballegro_core.so", "liballegro_kernel_x86-64-v2.so"):
        assert wide(name) == (False, False), name


@x86
def test_an_unknown_cpu_is_refused(run_lmp, carbon, monkeypatch):
    monkeypatch.setenv("RM_LAMMPS_CPU", "z80")
    output = run_lmp(diamond(1) + pair(carbon))
    assert output.code != 0
    text = " ".join(output.text.split())
    assert "RM_LAMMPS_CPU=z80: known kinds of CPU are x86-64-v4 x86-64-v3 x86-64-v2" in text


@pytest.fixture(scope="module")
def eager_model(load_helper):
    return load_helper("make_model").eager_model


def neighbourhoods(model, atoms=12):
    """Random central atoms with up to 30 edges: types (atoms,), (atoms, 30), vectors."""
    types, generator = len(model.type_names), torch.Generator().manual_seed(5)

    def random(*shape):
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    centre = (random(atoms) * types).long()
    neighbour = (random(atoms, 30) * types).long()
    vectors = random(atoms, 30, 3) - 0.5
    lengths = 0.8 + (float(model.metadata["r_max"]) + 0.2) * random(atoms, 30, 1)
    return centre, neighbour, lengths * vectors / vectors.norm(dim=-1, keepdim=True)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_kernel_equals_model(name, kernel, eager_model, tmp_path):
    settings = {"type_names": ["H", "C", "O"], "r_max": 4.0, **ARCHITECTURES[name]}
    model = eager_model(model_dtype="float64", **settings)
    rewritten = EdgeModel(model)
    types, (centre, neighbour, vectors) = len(model.type_names), neighbourhoods(model)
    energies, gradients = rewritten(vectors.clone(), centre, neighbour)

    cutoffs = 1.0 / (rewritten.scale if rewritten.scale.numel() > 1 else rewritten.scale[0])
    cutoffs = cutoffs.expand(types * types).reshape(types, types)
    inside = vectors.norm(dim=-1) < cutoffs[centre.unsqueeze(1), neighbour]
    lines = [str(types), *map(repr, cutoffs.flatten().tolist()), str(len(centre))]
    for atom in range(len(centre)):
        near = inside[atom]
        lines += [str(int(centre[atom])), str(int(near.sum()))]
        lines += map(str, neighbour[atom][near].tolist())
        lines += map(repr, vectors[atom][near].flatten().tolist())
    (tmp_path / "input").write_text("\n".join(lines))
    rewritten.dtype = torch.float32
    (tmp_path / "weights").write_bytes(native_weights(rewritten))
    command = [*kernel, str(tmp_path / "weights"), str(tmp_path / "input")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    forgetful = subprocess.run([*command, "forget"], check=True, capture_output=True, text=True)
    # tables that were thrown away are made anew, all the same
    assert forgetful.stdout == done.stdout
    assert types == 1 or int(forgetful.stderr) < 0.7 * int(done.stderr)

    rows = [np.array(line.split(), float) for line in done.stdout.splitlines()]
    found_energies = np.array([row[0] for row in rows])
    found_gradients = np.concatenate([row[1:] for row in rows])
    wanted = gradients[inside].flatten().numpy()
    assert len(found_gradients) == len(wanted) > 300
    assert np.abs(found_gradients - wanted).max() < TOLERANCE * np.abs(wanted).max()
    assert np.abs(found_energies - energies.numpy()).max() < 2e-6
    assert np.ptp(energies.numpy()) > 1e-3


@pytest.mark.parametrize(
    "change",
    [
        {"num_layers": 2},
        {"l_max": 3},
        {"model_dtype": "float64"},
        {"allegro_mlp_nonlinearity": "mish"},
        {"readout_mlp_hidden_layers_depth": 2},
        {"allegro_mlp_hidden_layers_depth": 2},
    ],
)
def test_other_models_are_left_to_the_compiled_targets(change, eager_model):
    settings = {"type_names": ["C"], "r_max": 4.0, "model_dtype": "float32", **change}
    with pytest.raises(UnsupportedModelError):
        native_weights(EdgeModel(eager_model(**settings)))
