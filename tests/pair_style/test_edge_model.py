"""The rewritten model is the eager one, whatever the architecture."""

import pytest
import torch

from rm_lammps.deployment.compile import _agrees, dense_edges, sample_data
from rm_lammps.deployment.edge_model import EdgeModel, UnsupportedModelError


@pytest.fixture(scope="module")
def eager_model(load_helper):
    return load_helper("make_model").eager_model


ARCHITECTURES = {
    "one type": {"type_names": ["C"]},
    "cutoffs and norms by type": {
        "type_names": ["H", "C", "O"],
        "per_edge_type_cutoff": {"H": 3.0},
        "avg_num_neighbors": {"H": 10.0, "C": 20.0, "O": 30.0},
    },
    "two layers": {"num_layers": 2},
    "three layers with parity": {"num_layers": 3, "parity": True, "l_max": 1},
    "deep networks": {
        "scalar_embed_mlp_hidden_layers_depth": 2,
        "allegro_mlp_hidden_layers_depth": 2,
        "readout_mlp_hidden_layers_depth": 2,
    },
    "uncoupled paths": {"num_layers": 2, "l_max": 3, "tp_path_channel_coupling": False},
    "linear readout": {"readout_mlp_hidden_layers_depth": 0},
    "no shifts": {"per_type_energy_shifts": None, "per_type_energy_scales": None},
    "other nonlinearities": {
        "allegro_mlp_nonlinearity": "mish",
        "readout_mlp_nonlinearity": "gelu",
    },
}


def both(model):
    data = sample_data(model.metadata, "cpu")
    rewritten = EdgeModel(model)
    inputs = dense_edges(data, float(model.metadata["r_max"]), rewritten.dtype)
    reference = model({name: value.clone() for name, value in data.items()})
    return rewritten, inputs, data, reference


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_rewritten_model_equals_eager_model(name, eager_model):
    model = eager_model(
        **{"type_names": ["H", "C"], "r_max": 4.0, "model_dtype": "float64", **ARCHITECTURES[name]}
    )
    rewritten, inputs, data, reference = both(model)
    assert _agrees(rewritten(*inputs), data, inputs[0], reference)
    # the check itself notices a small error
    energies, gradients = rewritten(*inputs)
    assert not _agrees((energies, gradients * 1.001), data, inputs[0], reference)
    assert not _agrees((energies + 0.001, gradients), data, inputs[0], reference)


def test_edges_that_fill_up_a_row_contribute_nothing(eager_model):
    model = eager_model(type_names=["C"], r_max=4.0, model_dtype="float32")
    rewritten, (vectors, *types), *_ = both(model)
    energies, gradients = rewritten(vectors, *types)
    wider = torch.cat([vectors, vectors.new_tensor([0.0, 9.0, 0.0]).expand(len(vectors), 5, 3)], 1)
    more = torch.zeros(wider.shape[:2], dtype=torch.long)
    wide_energies, wide_gradients = rewritten(wider, types[0], more)
    torch.testing.assert_close(wide_energies, energies, rtol=0, atol=1e-6)
    assert wide_gradients[:, vectors.shape[1] :].abs().max() == 0.0
    assert gradients.abs().max() > 0.01


def test_unknown_parts_are_refused(eager_model):
    potential = {"_target_": "nequip.nn.pair_potential.ZBL", "chemical_species": ["C"]}
    model = eager_model(
        type_names=["C"],
        r_max=4.0,
        model_dtype="float32",
        pair_potential={**potential, "units": "metal"},
    )
    with pytest.raises(UnsupportedModelError, match="pair_potential"):
        EdgeModel(model)
