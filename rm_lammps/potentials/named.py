"""Potentials by the names that people give."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from rm_lammps.errors import UserError
from rm_lammps.potentials.potential import POTENTIALS, Potential


def potential_named(name: str) -> Potential:
    """A potential by a short name.

    Args:
        name: of a kind (``chgnet``); a bundle's folder or a model's file, which LAMMPS evaluates;
            ``MODULE:NAME`` of what makes a calculator of ASE; or a
            model that matcalc knows (``MACE-MPA-0-medium``), where matcalc is installed.

    Raises:
        UserError: there is none of this name.
    """
    if name in POTENTIALS.names():
        return POTENTIALS.make(name)
    if Path(name).exists():
        return POTENTIALS.read({"potential": "allegro", "model": name})
    if ":" in name:
        return POTENTIALS.read({"potential": "ase", "make": name})
    known = _matcalc_models()
    for model in known:
        if model.lower() == name.lower():
            return POTENTIALS.read({"potential": "matcalc", "model": model})
    near = get_close_matches(name, [*POTENTIALS.names(), *known])
    more = "" if known else ", and with pip install matcalc those that it knows"
    meant = f" Did you mean {near[0]}?" if near else ""
    raise UserError(
        f"There is no potential {name!r}.",
        f"Give one of {', '.join(POTENTIALS.names())}{more}; a bundle of rm-deploy; "
        f"or MODULE:NAME of what makes a calculator of ASE.{meant}",
    )


def potentials_named(names: Sequence[str]) -> list[Potential]:
    """Several potentials, each once.

    Raises:
        UserError: there is none of one of the names.
    """
    return [potential_named(name) for name in dict.fromkeys(names)]


def _matcalc_models() -> list[str]:
    try:
        from matcalc.utils import MODEL_ALIASES, MODEL_REGISTRY
    except ImportError:
        return []
    return [*MODEL_REGISTRY, *MODEL_ALIASES]
