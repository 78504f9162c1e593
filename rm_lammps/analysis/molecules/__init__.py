"""Judge molecules: bonds, validity, energies; needs the packages of the extra ``molecules``."""

from importlib.util import find_spec

from rm_lammps.errors import UserError

_PACKAGES = ("rdkit", "posebusters")


def require_packages(*, xtb: bool = False) -> None:
    """Refuse to go on where a package is missing.

    Args:
        xtb: energies are wanted too.

    Raises:
        UserError: names what is missing.
    """
    wanted = (*_PACKAGES, "tblite") if xtb else _PACKAGES
    missing = [name for name in wanted if find_spec(name) is None]
    if missing:
        raise UserError(
            f"Molecules are judged with packages that are not installed: {', '.join(missing)}.",
            "pip install 'rm_lammps[molecules]'",
        )
