"""Errors that are the user's to solve: they say what was given, what is allowed and what to do."""

from pydantic import ValidationError


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
