"""LAMMPS sessions of this process, one for each model: loading one takes longer than using it."""

from pathlib import Path

import ase

from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.errors import UserError
from rm_lammps.relaxation.session import LammpsSession

_sessions: dict[tuple[object, ...], LammpsSession] = {}


def session_for(model: str | Path, *, device: str = "cpu") -> LammpsSession:
    """A session with a model, begun when it is first asked for and kept until the process ends.

    Whoever uses it loads a structure first, and leaves none behind that another use relies on.

    Args:
        model: shipped model by name, bundle or ``rm-train`` folder; compiled if need be.
        device: ``cpu`` or ``cuda``.

    Raises:
        UserError: no such model, or it can't be compiled or loaded here.
    """
    bundle = find_bundle(str(model), device=device)
    # a bundle that was made anew in the same folder is another model
    identity = bundle.folder, *sorted(bundle.manifest.files.items())
    if identity not in _sessions:
        _sessions[identity] = LammpsSession(bundle)
    return _sessions[identity]


def check_elements(session: LammpsSession, atoms: ase.Atoms) -> None:
    """Check that a model knows all elements of a structure.

    Raises:
        UserError: it does not, there is no atom, or it is no structure.
    """
    manifest = session.bundle.manifest
    if not isinstance(atoms, ase.Atoms):
        raise UserError(
            f"A structure is an ase.Atoms, not a {type(atoms).__name__}.",
            "Read a file with ase.io.read(FILE), or build one with ase.build.",
        )
    if not len(atoms):
        raise UserError("The structure has no atoms.", "Give at least one.")
    unknown = sorted(set(atoms.get_chemical_symbols()) - set(manifest.species))
    if unknown:
        raise UserError(
            f"The model {manifest.name} knows no {', '.join(unknown)}.",
            f"Its elements: {' '.join(manifest.species)}.",
        )
