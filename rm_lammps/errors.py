"""Errors that are the user's to solve: they say what was given, what is allowed and what to do."""

import errno
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:  # every start of lmp imports this module
    from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound="BaseModel")


class UserError(Exception):
    """A problem the user can solve; commands print it without traceback and exit with code 2.

    Args:
        problem: what was given and why it can't be used.
        hint: what to do about it.

    """

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(f"{problem}\n{hint}" if hint else problem)
        self.problem = problem
        self.hint = hint


def of_environment(error: BaseException) -> UserError | None:
    """What the user can do about an error of the machine: a full disk, a missing permission.

    Args:
        error: as it was raised.

    Returns:
        ``None`` where it is none of these but a fault of the program.
    """
    number = error.errno if isinstance(error, OSError) else None
    # by name: sqlite3 need not be loaded to know that an error is not of it
    full = type(error).__name__ == "OperationalError" and "disk" in str(error)
    if number not in _ADVICE and not full and not isinstance(error, MemoryError):
        return None
    if isinstance(error, MemoryError):
        return UserError("There is not enough memory.", "Use fewer ranks, or a larger machine.")
    name = getattr(error, "filename", None)
    why = getattr(error, "strerror", None) or str(error)
    file = f"{name}: " if name else ""
    return UserError(f"{file}{why}.", _ADVICE.get(number or errno.ENOSPC, ""))


_ROOM = "Make room and give the same command again."
_RIGHTS = "Choose a place that you can read and write."
_ADVICE = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: _ROOM,
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: _RIGHTS,
    errno.ENAMETOOLONG: "Give a shorter name.",
    errno.ENOTDIR: "Give a folder whose parents are folders.",
    errno.EISDIR: "Give a file, not a folder.",
    errno.EMFILE: "Raise the number of open files: ulimit -n.",
    errno.EIO: "The disk has a fault: use another.",
    errno.ESTALE: "The network file system lost the file: give the same command again.",
}


def unusable_fields(error: "ValidationError") -> list[str]:
    """One line for each field that pydantic refused: its name, and why in the user's words."""
    places = [".".join(map(str, e["loc"])) for e in error.errors()]
    # what several fields say together has no place
    return [
        f"  {place}{': ' if place else ''}{_in_words(e)}"
        for place, e in zip(places, error.errors(), strict=True)
    ]


def _in_words(error: Any) -> str:
    kind, value = str(error["type"]), error.get("input")
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "there is no such setting"
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    for ends, wanted in _WANTED.items():
        if kind in ends:
            hint = " (put quotes around text)" if "text" in wanted else ""
            return f"must be {wanted}, not {value!r}{hint}"
    return f"{error['msg']} (given: {value!r})"


_WANTED = {
    ("string_type",): "text",
    ("tuple_type", "list_type"): "a list such as [1, 4]",
    ("int_type", "int_parsing", "int_from_float"): "a whole number",
    ("float_type", "float_parsing"): "a number",
    ("finite_number",): "a finite number",
    ("bool_type", "bool_parsing"): "true or false",
    ("dict_type", "model_type", "model_attributes_type", "dict_attributes_type"): (
        "a mapping of settings to values"
    ),
}


def checked(model: type[M], fields: Mapping[str, Any], what: str = "settings", hint: str = "") -> M:
    """Make a pydantic model of settings that a user gave.

    Args:
        model: to make.
        fields: its fields.
        what: the settings are called in the message.
        hint: what to do.

    Raises:
        UserError: a field is missing, unknown or out of range; names each such field.
    """
    from pydantic import ValidationError

    try:
        return model(**fields)
    except ValidationError as error:
        raise UserError(f"Unusable {what}:\n" + "\n".join(unusable_fields(error)), hint) from error
    except TypeError as error:
        raise UserError(f"Unusable {what}: {error}", hint) from error


class Note(UserWarning):
    """Something the user should know that is no reason to stop; commands print it plainly."""
