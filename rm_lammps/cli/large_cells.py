"""Tables of large disordered cells."""

from typing import Any

from rich.console import Console
from rich.table import Table

_RARE = 5e-5
"""Shares below this are left out."""


def print_large_cells(result: dict[str, Any]) -> None:
    """Print what cells look like, beside samples where there are any."""
    console = Console()
    comparison = result.get("comparison")
    cells = len(result["cells"])
    columns = [f"mean of {cells} cell{'s' if cells > 1 else ''}", "value"]
    table = Table(*columns, *(["samples"] if comparison else []))
    for name in comparison["numbers"] if comparison else result["mean"]:
        values = comparison["numbers"][name] if comparison else [result["mean"][name]]
        if max(map(abs, values)) >= _RARE or name == "wrong bonds":
            table.add_row(name, *(_shown(name, value) for value in values))
    console.print(table)
    if comparison:
        table = Table("root mean square difference", "to the samples", "among these", "ratio")
        for name, distance in comparison["distances"].items():
            spread, ratio = comparison["spreads"].get(name), comparison["ratios"].get(name)
            table.add_row(
                name,
                f"{distance:.4f}",
                "" if spread is None else f"{spread:.4f}",
                "" if ratio is None else f"{ratio:.2f}",
            )
        console.print(table)


def _shown(name: str, value: float) -> str:
    return f"{value:.4f}" if "(" in name or "over" in name else f"{value:.2%}"
