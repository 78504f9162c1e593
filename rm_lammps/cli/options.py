"""Flags made from the fields of settings, so that YAML and flags have the same words."""

import inspect
from collections.abc import Callable
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import rm_lammps

_VALUES: dict[Any, str] = {
    int: "INT",
    float: "FLOAT",
    str: "TEXT",
    Path: "PATH",
    tuple[int, int]: "LOW-HIGH",
    tuple[float, float]: "LOW-HIGH",
    tuple[int, ...]: "INT,...",
    tuple[str, ...]: "TEXT,...",
}
"""How values of a type are shown in the help."""


def with_flags(**groups: type[BaseModel]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command a flag for each field of some settings, and ``--version``.

    The command gets the flags as texts, or ``None`` where one was not given: the settings read
    them, as they do from YAML.

    Args:
        groups: settings, by the title under which their flags stand in the help, with ``_`` for
            blanks.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        flags = [
            _flag(name, field, panel.replace("_", " "))
            for panel, fields in groups.items()
            for name, field in fields.model_fields.items()
        ]

        def called(*, version: bool = False, **arguments: Any) -> None:  # noqa: ARG001
            texts = {flag.name: _joined(arguments.pop(flag.name)) for flag in flags}
            command(**arguments, **texts)

        parameters = [p.replace(kind=p.KEYWORD_ONLY) for p in [*own, *flags, _VERSION]]
        called.__name__, called.__doc__ = command.__name__, _unwrapped(command.__doc__ or "")
        called.__annotations__ = {p.name: p.annotation for p in parameters}
        called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return called

    return decorate


def _flag(name: str, field: FieldInfo, panel: str) -> inspect.Parameter:
    kind = _value_type(field.annotation)
    flag = f"--{name.replace('_', '-')}"
    text = _sentence(field)
    if kind is bool:
        option = typer.Option(flag, help=text, rich_help_panel=panel)
        annotation: Any = Annotated[bool | None, option]
    else:
        notes = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        metavar = str(notes.get("metavar") or _VALUES.get(kind, "TEXT"))
        option = typer.Option(flag, help=text, metavar=metavar, rich_help_panel=panel)
        several = get_args(kind)[1:] == (...,)
        annotation = Annotated[list[str] | None if several else str | None, option]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def _value_type(annotation: Any) -> Any:
    """The type of a field's values, ``None`` and notes for validation left out."""
    if get_origin(annotation) is Annotated:
        return _value_type(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        (kind,) = (part for part in get_args(annotation) if part is not NoneType)
        return _value_type(kind)
    return annotation


def _sentence(field: FieldInfo) -> str:
    """A field's description as it stands in the help, with its default."""
    text = field.description or ""
    default = field.default
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    if isinstance(default, (int, float, str)) and not isinstance(default, bool) and default != "":
        text += f"; default: {default}"
    return text[:1].upper() + text[1:] + "."


def _unwrapped(text: str) -> str:
    """A docstring with each paragraph on one line: terminals differ in width."""
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n"))


def _joined(values: Any) -> Any:
    """A flag that was given several times, as one text with commas."""
    return ",".join(values) if isinstance(values, list) else values


def _show_version(wanted: bool | None) -> None:
    if wanted:
        typer.echo(f"rm_lammps {rm_lammps.__version__}")
        raise typer.Exit


_VERSION = inspect.Parameter(
    "version",
    inspect.Parameter.KEYWORD_ONLY,
    default=None,
    annotation=Annotated[
        bool | None,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
        ),
    ],
)
