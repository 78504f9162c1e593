"""Write a model's weights for the pair style's own kernel, which evaluates them without torch.

One-layer float32 models, as almost all trained ones are, need no compiled graph: everything that
depends on a pair of atoms alone is a function of their distance, which the pair style tabulates
when it loads the model; what is left is a few small matrix products for each edge.
"""

import struct
from typing import Any

import torch
from torch import Tensor

from rm_lammps.deployment.edge_model import EdgeModel, UnsupportedModelError

FORMAT = 1  # deploy/src/native.cpp reads the same one
_LANES = 16  # float32 numbers of the widest vector; all widths are multiples of it


def native_weights(model: EdgeModel) -> bytes:
    """Serialise a rewritten model.

    Args:
        model: of one layer, in float32, with harmonics up to degree 2.

    Returns:
        Eleven 32-bit integers (format and sizes), then 64-bit floats, little endian.

    Raises:
        UnsupportedModelError: the kernel does not know this architecture.

    """
    _check(model)
    form = model.form
    channels, degrees = form.channels, form.degrees
    hidden, readout = form.hidden_widths[0], form.readout_width
    wide, tall, last = (_padded(size) for size in (channels, hidden, readout))
    num_types = form.num_types
    by_centre, by_neighbour = model.pair_layers
    embed = [getattr(model, f"embed_{number}") for number in range(form.embed_hidden)]

    # columns: weights of own and surrounding harmonics [degree][channel], latent, readout
    widths = [*[(channels, wide)] * (2 * degrees), (hidden, tall), (readout, last)]
    source = _pad_columns(model.source_0, widths)
    invariants = _pad_rows(_pad_columns(model.invariants_0, [(hidden, tall)]), wide)
    latent = _pad_rows(_pad_columns(model.source_1, [(readout, last)]), tall)

    sizes = [FORMAT, num_types, len(model.frequencies), by_centre.shape[-1], len(embed)]
    sizes += [degrees, wide, tall, last, model.member.shape[0], 0]
    scales, shifts = model.energy_scales, model.energy_shifts
    arrays = [
        torch.tensor([form.power]),
        model.frequencies,
        _each(model.scale, num_types * num_types),
        by_centre,
        by_neighbour,
        *embed,
        source,
        _pad_columns(model.coupling, [(channels, wide)]),
        invariants,
        latent,
        _pad_rows(model.readout_0, last),
        _each(model.norm, num_types),
        _each(model.sum_norm, num_types),
        _each(scales if scales.numel() else torch.ones(1), num_types),
        _each(shifts if shifts.numel() else torch.zeros(1), num_types),
    ]
    flat = torch.cat([array.detach().cpu().double().reshape(-1) for array in arrays])
    return struct.pack(f"<{len(sizes)}i", *sizes) + flat.numpy().astype("<f8").tobytes()


def _check(model: EdgeModel) -> None:
    form = model.form
    activations: list[Any] = [form.embed_activation, *form.latent_activations]
    problems = {
        "more than one layer": form.num_layers != 1,
        "float64 weights": model.dtype != torch.float32,
        "harmonics above degree 2": model.member.shape[0] != form.degrees**2 or form.degrees > 3,
        "other latent or readout depths": form.latent_hidden != [0] or form.readout_hidden != 1,
        "other nonlinearities": any(
            not isinstance(part, torch.nn.SiLU) and type(part).__name__ != "SiLU"
            for part in [*activations, form.readout_activation]
        ),
    }
    for what, present in problems.items():
        if present:
            raise UnsupportedModelError(what)


def _padded(size: int) -> int:
    return -(-size // _LANES) * _LANES


def _each(values: Tensor, count: int) -> Tensor:
    return values.expand(count) if values.numel() == 1 else values


def _pad_columns(matrix: Tensor, widths: list[tuple[int, int]]) -> Tensor:
    """Widen each group of columns with zeros from its own width to the padded one."""
    groups = matrix.split([width for width, _ in widths], dim=1)
    pad = torch.nn.functional.pad
    return torch.cat(
        [pad(group, (0, new - old)) for group, (old, new) in zip(groups, widths, strict=True)], 1
    )


def _pad_rows(matrix: Tensor, rows: int) -> Tensor:
    return torch.nn.functional.pad(matrix, (0, 0, 0, rows - matrix.shape[0]))
