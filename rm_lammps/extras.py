"""Parts of the package that are installed when asked for, named where they are missing."""

from importlib.util import find_spec

from rm_lammps.errors import UserError

_MODULES = {"train": ("torch", "nequip", "allegro"), "report": ("chemiscope",)}


def installed(extra: str) -> bool:
    """Whether everything of an extra can be found; imports nothing."""
    return not _missing(extra)


def require(extra: str, purpose: str) -> None:
    """Make sure that an extra is there.

    Args:
        extra: its name in ``pip install 'rm_lammps[NAME]'``.
        purpose: what it is needed for; begins the message.

    Raises:
        UserError: something of it is missing.
    """
    missing = _missing(extra)
    if missing:
        raise UserError(
            f"{purpose} needs {', '.join(missing)}, which is not installed.",
            f"pip install 'rm_lammps[{extra}]'",
        )


def _missing(extra: str) -> list[str]:
    return [module for module in _MODULES[extra] if not _found(module)]


def _found(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # it is there, but broken
        return False
