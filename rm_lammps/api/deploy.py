"""Deployment from Python."""

from pathlib import Path

from rm_lammps.deployment.bundle import Bundle
from rm_lammps.deployment.bundle import deploy as deploy_to


def deploy(
    model: str | Path, out: str | Path | None = None, *, device: str = "cpu", graph: bool = False
) -> Bundle:
    """Make a bundle of a model for LAMMPS on this machine: ``rm-deploy``.

    Args:
        model: shipped model by name, folder of ``rm-train``, or ``.nequip.zip``.
        out: folder of the bundle; ``None`` for the user's cache, where it is made only once.
        device: ``cpu`` or ``cuda``.
        graph: whether to compile a graph too, where the pair style's own kernel needs none.

    Returns:
        The bundle. Its ``folder`` serves wherever a model is asked for, its ``include`` is a file
        for LAMMPS scripts.

    Raises:
        UserError: no such model, or it can't be compiled here.

    Examples:
        >>> import rm_lammps as rm
        >>> bundle = rm.deploy("diamond")
        >>> bundle.manifest.species, bundle.manifest.cutoff  # Å
        (['C'], 4.0)
        >>> print(bundle.include.name)
        pair.in
    """
    return deploy_to(str(model), None if out is None else Path(out), device=device, graph=graph)
