"""How matrix products are computed: as fast as the machine can, as exactly as a training needs."""

from pathlib import Path

import torch
from torch import Tensor

_EXACT = 1e-5
"""Relative error of a product in float32, at most."""


def choose_products() -> None:
    """Choose for this process what computes matrix products.

    On GPUs products get 10 bits of mantissa, which is several times faster there, and exact enough
    for gradients that noise makes vary by more. PyTorch's products on CPUs are those of Intel's
    MKL, which leaves half of the width of an AMD processor with AVX-512 unused. There oneDNN
    computes them. PyTorch turns to it only where it may round to bfloat16; that it does so on none
    of these processors is checked.
    """
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high")
    elif torch.backends.cpu.get_cpu_capability() == "AVX512" and _is_amd():
        torch.set_float32_matmul_precision("medium")
        if product_error() > _EXACT:
            torch.set_float32_matmul_precision("highest")


def product_error() -> float:
    """Relative error of a product of two matrices in float32."""
    generator = torch.Generator().manual_seed(0)
    left, right = (
        torch.randn(shape, generator=generator, dtype=torch.float32)
        for shape in ((512, 64), (64, 128))
    )
    exact: Tensor = left.double() @ right.double()
    return float(torch.linalg.norm((left @ right).double() - exact) / torch.linalg.norm(exact))


def _is_amd() -> bool:
    try:
        return "AuthenticAMD" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
