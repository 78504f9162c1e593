"""YAML files: those that users write are read as they mean them, and ours as we wrote them."""

import re
from pathlib import Path
from typing import Any

import yaml

from rm_lammps.errors import UserError


class _Loader(yaml.SafeLoader):
    """YAML 1.2's words: ``NO`` is nitric oxide, ``1-4`` and ``2026-01-02`` are text, 1e-5 a number.

    A key that stands twice is refused: the first would be lost in silence.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Make a mapping of which nothing is lost."""
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, (dict, list, set)):
                raise yaml.constructor.ConstructorError(
                    None, None, "a setting's name must be text", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} stands there twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Quotes text that either PyYAML or the reader here would take for something else."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+."),
):
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(
            f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first)
        )


# YAML 1.1 takes 010 for eight
def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(str(loader.construct_scalar(node)))


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


def yaml_text(content: Any) -> str:
    """Text of a YAML file that :func:`read_yaml` reads as the same.

    Args:
        content: mappings, lists, text and numbers.
    """
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False)


def read_yaml(file: Path, what: str) -> dict[str, Any]:
    """Read a mapping of settings.

    Args:
        file: to read.
        what: it is called in messages, e.g. ``"configuration"``.

    Raises:
        UserError: unreadable, not YAML, a setting that stands twice, or no mapping.
    """
    try:
        content = yaml.load(file.read_text(encoding="utf-8-sig"), _Loader)
    except OSError as error:
        raise UserError(f"Can't read the {what} {file}: {error.strerror}.") from error
    except (UnicodeDecodeError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(
            f"Can't read the {what} {file}: {error}.", "Give YAML, as UTF-8."
        ) from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise UserError(
            f"{file} is not a mapping of settings to values.", "Write one a line, as name: value."
        )
    return content
