"""Errors that are the user's to solve: they say what was given, what is allowed and what to do."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


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


def unusable_fields(error: ValidationError) -> list[str]:
    """One line for each field that pydantic refused: its name and why."""
    return [f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]


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
    try:
        return model(**fields)
    except ValidationError as error:
        raise UserError(f"Unusable {what}:\n" + "\n".join(unusable_fields(error)), hint) from error
    except TypeError as error:
        raise UserError(f"Unusable {what}: {error}", hint) from error


class Note(UserWarning):
    """Something the user should know that is no reason to stop; commands print it plainly."""
