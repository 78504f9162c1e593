"""The fast step is nequip's model: the same loss, the same gradient in every parameter."""

import ase
import ase.io
import numpy as np
import pytest
import torch
from ase.build import bulk, molecule, mx2
from hydra.utils import get_method, instantiate
from nequip.data import AtomicDataDict, compute_neighborlist_, from_dict
from nequip.utils.global_state import set_global_state

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.model.edge_form import UnsupportedModelError
from rm_lammps.response.keys import ANCHOR, LOSS_WEIGHT
from rm_lammps.systems import find_system
from rm_lammps.training.nequip_config import nequip_config
from rm_lammps.training.samples import SampleSource, Shape, pack, to_batch
from rm_lammps.training.step import ResponseStep, compiled, loss_and_gradients, with_gradients
from rm_lammps.training.training_config import TrainingConfig

set_global_state()

CARBON = [bulk("C", cubic=True), bulk("C")]
SALTS = [bulk("NaCl", "rocksalt", a=5.6), bulk("NaCl", "cesiumchloride", a=3.5)]
MOLECULES = [molecule(name) for name in ("CH3OH", "C2H2", "CO2")]
LAYERS = [find_system("layer").standard(mx2()), find_system("layer").standard(mx2("NbS2"))]
CASES = {
    "one layer, one type": (CARBON, {}),
    "two layers, one type": (CARBON, {"num_layers": 2}),
    "one layer, two types": (SALTS, {"l_max": 3}),
    "two layers, two types": (SALTS, {"num_layers": 2, "parity": True}),
    "one layer, molecules": (MOLECULES, {}),
    "two layers, molecules": (MOLECULES, {"num_layers": 2, "l_max": 1}),
    "one layer, layers": (LAYERS, {}),
    "a wide network of pairs": (SALTS, {"pair_width": 24, "pair_depth": 2}),
}


def settings_of(model, dtype="float64"):
    small = {
        "r_max": 4.0,
        "l_max": 2,
        "num_scalar_features": 16,
        "num_tensor_features": 4,
        "mlp_width": 16,
        "dtype": dtype,
    }
    return TrainingConfig.model_validate(
        {
            "name": "test",
            "model": {**small, **model},
            "noise": {"displacement": 0.3},
            "optimisation": {
                "loss": {"energy": 0.5, "forces": 1.0, "stress": 7.0, "half_weight": 0.2}
            },
        }
    )


def drawn(frames, config, tmp_path, count=5):
    for number, atoms in enumerate(frames):
        atoms.info[ANCHOR] = -0.2 * number
    ase.io.write(tmp_path / "frames.extxyz", frames)
    statistics = DatasetStatistics.of(frames, cutoff=config.model.r_max)
    source = SampleSource(tmp_path / "frames.extxyz", config, statistics)
    indices = np.arange(count) % len(frames)
    return statistics, source.draw(indices, np.random.default_rng(3))


def packed(samples, config, slack=0):
    counts, edges = samples.noisy.structures.counts, samples.edge_counts
    shape = Shape(len(counts) + 1 + slack, counts.sum() + 1 + slack, edges.sum() + slack)
    arrays = pack(samples, np.arange(len(counts)), shape, cutoff=config.model.r_max)
    return to_batch(
        arrays, {"float32": torch.float32, "float64": torch.float64}[config.model.dtype]
    )


def nequip_batch(samples, config):
    """The same noisy structures as nequip takes them, with its own neighbour list."""
    noisy, structures = samples.noisy, samples.noisy.structures
    frames = []
    for k, (first, count) in enumerate(zip(structures.first, structures.counts, strict=True)):
        part = slice(first, first + count)
        system = structures.system
        stress = noisy.stresses[k] if system.has_cell else np.zeros((3, 3))
        data = {
            "pos": torch.tensor(structures.positions[part]),
            "cell": torch.tensor(structures.cells[k] if system.has_cell else np.eye(3))[None],
            "pbc": torch.tensor([system.pbc]),
            "atom_types": torch.tensor(samples.types[part]),
            "total_energy": torch.tensor([[samples.energies[k] * count]]),
            "forces": torch.tensor(noisy.forces[part]),
            "stress": torch.tensor(np.where(system.strained, stress, np.nan))[None],
            LOSS_WEIGHT: torch.tensor([[samples.weights[k]]]),
        }
        frames.append(compute_neighborlist_(from_dict(data), config.model.r_max))
    return AtomicDataDict.batched_from_list(frames)


def counts_of(batch):
    return torch.tensor([batch.n_structures, batch.n_atoms], dtype=batch.vectors.dtype)


def eager(fields):
    fields = {**fields, "compile_mode": "eager"}
    return get_method(fields.pop("_target_"))(**fields)


def built(config, statistics):
    fields = nequip_config(config, statistics)["training_module"]
    return eager(fields["model"]), instantiate(fields["loss"], type_names=statistics.species)


@pytest.mark.parametrize("name", CASES)
def test_loss_and_gradients_are_nequips(name, tmp_path):
    frames, changes = CASES[name]
    config = settings_of(changes)
    statistics, samples = drawn(frames, config, tmp_path)
    model, metrics = built(config, statistics)
    labels = nequip_batch(samples, config)
    reference = metrics(model(labels.copy()), labels)["weighted_sum"]
    names, parameters = zip(*model.named_parameters(), strict=True)
    expected = torch.autograd.grad(reference, parameters, allow_unused=True)

    step = ResponseStep(model, config.optimisation.loss, statistics.system)
    batch = packed(samples, config, slack=7)
    loss, *found = loss_and_gradients(step)(*parameters, counts_of(batch), *batch.tensors())
    assert loss.item() == pytest.approx(reference.item(), rel=1e-9)
    for parameter, mine, theirs in zip(names, found, expected, strict=True):
        wanted = torch.zeros_like(mine) if theirs is None else theirs
        assert (mine - wanted).norm() <= 1e-5 * wanted.norm() + 1e-14, parameter


def test_the_compiled_step_is_the_step(tmp_path):
    config = settings_of({"l_max": 1}, "float32")
    statistics, samples = drawn(SALTS, config, tmp_path)
    model, _ = built(config, statistics)
    step = ResponseStep(model, config.optimisation.loss, find_system("crystal"))
    batch = packed(samples, config, slack=5)
    function = loss_and_gradients(step)
    inputs = [p.detach() for p in model.parameters()] + [counts_of(batch), *batch.tensors()]
    for mine, eager in zip(compiled(function, inputs)(*inputs), function(*inputs), strict=True):
        torch.testing.assert_close(mine, eager, rtol=1e-3, atol=1e-5)


def test_given_gradients_reach_the_parameters(tmp_path):
    parameters = [torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(3))]
    gradients = [torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0, 5.0])]
    (2 * with_gradients(torch.tensor(7.0), parameters, gradients)).backward()
    for parameter, gradient in zip(parameters, gradients, strict=True):
        torch.testing.assert_close(parameter.grad, 2 * gradient.to(parameter.dtype))


def test_what_fills_up_a_batch_counts_nothing(tmp_path):
    config = settings_of({"num_layers": 2})
    statistics, samples = drawn(SALTS, config, tmp_path)
    model, _ = built(config, statistics)
    step = ResponseStep(model, config.optimisation.loss, find_system("crystal"))
    function = loss_and_gradients(step)
    results = []
    for slack in (0, 40):
        batch = packed(samples, config, slack)
        results.append(function(*model.parameters(), counts_of(batch), *batch.tensors()))
    for tight, loose in zip(*results, strict=True):
        torch.testing.assert_close(tight, loose, rtol=1e-10, atol=1e-12)


def test_unknown_architectures_are_refused(tmp_path):
    config = settings_of({})
    statistics, _ = drawn(CARBON, config, tmp_path)
    fields = nequip_config(config, statistics)["training_module"]["model"]
    fields |= {
        "pair_potential": {
            "_target_": "nequip.nn.pair_potential.ZBL",
            "chemical_species": ["C"],
            "units": "metal",
        },
    }
    with pytest.raises(UnsupportedModelError, match="pair_potential"):
        ResponseStep(eager(fields), config.optimisation.loss, find_system("crystal"))
