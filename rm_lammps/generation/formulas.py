"""A file of compositions."""

from pathlib import Path

from rm_lammps.chemistry.formula import plain_formula
from rm_lammps.errors import UserError


def read_formulas(file: Path) -> tuple[str, ...]:
    """Formulas of a text file, one a line; empty lines and what follows a ``#`` don't count.

    Raises:
        UserError: unreadable, a line that is no formula, or none in it.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Can't read the formulas in {file}: {error}") from error
    formulas = []
    for number, line in enumerate(lines, start=1):
        text = line.split("#")[0].strip()
        if not text:
            continue
        try:
            formulas.append(plain_formula(text))
        except UserError as error:
            raise UserError(f"{file}, line {number}: {error.problem}", error.hint) from error
    if not formulas:
        raise UserError(f"{file} holds no formulas.", "Write one a line, e.g. Sr2O4.")
    return tuple(formulas)
