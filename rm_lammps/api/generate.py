"""Generation from Python."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rm_lammps.environment import one_thread
from rm_lammps.errors import Note
from rm_lammps.relaxation import Protocol
from rm_lammps.runs.reading import Run, read_run
from rm_lammps.seeds import SeedConfig
from rm_lammps.systems import System

if TYPE_CHECKING:
    from mpi4py import MPI

    from rm_lammps.generation.generation_config import Order


def generate(
    config: str | Path | Mapping[str, Any] | None = None,
    *,
    out: str | Path | None = None,
    model: str | Path | None = None,
    system: str | Mapping[str, Any] | System | None = None,
    formula: str | None = None,
    formulas: str | Path | Sequence[str] | None = None,
    de_novo: int | Mapping[str, Any] | None = None,
    chemical_system: str | Sequence[str] | Mapping[str, Any] | None = None,
    heavy: str | None = None,
    z: int | str | tuple[int, int] | None = None,
    atoms: int | None = None,
    num: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    preset: str | None = None,
    elements: str | Sequence[str] | None = None,
    max_atoms: int | None = None,
    rounds: int | None = None,
    refine: str | Path | None = None,
    blind: bool | None = None,
    density: float | str | tuple[float, float] | None = None,
    pressure: float | None = None,
    host: str | Path | None = None,
    fix: str | Sequence[str] | None = None,
    remove: str | Sequence[str] | None = None,
    where: str | Sequence[str] | None = None,
    miller: str | tuple[int, int, int] | None = None,
    layers: int | None = None,
    free: int | None = None,
    vacuum: float | None = None,
    upper: str | Path | None = None,
    gap: float | None = None,
    mirror: bool | None = None,
    axes: str | None = None,
    host_spring: float | None = None,
    space_group: int | str | Sequence[int | str] | None = None,
    crystal_system: str | Sequence[str] | None = None,
    min_symmetry: int | None = None,
    seeds: SeedConfig | Mapping[str, Any] | None = None,
    protocol: Protocol | Mapping[str, Any] | str | None = None,
    ranks_per_structure: int | None = None,
    trajectories: int | str | Sequence[int] | None = None,
    time_limit: float | None = None,
    keep_every: float | None = None,
    grace: float | None = None,
    comm: "MPI.Intracomm | None" = None,
) -> Run:
    """Relax random seeds to new structures: ``rm-generate`` as a function.

    Arguments have the names and the values of its flags and of its YAML; what is left out has
    the same defaults, first of all the preset that suits the model. Structures depend on the
    settings alone: the same run by command, YAML or Python is the same byte for byte. A run that
    was stopped goes on when it is called again with the same settings and folder; one that is
    complete is only read.

    In a script under ``mpirun -n N python script.py`` every rank calls this function, relaxes
    its share and gets the result; without ``mpirun`` one process does everything. Interrupting it
    (Ctrl-C, a notebook's stop) ends the run in order: what is done is written and returned.

    Args:
        config: YAML file, or mapping, of the settings; the other arguments win over it.
        out: folder for the results.
        model: shipped model by name, bundle of ``rm-deploy`` or folder of ``rm-train``.
        system: what is generated, by name; default: what the model was trained on.
        formula: content of one cell or molecule, e.g. ``"Sr2O4"``.
        formulas: several compositions instead, or a file with one a line.
        de_novo: number of compositions to draw like those of the training data.
        chemical_system: elements, ``"Li-P-S"``, whose compositions are searched in rounds.
        heavy: heavy atoms of molecules, to which each seed adds its hydrogens.
        z: range of formula units, ``(1, 4)`` or ``"1-4"``.
        atoms: repeat the formula to a cell of so many atoms.
        num: number of seeds, of each composition; default: 64.
        seed: of the run; default: 0.
        device: ``cpu`` or ``cuda``.
        preset: defaults of seeds and protocol by name; default: what suits the model.
        elements: de novo: only these.
        max_atoms: de novo, chemical system: atoms at most.
        rounds: chemical system: how many.
        refine: chemical system: potential that relaxes the best, and whose hull counts.
        blind: no seeds from known structures.
        density: of the cubes that glasses are made in, g/cm³, or a range of which each draws its
            own.
        pressure: external pressure, GPa of E~ units.
        host: file with a structure to build into; the formula is what is added.
        fix: atoms of the host that stay; default: all.
        remove: atoms of the host to leave out.
        where: regions in which atoms are added.
        miller: indices of a surface, for a slab cut from the host.
        layers: thickness of the slab, in crystal cells.
        free: layers of the slab that don't stay, from the top.
        vacuum: from a slab to its image above, Å.
        upper: file with a second host, for the system ``interface``.
        gap: between the two hosts, Å.
        mirror: mirror the second host in the plane.
        axes: along which the cell may change, ``xyz``, some of them or ``none``.
        host_spring: constant of springs that tie the host's atoms instead, pseudo-eV/Å².
        space_group: crystals of these space groups only, by number or symbol.
        crystal_system: crystals of these crystal systems only.
        min_symmetry: crystals only whose point group has this order or more.
        seeds: kinds of seeds and their settings.
        protocol: stages, tolerances and energy terms.
        ranks_per_structure: ranks that share a structure.
        trajectories: seeds whose way is written to ``trajectories/``.
        time_limit: minutes after which no new seed starts.
        keep_every: minutes between two restart files of a large structure, from which it goes on.
        grace: seconds that seeds in flight get when the run is told to stop.
        comm: ranks to use; default: all.

    Returns:
        The run, on every rank: a sequence of the converged structures in order of seed (ASE
        Atoms; Å, E~ in pseudo-eV), with its summary, failures and unique structures.

    Raises:
        UserError: settings that can't be, or a folder that can't be used; on every rank.

    Examples:
        >>> import rm_lammps as rm
        >>> run = rm.generate(model="diamond", formula="C4", num=4, out="carbon")
        >>> run.summary["attempted"]
        4
        >>> print(run[0].get_chemical_formula())
        C4
    """
    given = {name: value for name, value in locals().items() if name not in {"config", "comm"}}
    # one thread a process, as for the commands: MPI ranks share the cores
    note = one_thread()
    # MPI must be up before LAMMPS is loaded
    from mpi4py import MPI

    from rm_lammps.generation.generation_config import load_run
    from rm_lammps.ranks import check_launcher, on_all, on_root

    comm = MPI.COMM_WORLD if comm is None else comm
    if note and comm.rank == 0:
        warnings.warn(note, Note, stacklevel=2)
    check_launcher(comm)
    order = on_root(comm, lambda: load_run(config, given))
    carry_out(order, comm)
    return on_all(comm, lambda: read_run(order.folder))


def carry_out(order: "Order", comm: "MPI.Intracomm") -> dict[str, Any]:
    """Do what was asked for: one run, or the rounds of a chemical system.

    Args:
        order: what, how and where.
        comm: every rank of it calls this function.

    Returns:
        The summary.

    Raises:
        UserError: on every rank.
    """
    if order.config.chemical_system is not None:
        from rm_lammps.exploration import explore

        return explore(order.config, order.folder, comm, order.execution)
    from rm_lammps.analysis.conclusion import conclude
    from rm_lammps.generation.generation_run import generate as one_run

    return one_run(order.config, order.folder, comm, order.execution, conclude)
