"""What packages set for the whole process, kept apart for each potential.

Some set torch to single precision when they are imported, others to double; the next one then fails
or gives other numbers.
"""

import io
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TorchSettings:
    """Torch's settings of this process."""

    dtype: Any
    threads: int
    deterministic: bool
    matmul_precision: str

    @classmethod
    def now(cls) -> "TorchSettings":
        """Those in force."""
        import torch

        return cls(
            torch.get_default_dtype(),
            torch.get_num_threads(),
            torch.are_deterministic_algorithms_enabled(),
            torch.get_float32_matmul_precision(),
        )

    def apply(self) -> None:
        """Put them in force."""
        import torch

        torch.set_default_dtype(self.dtype)
        torch.set_num_threads(self.threads)
        torch.use_deterministic_algorithms(self.deterministic)
        torch.set_float32_matmul_precision(self.matmul_precision)


class Isolation:
    """Remembers one potential's settings between its uses."""

    def __init__(self) -> None:
        self._own: TorchSettings | None = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Run with the potential's settings, single precision at first, and restore the others.

        What the packages print and warn of is not shown: it repeats itself with every structure.
        """
        before = _settings()
        if self._own is not None:
            self._own.apply()
        elif before is not None:
            import torch

            torch.set_default_dtype(torch.float32)
        try:
            with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
                warnings.simplefilter("ignore")
                yield
        finally:
            self._own = _settings()
            if before is not None:
                before.apply()
            elif self._own is not None:
                # torch came with the potential: leave it as it comes by itself
                import torch

                torch.set_default_dtype(torch.float32)


def _settings() -> TorchSettings | None:
    """Torch's settings, if anything has imported it."""
    return TorchSettings.now() if "torch" in sys.modules else None
