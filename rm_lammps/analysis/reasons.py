"""Why a structure stands where it does, in words, from what its frame or record says."""

from collections.abc import Mapping
from typing import Any


def hull_words(info: Mapping[str, Any]) -> str:
    """Energy above the hull, eV per atom, or why it is unknown; empty if none was looked for."""
    if "hull_references" not in info:
        return ""
    if (energy := info.get("above_hull")) is None:
        missing = str(info.get("hull_missing", "")).replace(" ", ", ")
        return f"unknown: no {missing}" if missing else "unknown"
    return f"{float(energy):.4f}"


def origin(info: Mapping[str, Any]) -> str:
    """Kind of seed, and the identifier and formula of the known structure that it began from."""
    keys = ("seed_kind", "prototype_id", "prototype_formula")
    return " ".join(str(info[key]) for key in keys if info.get(key))
