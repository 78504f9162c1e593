"""The optimiser: Muon for the weights of layers, Adam for all other parameters.

Muon (K. Jordan, 2024, https://kellerjordan.github.io/posts/muon) replaces the gradient of a matrix
by the nearest orthogonal one, so that no direction of a layer waits for others to be learned.
Adam alone needs several times as many structures to come as far: see the study of training.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

_SMALLEST = 8
"""Rows and columns of a matrix: fewer have too few directions to balance."""
_UNIT = 5.0
"""Muon's rate that changes weights as Adam's rate of 1 does; torch takes 0.2 of it."""
_MEMORY = 0.99
_TYPICAL = "typical_gradient"


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

    Two atoms that noise puts on one spot have a gradient many thousand times as large as others.
    In Muon's momentum it would decide the next twenty steps: so a gradient is scaled down to a
    multiple of what gradients were of late, and one that is no number is left out.

    Args:
        params: of :func:`parameter_groups`.
        lr: root mean square of a weight's change in a step, about.
        clip: how many times the norm of a gradient may be the running mean of norms.
    """

    def __init__(self, params: list[dict[str, Any]], lr: float, clip: float) -> None:
        super().__init__(params, {"lr": lr})
        self._clip = clip
        layers, others = (group["params"] for group in self.param_groups)
        self._parts: list[tuple[torch.optim.Optimizer, float]] = [
            (torch.optim.Adam(others, lr), 1.0)
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
        parameters = [p for group in self.param_groups for p in group["params"]]
        self._limit([p.grad for p in parameters if p.grad is not None])
        for part, unit in self._parts:
            # what is saved, loaded and scheduled is this optimiser's
            part.state = self.state
            part.param_groups[0]["lr"] = unit * self.param_groups[0]["lr"]
            part.step()
        return loss

    @torch.no_grad()
    def _limit(self, gradients: Sequence[Tensor]) -> None:
        norm = nn.utils.get_total_norm(gradients)
        finite = norm.isfinite()
        first = self.param_groups[0]
        typical = first.get(_TYPICAL, norm).to(norm.device)
        largest = self._clip * typical
        scale = (largest / norm.clamp(min=1e-30)).clamp(max=1.0)
        for gradient in gradients:
            gradient.copy_(torch.where(finite, gradient * scale, 0.0))
        kept = _MEMORY * typical + (1 - _MEMORY) * torch.minimum(norm, largest)
        first[_TYPICAL] = torch.where(finite, kept, typical)
