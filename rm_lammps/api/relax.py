"""Relaxation of one's own structures on E~."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ase
import numpy as np

from rm_lammps.api.sessions import check_elements, session_for
from rm_lammps.errors import UserError, checked
from rm_lammps.generation.presets import find_preset, preset_protocol
from rm_lammps.relaxation import Failure, Protocol, Reason, Relaxed
from rm_lammps.relaxation.relaxation import relax as relax_in
from rm_lammps.settings import combine
from rm_lammps.systems import SYSTEMS, System, system_of


class RelaxationError(Exception):
    """A structure did not come to rest.

    Attributes:
        reason: what went wrong, e.g. ``Reason.NOT_CONVERGED``.
        detail: in words, with numbers.
        evaluations: energy and force evaluations that were spent.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.reason.value}: {failure.detail}")
        self.reason: Reason = failure.reason
        self.detail: str = failure.detail
        self.evaluations: int = failure.evaluations


def relax(
    atoms: ase.Atoms,
    model: str | Path = "diamond",
    *,
    system: str | Mapping[str, Any] | System | None = None,
    preset: str | None = None,
    protocol: Protocol | Mapping[str, Any] | None = None,
    pressure: float | None = None,
    seed: int = 0,
    trajectory: str | Path | None = None,
    device: str = "cpu",
) -> Relaxed:
    """Relax a structure to the minimum of E~ that it belongs to, a crystal's cell included.

    Unless a preset is named, only the nearest minimum is looked for: of the preset that suits the
    model, the stages that leave it (hops, denoising) are left out.

    Args:
        atoms: crystal or molecule, Å; not changed.
        model: shipped model by name, bundle of ``rm-deploy`` or folder of ``rm-train``. It is
            compiled on first use, which takes about a minute.
        system: what it is, by name; default: by its periodicity, a crystal or a molecule.
        preset: stages and tolerances by name, all of its stages; the same names as for
            ``rm-generate --preset``.
        protocol: stages, tolerances and energy terms that take the preset's place, as in YAML.
        pressure: external pressure, GPa of E~ units; crystals only.
        seed: of the stages that draw random numbers.
        trajectory: extxyz file to write every tenth iteration into.
        device: ``cpu`` or ``cuda``.

    Returns:
        The relaxed structure: ``atoms`` in the order given, with a reduced cell in LAMMPS's
        orientation; ``energy`` in pseudo-eV; ``fmax`` in pseudo-eV/Å; ``max_stress`` in GPa;
        ``evaluations``.

    Raises:
        UserError: no such model or preset, settings that can't be, or a structure that is not for
            the model.
        RelaxationError: the structure did not come to rest.

    Examples:
        >>> import rm_lammps as rm
        >>> from ase.build import bulk
        >>> stretched = bulk("C", a=3.7)
        >>> relaxed = rm.relax(stretched, model="diamond")
        >>> print(round(relaxed.atoms.get_volume() / 2, 1))  # Å³ an atom
        5.7
        >>> relaxed.fmax < 0.02
        True
    """
    session = session_for(model, device=device)
    check_elements(session, atoms)
    what = system_of(atoms) if system is None else _system(system, atoms)
    wanted = _protocol(str(model), what, preset, protocol, pressure)
    wanted.check(what)
    path = None if trajectory is None else Path(trajectory).resolve()
    rng = np.random.default_rng(seed)
    outcome = relax_in(session, atoms.copy(), wanted, rng, system=what, trajectory=path)
    if isinstance(outcome, Failure):
        raise RelaxationError(outcome)
    return outcome


def _system(given: str | Mapping[str, Any] | System, atoms: ase.Atoms) -> System:
    try:
        system = SYSTEMS.read(dict(given) if isinstance(given, Mapping) else given)
    except ValueError as error:
        text = str(error)
        raise UserError(f"{text[0].upper()}{text[1:]}.") from error
    if not system.holds(atoms):
        raise UserError(
            f"The structure has pbc {atoms.pbc.tolist()}, {system.plural} have {list(system.pbc)}.",
            "Set the structure's pbc, or name another system.",
        )
    return system


def _protocol(
    model: str,
    system: System,
    preset: str | None,
    protocol: Protocol | Mapping[str, Any] | None,
    pressure: float | None,
) -> Protocol:
    own = protocol.model_dump() if isinstance(protocol, Protocol) else dict(protocol or {})
    if pressure is not None:
        own["pressure"] = pressure
    try:
        defaults = preset_protocol(find_preset(preset, model, system), model, own)
    except ValueError as error:
        text = str(error)
        raise UserError(f"{text[0].upper()}{text[1:]}.") from error
    wanted = checked(Protocol, combine(defaults, own), "protocol")
    if preset is not None or "stages" in own:
        return wanted
    local = tuple(stage for stage in wanted.stages if not stage.wanders)
    return wanted.model_copy(update={"stages": local})
