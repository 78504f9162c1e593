"""An Allegro model rewritten for inference: edge vectors in, atomic energies and gradients out.

Same numbers as the eager model, from fewer operations:

- Edges come as a dense table, one row of edges for each central atom, so that sums over an atom's
  edges are matrix products instead of scatters. Rows are filled up with edges beyond the cutoff,
  which contribute exactly nothing.
- Linear layers that follow each other are multiplied into one.
- The tensor product contracts its coefficients with the environment of the *atom* first, not once
  more for every edge.
- The gradient is taken with respect to the edge vectors: forces and the virials of every atom
  follow from it without another scatter in the model.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class UnsupportedModelError(Exception):
    """The model has parts that this rewriting does not know."""


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise UnsupportedModelError(what)


def _layers(function: Any) -> tuple[list[Tensor], nn.Module]:
    """Split a ``ScalarMLPFunction`` into its matrices (in float64) and its nonlinearity."""
    mlp = function.mlp
    if hasattr(mlp, "weights"):  # a deep linear network
        product = torch.linalg.multi_dot([w.double() for w in mlp.weights])
        return [product * mlp.alpha.double()], nn.Identity()
    matrices: list[Tensor] = []
    activation: nn.Module = nn.Identity()
    for part in mlp:
        if hasattr(part, "weight"):
            _require(part.bias is None, "a layer with a bias")
            matrices.append(part.weight.detach().double() * part.alpha.double())
        else:
            activation = part
    return matrices, activation


def _by_degree(channels: int, degrees: int) -> Tensor:
    """Column order that turns weights stored [channel][degree] into [degree][channel]."""
    return torch.arange(channels * degrees).view(channels, degrees).T.reshape(-1)


class EdgeModel(nn.Module):
    """Energies of atoms and their gradients from edge vectors.

    Args:
        model: eager ``nequip`` ``GraphModel`` of an Allegro model.

    Raises:
        UnsupportedModelError: the model has parts not known here, e.g. a pair potential.

    """

    scale: Tensor
    frequencies: Tensor
    two_body: Tensor
    by_centre: Tensor
    neighbour_basis: Tensor
    neighbour_embed: Tensor
    neighbour_first: Tensor
    source_0: Tensor
    source_1: Tensor
    invariants_0: Tensor
    product_0: Tensor
    readout_0: Tensor
    member: Tensor
    norm: Tensor
    sum_norm: Tensor
    energy_scales: Tensor
    energy_shifts: Tensor
    harmonics: Any
    embed_activation: Any

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.dtype = {"float32": torch.float32, "float64": torch.float64}[
            model.metadata["model_dtype"]
        ]
        parts = dict(model.model.func.named_children())
        expected = {
            *("edge_norm", "radial_chemical_embed", "scalar_embed_mlp", "tensor_embed"),
            *("allegro", "edge_readout", "edge_eng_sum", "per_type_energy_scale_shift"),
            "total_energy_sum",
        }
        _require(set(parts) == expected, f"modules {sorted(set(parts) ^ expected)}")
        self._read_radial(parts, int(model.metadata["num_types"]))
        self._read_angular(parts["tensor_embed"], parts["allegro"])
        self._read_layers(parts)
        self._read_sum(parts["edge_eng_sum"], parts["per_type_energy_scale_shift"])

    def _constant(self, name: str, value: Tensor, dtype: torch.dtype | None = None) -> None:
        value = value.detach().to(dtype or self.dtype).contiguous().clone()
        self.register_buffer(name, value)

    # ---- reading the eager model

    def _read_radial(self, parts: dict[str, Any], num_types: int) -> None:
        self.num_types = num_types
        embed = dict(parts["radial_chemical_embed"].named_children())
        _require(set(embed) == {"bessel_encode", "type_embed"}, "a radial embedding not of Bessel")
        bessel, types = embed["bessel_encode"], embed["type_embed"]
        cutoff = bessel.cutoff
        _require(type(cutoff).__name__ == "PolynomialCutoff", "a cutoff that is no polynomial")
        self.power = float(cutoff.p)
        self._constant("scale", parts["edge_norm"]._rmax_recip.view(-1))
        self._constant("frequencies", math.pi * bessel.bessel_weights.view(-1).double())

        (basis,), _ = _layers(types.basis_linear)
        (first, *rest), self.embed_activation = _layers(parts["scalar_embed_mlp"].mlp_module)
        # centre and neighbour own half of the channels each, so their parts of the first layer add
        half = basis.shape[1] // 2
        centre, neighbour = types.center_embed.weight.double(), types.neighbor_embed.weight.double()
        by_centre = torch.einsum("bh,th,ho->tbo", basis[:, :half], centre, first[:half])
        by_neighbour = torch.einsum("bh,th,ho->tbo", basis[:, half:], neighbour, first[half:])
        self.pair_layers = by_centre, by_neighbour
        if num_types == 1:
            self._constant("two_body", (by_centre + by_neighbour)[0])
        else:
            self._constant("by_centre", by_centre)
            self._constant("neighbour_basis", basis[:, half:])
            self._constant("neighbour_embed", neighbour)
            self._constant("neighbour_first", first[half:])
        _require(len(rest) >= 1, "a two-body network without hidden layer")
        self.embed_hidden = len(rest) - 1
        for number, matrix in enumerate(rest[:-1]):
            self._constant(f"embed_{number}", matrix)
        self._embed_last = rest[-1]

    def _read_angular(self, embed: Any, allegro: Any) -> None:
        self.harmonics = embed.sh
        irreps = embed.sh.irreps_out
        self.channels = int(allegro.num_tensor_features)
        self.degrees = len(irreps)
        for weighter in (embed._edge_weighter, allegro._env_weighter):
            _require(bool(weighter.weight_individual_irreps), "weights shared by all degrees")
        # [component][degree]: which components belong to a degree
        member = torch.zeros(irreps.dim, self.degrees)
        for degree, part in enumerate(irreps.slices()):
            member[part, degree] = 1.0
        self._constant("member", member)

    def _read_layers(self, parts: dict[str, Any]) -> None:
        """Multiply every linear layer into those that read its output."""
        allegro = parts["allegro"]
        count, scalars = int(allegro.num_layers), int(allegro.num_scalar_features)
        self.num_layers = count
        by_degree = _by_degree(self.channels, self.degrees)
        (tensor_weights,), _ = _layers(parts["tensor_embed"].env_embed_linear)
        (projection,), _ = _layers(allegro.first_layer_env_embed_projection)
        latents = [_layers(latent) for latent in allegro.latents]
        readout, self.readout_activation = _layers(parts["edge_readout"].mlp_module)
        for matrices, _ in latents:
            _require(len(matrices) >= 2, "a latent network without hidden layer")

        # what reads the scalars of source s: the later latents' first layers and the readout's
        def readers(source: int) -> list[Tensor]:
            rows = slice(source * scalars, (source + 1) * scalars)
            return [latents[layer][0][0][rows] for layer in range(source, count)] + [
                readout[0][rows]
            ]

        first = [tensor_weights[:, by_degree], projection[:, scalars:][:, by_degree]]
        first += [projection[:, :scalars] @ reader for reader in readers(0)]
        self._constant("source_0", self._embed_last @ torch.cat(first, 1))
        self.latent_activations = nn.ModuleList()
        self.latent_hidden: list[int] = []
        for layer, (matrices, activation) in enumerate(latents):
            self.latent_activations.append(activation)
            self._constant(f"invariants_{layer}", matrices[0][(layer + 1) * scalars :])
            self.latent_hidden.append(len(matrices) - 2)
            for number, matrix in enumerate(matrices[1:-1]):
                self._constant(f"latent_{layer}_{number}", matrix)
            out = matrices[-1]
            blocks = [out[:, scalars:][:, by_degree]] if layer < count - 1 else []
            blocks += [out[:, :scalars] @ reader for reader in readers(layer + 1)]
            self._constant(f"source_{layer + 1}", torch.cat(blocks, 1))
            self._read_product(layer, allegro.tps[layer])
        self.hidden_widths: list[int] = [matrices[0].shape[1] for matrices, _ in latents]
        self.readout_width = readout[0].shape[1]
        self.readout_hidden = len(readout) - 1
        for number, matrix in enumerate(readout[1:]):
            self._constant(f"readout_{number}", matrix)
        self._constant("norm", allegro.avg_num_neighbors_norm.norm_const.view(-1))

    def _read_product(self, layer: int, product: Any) -> None:
        """Coefficients [channel, own component, environment's component, result's component]."""
        w3j = product.w3j.double()
        if product.num_paths == 1:
            w3j = w3j.unsqueeze(0)
        weights = product.weights.detach().double()
        weights = weights.reshape(*([self.channels] if product.path_channel_coupling else [1]), -1)
        if product.w3j_is_ij_diagonal:
            w3j = torch.diag_embed(w3j.movedim(1, -1)).movedim(1, -1)
        coefficients = torch.einsum("up,pijk->uijk", weights, w3j)
        self._constant(f"product_{layer}", coefficients.expand(self.channels, -1, -1, -1))

    def _read_sum(self, reduction: Any, shift: Any) -> None:
        self._constant("sum_norm", reduction.norm_module.norm_const.view(-1) / math.sqrt(2.0))
        for name in ("scales", "shifts"):
            present = getattr(shift, f"has_{name}")
            value = getattr(shift, name).view(-1) if present else torch.empty(0)
            self._constant(f"energy_{name}", value, torch.float64)

    # ---- evaluation

    def _per_type(self, table: Tensor, types: Tensor) -> Tensor:
        """Entry of each atom's type; the only entry where all types share one."""
        return table if table.numel() == 1 else table[types]

    def _two_body(self, r: Tensor, centre: Tensor, neighbour: Tensor) -> Tensor:
        """Hidden features [atoms, edges, width] of the pairs alone."""
        if self.scale.numel() == 1:
            x = r * self.scale
        else:
            x = r * self.scale[centre.unsqueeze(1) * self.num_types + neighbour]
        p = self.power
        power = x**p
        cutoff = 1.0 - power * (
            (p + 1.0) * (p + 2.0) / 2.0 - x * (p * (p + 2.0) - x * (p * (p + 1.0) / 2.0))
        )
        cutoff = torch.where(x < 1.0, cutoff, 0.0) / (math.pi * x)
        basis = torch.sin(x.unsqueeze(-1) * self.frequencies) * cutoff.unsqueeze(-1)
        atoms, edges = r.shape
        if self.num_types == 1:
            hidden = basis.view(atoms * edges, -1) @ self.two_body
        else:
            own = torch.bmm(basis, self.by_centre[centre]).view(atoms * edges, -1)
            mixed = (basis.view(atoms * edges, -1) @ self.neighbour_basis) * self.neighbour_embed[
                neighbour.reshape(-1)
            ]
            hidden = own + mixed @ self.neighbour_first
        hidden = self.embed_activation(hidden)
        for number in range(self.embed_hidden):
            hidden = self.embed_activation(hidden @ getattr(self, f"embed_{number}"))
        return hidden

    def _environment(self, harmonics: Tensor, weights: Tensor, norm: Tensor) -> Tensor:
        """Sum of weighted harmonics over an atom's edges: [atoms, components, channels]."""
        atoms, _, components = harmonics.shape
        every = torch.bmm(harmonics.transpose(1, 2), weights)
        every = every.view(atoms, components, self.degrees, self.channels)
        return (every * self.member.unsqueeze(-1)).sum(2) * norm

    def _invariants(self, harmonics: Tensor, weights: Tensor, mixed: Tensor) -> Tensor:
        """Scalars of the first product, whose own tensors are weighted harmonics."""
        atoms, edges, components = harmonics.shape
        spread = mixed.unsqueeze(2) * self.member.unsqueeze(-1)
        projected = torch.bmm(harmonics, spread.view(atoms, components, -1)) * weights
        return projected.view(atoms * edges, self.degrees, self.channels).sum(1)

    def _energies(self, vectors: Tensor, centre: Tensor, neighbour: Tensor) -> Tensor:
        atoms, edges = neighbour.shape
        r = (vectors * vectors).sum(-1).sqrt()
        harmonics = self.harmonics(vectors)
        hidden = self._two_body(r, centre, neighbour)
        width = self.channels * self.degrees
        norm = self._per_type(self.norm, centre)
        norm = norm if norm.numel() == 1 else norm.view(-1, 1, 1)

        sizes = [width, width, *self.hidden_widths, self.readout_width]
        own, around, *inputs = (hidden @ self.source_0).split(sizes, dim=1)
        own, around = own.view(atoms, edges, width), around.view(atoms, edges, width)
        tensors: Tensor | None = None
        for layer in range(self.num_layers):
            environment = self._environment(harmonics, around, norm)
            coefficients = getattr(self, f"product_{layer}")
            last = layer == self.num_layers - 1
            if tensors is None and last:
                mixed = torch.einsum("aju,uij->aiu", environment, coefficients[..., 0])
                invariants = self._invariants(harmonics, own, mixed)
            else:
                if tensors is None:
                    spread = own.view(atoms, edges, self.degrees, self.channels)
                    spread = torch.einsum("akdu,id->akui", spread, self.member)
                    tensors = spread * harmonics.unsqueeze(2)
                mixed = torch.einsum("aju,uijo->auio", environment, coefficients)
                tensors = torch.einsum("akui,auio->akuo", tensors, mixed)
                invariants = tensors[..., 0].reshape(atoms * edges, self.channels)
            features = inputs[0] + invariants @ getattr(self, f"invariants_{layer}")
            activation = self.latent_activations[layer]
            features = activation(features)
            for number in range(self.latent_hidden[layer]):
                features = activation(features @ getattr(self, f"latent_{layer}_{number}"))
            sizes = [*([] if last else [width]), *self.hidden_widths[layer + 1 :]]
            out = (features @ getattr(self, f"source_{layer + 1}")).split(
                [*sizes, self.readout_width], dim=1
            )
            if not last:
                around, out = out[0].view(atoms, edges, width), out[1:]
            inputs = [a + b for a, b in zip(inputs[1:], out, strict=True)]

        energy = inputs[0]
        for number in range(self.readout_hidden):
            energy = self.readout_activation(energy) @ getattr(self, f"readout_{number}")
        summed = energy.view(atoms, edges).sum(1) * self._per_type(self.sum_norm, centre)
        return self._scale_shift(summed.double(), centre)

    def _scale_shift(self, energies: Tensor, centre: Tensor) -> Tensor:
        if self.energy_scales.numel():
            energies = energies * self._per_type(self.energy_scales, centre)
        if self.energy_shifts.numel():
            energies = energies + self._per_type(self.energy_shifts, centre)
        return energies

    def forward(self, vectors: Tensor, centre: Tensor, neighbour: Tensor) -> Sequence[Tensor]:
        """Evaluate energies and their gradients.

        Args:
            vectors: (atoms, edges, 3) in Å from the central atom to its neighbours; those that
                only fill up a row are longer than the cutoff.
            centre: (atoms,) types of the central atoms.
            neighbour: (atoms, edges) types of the neighbours.

        Returns:
            Energies (atoms,) in eV as float64, and their gradients (atoms, edges, 3) in eV/Å.

        """
        vectors = vectors.requires_grad_(True)
        energies = self._energies(vectors, centre, neighbour)
        (gradients,) = torch.autograd.grad([energies.sum()], [vectors])
        return energies.detach(), gradients
