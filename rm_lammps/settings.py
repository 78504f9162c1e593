"""Settings as people write them: the same words and values in YAML, in flags and from Python."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator

from rm_lammps.yaml_files import read_yaml

SYMMETRY = ("space_group", "crystal_system", "min_symmetry")
"""Settings of seeds that ask for space groups."""

HOST = "host"
"""Setting of seeds that begin inside something."""


def read_settings(source: "Path | str | Mapping[str, Any] | None") -> dict[str, Any]:
    """Settings of a YAML file, or those given.

    Args:
        source: file, settings, or nothing.

    Raises:
        UserError: the file can't be read, or is no mapping of names to values.
    """
    if source is None:
        return {}
    if isinstance(source, Mapping):
        return dict(source)
    return read_yaml(Path(source), "configuration")


def given(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without those that are ``None``: flags and arguments that were not given."""
    return {name: value for name, value in settings.items() if value is not None}


def combine(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """Merge nested settings; ``override`` wins, lists as a whole."""
    combined = dict(base)
    for name, value in override.items():
        old = combined.get(name)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            value = combine(old, value)  # noqa: PLW2901
        combined[name] = value
    return combined


def _range(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return value
    low, _, high = str(value).partition("-")
    try:
        return int(low), int(high or low)
    except ValueError:
        raise ValueError(f"{value!r} is not a range of whole numbers, e.g. 1-4") from None


def _interval(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return value
    low, _, high = str(value).strip().partition("-")
    try:
        return float(low), float(high or low)
    except ValueError:
        raise ValueError(f"{value!r} is no range of numbers, e.g. 2.1-2.3") from None


def read_words(value: Any) -> Any:
    """Words with commas between them as a list; what is no text comes back as it is."""
    if not isinstance(value, str):
        return value
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _numbers(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return (value,)
    words = read_words(value)
    if value is not words and not all(word.isdecimal() for word in words):
        raise ValueError(f"{value!r} is not a list of whole numbers, e.g. 5,20")
    return words


def _indices(value: Any) -> Any:
    try:
        return tuple(map(int, read_words(value)))
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is no list of Miller indices, e.g. 1,0,0") from None


Range = Annotated[tuple[int, int], BeforeValidator(_range)]
"""``1-4``, ``3`` or ``[1, 4]``; both ends belong to it."""
Interval = Annotated[tuple[float, float], BeforeValidator(_interval)]
"""``2.1-2.3``, ``2.2`` or ``[2.1, 2.3]``."""
Miller = Annotated[tuple[int, int, int], BeforeValidator(_indices)]
"""``1,0,0`` or ``[1, 0, 0]``."""
Words = Annotated[tuple[str, ...], BeforeValidator(read_words)]
"""``Li,O`` or ``[Li, O]``."""
Numbers = Annotated[tuple[int, ...], BeforeValidator(_numbers)]
"""``5,20``, ``5`` or ``[5, 20]``."""
Name = Annotated[
    str, BeforeValidator(lambda value: str(value) if isinstance(value, Path) else value)
]
"""A name, or the path of what has none."""
