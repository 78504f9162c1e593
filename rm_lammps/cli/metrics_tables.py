"""Tables of ``metrics.json``."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table


def metrics_tables(measured: dict[str, Any]) -> Iterator[Table]:
    """Tables of what :func:`rm_lammps.analysis.metrics.measure` returned."""
    if "prediction" in measured:
        yield _rates(measured["prediction"]["rates"])
    yield _values(measured)


def _rates(rates: dict[str, dict[str, Any]]) -> Table:
    table = Table("of all references", "matched", "match rate", "RMSE", "METRe", "cRMSE")
    for name, rate in rates.items():
        table.add_row(
            name,
            f"{rate['matched']} of {rate['references']}",
            f"{rate['match_rate']:.1%}",
            _number(rate["rmse"]),
            f"{rate['metre']:.1%}",
            _number(rate["crmse"]),
        )
    return table


def _values(measured: dict[str, Any]) -> Table:
    table = Table("per composition asked for", "value")
    table.add_row("compositions", str(measured["compositions"]))
    table.add_row("core-seconds", f"{measured['core_seconds_per_composition']:.2f}")
    for name in _SHARES:
        value = measured["top_ranked"].get(name)
        if value is not None:
            table.add_row(f"top-ranked: {name.replace('_', ' ')}", f"{value:.1%}")
    if "crystal_system_distance" in measured:
        table.add_row(
            "distance of crystal systems from the references'",
            f"{measured['crystal_system_distance']:.2f}",
        )
    opinion = dict(measured.get("second_opinion", {}))
    potentials = opinion.pop("potentials", "")
    for name, value in opinion.items():
        for key, number in (value if isinstance(value, dict) else {"": value}).items():
            table.add_row(f"{potentials}: {name.replace('_', ' ')} {key}".strip(), _any(number))
    return table


_SHARES = (
    *("structure_valid", "composition_valid", "valid", "unique", "novel", "unique_and_novel"),
    "stable_unique_and_novel",
)


def _any(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_number(number)}" for key, number in value.items())
    return _number(value)


def _number(value: float | int | str | None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)
