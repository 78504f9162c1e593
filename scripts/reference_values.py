"""How settings, defaults and docstrings look on a page of the reference."""

import ast
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from rm_lammps.kinds import Family, Kind
from rm_lammps.potentials import POTENTIALS
from rm_lammps.relaxation import STAGES, TERMS
from rm_lammps.seeds import SEEDS
from rm_lammps.systems import SYSTEMS

FAMILIES: dict[str, Family[Any]] = {
    "Systems": SYSTEMS,
    "Seeds": SEEDS,
    "Stages": STAGES,
    "Energy terms": TERMS,
    "Potentials": POTENTIALS,
}


def attribute_docs(owner: ModuleType | type) -> dict[str, str]:
    """The texts below a module's constants or a class's fields, by name."""
    body: Any = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    if inspect.isclass(owner):
        body = body[0].body
    docs = {}
    for statement, below in itertools.pairwise(body):
        target: ast.expr | None = statement.target if isinstance(statement, ast.AnnAssign) else None
        if isinstance(statement, ast.Assign):
            target = statement.targets[0]
        if isinstance(target, ast.Name) and isinstance(below, ast.Expr):
            docs[target.id] = plain(inspect.cleandoc(ast.literal_eval(below.value)))
    return docs


def fields_as_yaml(model: BaseModel, indent: str = "") -> list[str]:
    """One line a field, nested models indented, descriptions as comments."""
    lines = [f"{indent}{model_name}" for model_name in _kind_line(model)]
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        comment = f"  # {field.description}" if field.description else ""
        if isinstance(value, BaseModel):
            lines += [f"{indent}{name}:{comment}", *fields_as_yaml(value, indent + "  ")]
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            lines.append(f"{indent}{name}:{comment}")
            for item in value:
                first, *rest = fields_as_yaml(item, indent + "    ")
                lines += [f"{indent}  - {first.strip()}", *rest]
        else:
            lines.append(f"{indent}{name}: {scalar(value)}{comment}")
    return lines


def _kind_line(model: BaseModel) -> Iterator[str]:
    for family in FAMILIES.values():
        if isinstance(model, Kind) and type(model) in set(family):
            yield f"{family.field}: {model.name}"


def scalar(value: Any) -> str:
    if value is PydanticUndefined:
        return ""
    plain = list(map(_plain_value, value)) if isinstance(value, tuple) else _plain_value(value)
    return yaml.safe_dump(plain, default_flow_style=True).removesuffix("...\n").strip()


def _plain_value(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def docstring(owner: type) -> str:
    """A docstring for a page: markup of code as Markdown's."""
    return re.sub(r"``([^`]+)``", r"`\1`", inspect.cleandoc(owner.__doc__ or ""))


def plain(text: str) -> str:
    """A text on one line."""
    return " ".join(re.sub(r"``([^`]+)``", r"`\1`", text).split())


def row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|').strip() for cell in cells)} |"
