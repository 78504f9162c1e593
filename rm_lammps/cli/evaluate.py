"""``rm-evaluate``: what generation runs found."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from rm_lammps.analysis.evaluation_fields import (
    AllFields,
    CrystalFields,
    LargeFields,
    MoleculeFields,
)
from rm_lammps.analysis.reasons import hull_words, origin
from rm_lammps.cli.common import print_error, run_app
from rm_lammps.cli.metrics_tables import metrics_tables
from rm_lammps.cli.options import with_flags
from rm_lammps.environment import one_thread
from rm_lammps.errors import UserError

if TYPE_CHECKING:
    from rm_lammps.api.evaluate import Evaluated

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
@with_flags(
    Options=AllFields,
    Crystals=CrystalFields,
    Large_cells=LargeFields,
    Molecules=MoleculeFields,
)
def evaluate(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="DIR...|FILE",
            help="One or several --out of rm-generate, also of a run that is going on; or a file "
            "of known molecules or of cells of 200 atoms or more.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the results: needed for several runs; DIR/so_far by default for a "
            "run that is going on. Of a FILE: where to write its evaluation as JSON.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE.yaml", help="Settings, and sources; flags override them."),
    ] = None,
    **flags: Any,
) -> None:
    """Deduplicate and rank structures; match crystals to references, put molecules to the test.

    Rates count every attempted seed. Writes unique.extxyz, evaluation.json and a picture into DIR
    or --out, and for crystals top.extxyz. Runs under mpirun too, with the same result.
    """
    from rm_lammps.api.evaluate import carry_out, load_evaluation
    from rm_lammps.ranks import check_launcher, launched_ranks, on_root

    comm = launched_ranks()
    if comm.size > 1:
        one_thread()
    given = {**flags, "sources": sources or None, "out": out}
    try:
        check_launcher(comm)
        wanted = on_root(comm, lambda: load_evaluation(config, given))
        evaluated = carry_out(wanted, comm)
    except UserError as error:
        # every rank has it; one says it
        if comm.rank == 0:
            print_error(error)
        raise SystemExit(2) from None
    if comm.rank == 0:
        _print(evaluated, wanted.show, matched=wanted.reference is not None)


def _print(evaluated: "Evaluated", show: int, *, matched: bool) -> None:
    from rm_lammps.cli.molecules import print_molecules
    from rm_lammps.runs.layout import DISORDER, ENERGY_VOLUME, RANKING

    source, result = evaluated.source, evaluated.result
    if evaluated.kind == "molecules":
        print_molecules(result)
        if source.is_dir():
            typer.echo(source / RANKING)
        return
    if evaluated.kind == "large cells":
        from rm_lammps.cli.large_cells import print_large_cells

        print_large_cells(result)
        if source.is_dir():
            typer.echo(source / DISORDER)
        return
    console = Console()
    console.print(_summary(result))
    if result["structures"]:
        _print_best(console, result["structures"], show, matched=matched)
    if evaluated.metrics is not None:
        for table in metrics_tables(evaluated.metrics):
            console.print(table)
    typer.echo(source / ENERGY_VOLUME)


def _print_best(
    console: Console, structures: list[dict[str, Any]], show: int, *, matched: bool
) -> None:
    if shown := _shown(structures, show):
        _print_wide(console, _structures(shown, matched=matched))
        typer.echo(f"{len(shown)} of {len(structures)} unique structures; --show N.")


def _shown(structures: list[dict[str, Any]], show: int) -> list[dict[str, Any]]:
    """The best structures, as many of each composition as there is room for.

    Args:
        structures: by composition, best first.
        show: rows at most.
    """
    compositions = sum(structure["rank"] == 1 for structure in structures)
    each = max(show // max(compositions, 1), 1)
    return [structure for structure in structures if structure["rank"] <= each][:show]


def _summary(result: dict[str, Any]) -> Table:
    attempted = result["attempted"]
    table = Table("of all attempted seeds", "number", "share")
    rows = {"attempted": attempted, "converged": result["converged"]}
    rows |= {f"failed: {reason}": n for reason, n in result["failed"].items()}
    rows |= {f"match {name}": n for name, n in result["matched"].items()}
    rows |= {"unique structures": result["unique"]}
    for name, number in rows.items():
        table.add_row(name, str(number), f"{number / max(attempted, 1):.1%}")
    table.add_row("seconds of a core a seed", f"{result['seconds_per_seed']:.3f}", "")
    table.add_row("evaluations a seed", f"{result['evaluations_per_seed']:.0f}", "")
    return table


def _structures(structures: list[dict[str, Any]], *, matched: bool) -> Table:
    columns = _columns(structures, matched=matched)
    table = Table(*columns)
    for structure in structures:
        table.add_row(*(show(structure) for show in columns.values()))
    return table


def _print_wide(console: Console, table: Table) -> None:
    """Print a table; into a file or a pipe as wide as it is, so that no number is cut off."""
    if not console.is_terminal:
        wide = Console(width=1000)
        needed = Measurement.get(wide, wide.options, table).maximum
        console = Console(width=max(console.width, needed))
    console.print(table)


Show = Callable[[dict[str, Any]], str]


def _columns(structures: list[dict[str, Any]], *, matched: bool) -> dict[str, Show]:
    """What each column shows of a structure; those that would be empty are left out."""
    columns: dict[str, Show] = {}
    known = {key for s in structures for key in s}
    if len({s["formula"] for s in structures}) > 1:
        columns["formula"] = lambda s: str(s["formula"])
    columns["rank"] = lambda s: str(s["rank"])
    columns["score"] = _number("rank_score", 4)
    columns["E~/atom (pseudo-eV)"] = _number("energy_per_atom", 4)
    names = {key: key.removesuffix("_energy_per_atom") for key in sorted(known)}
    potentials = [key for key, name in names.items() if name not in {key, "physical"}]
    for key in potentials:
        columns[f"{names[key]}/atom (eV)"] = _number(key, 4)
    if len(potentials) > 1:
        columns["mean (eV)"] = _number("physical_energy_per_atom", 4)
        columns["disagree (eV)"] = _number("disagreement", 4)
    if "hull_references" in known:
        columns["above hull (eV)"] = hull_words
        columns["known"] = lambda s: str(s.get("hull_references", ""))
    for part in ("votes", "symmetry", "found"):
        if any(s.get(f"score_{part}") for s in structures):
            columns[f"{part} in score"] = _number(f"score_{part}", 4)
    columns["V/atom (Å³)"] = _number("volume_per_atom", 3)
    columns["found"] = lambda s: str(s["found"])
    columns["best seed"] = lambda s: str(s["seed"]) if "run" not in s else f"{s['run']} {s['seed']}"
    if "seed_kind" in known:
        columns["from"] = origin
    columns["space group"] = lambda s: str(s["space_group"])
    if any(s["space_group_tight"] != s["space_group"] for s in structures):
        columns["at 0.01 Å"] = lambda s: str(s["space_group_tight"])
    if matched:
        columns["neighbours"] = _number("coordination", 2)
        columns["matches"] = lambda s: s["matches"] or ""
    return columns


def _number(key: str, digits: int) -> Show:
    def show(structure: dict[str, Any]) -> str:
        value = structure.get(key)
        return "" if value is None else f"{value:.{digits}f}"

    return show


main = run_app(app)
