"""The optimiser: Muon for the weights of layers, Adam for all other parameters.

Muon (K. Jordan, 2024, https://kellerjordan.github.io/posts/muon) replaces the gradient of a matrix
by the nearest orthogonal one, so that no direction of a layer waits for others to be learned.
Adam needs three times as many structures to come as far: see the study of training.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

_SMALLEST = 8
"""Rows and columns of a matrix: fewer have too few directions to balance."""
_UNIT = 5.0
"""Muon's rate that changes weights as Adam's rate of 1 does; torch takes 0.2 of it."""


def parameter_groups(model: nn.Module) -> list[dict[str, Any]]:
    """Parameters in two groups: matrices of layers, and all others.

    Tables with a row for each element are no layers: most rows have no gradient in a batch.
    """
    layers: list[Tensor] = []
    others: list[Tensor] = []
    for module in model.modules():
        table = isinstance(module, nn.Embedding)
        for parameter in module.parameters(recurse=False):
            matrix = parameter.ndim == 2 and min(parameter.shape) >= _SMALLEST
            (layers if matrix and not table else others).append(parameter)
    return [{"params": layers}, {"params": others}]


class MuonAdam(torch.optim.Optimizer):
    """Both as one optimiser.

    Args:
        params: of :func:`parameter_groups`.
        lr: root mean square of a weight's change in a step, about.
    """

    def __init__(self, params: list[dict[str, Any]], lr: float) -> None:
        super().__init__(params, {"lr": lr})
        layers, others = (group["params"] for group in self.param_groups)
        self._parts: list[tuple[torch.optim.Optimizer, float]] = [
            (torch.optim.Adam(others, lr), 1.0),
        ]
        if layers:
            muon = torch.optim.Muon(layers, lr, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
            self._parts.append((muon, _UNIT))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters by their gradients."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part, unit in self._parts:
            # what is saved, loaded and scheduled is this optimiser's
            part.state = self.state
            part.param_groups[0]["lr"] = unit * self.param_groups[0]["lr"]
            part.step()
        return loss
