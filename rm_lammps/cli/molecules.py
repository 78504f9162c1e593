"""Tables of what molecules came to."""

from typing import Any

from rich.console import Console
from rich.table import Table


def print_molecules(result: dict[str, Any], console: Console | None = None) -> None:
    """Print the tables of an evaluation of molecules.

    Args:
        result: of ``rm_lammps.analysis.molecules.evaluate_molecules``.
        console: where to; standard output unless given.
    """
    console = console or Console()
    console.print(_rates(result))
    if len(result["compositions"]) > 1:
        console.print(_compositions(result["compositions"]))
    if result["ranking"]["auc"] is not None:
        console.print(_ranking(result["ranking"]))


def _rates(result: dict[str, Any]) -> Table:
    rates = result["rates"]
    table = Table("molecules", "number", "of attempted", "of converged")
    attempted, converged = rates["attempted"], rates["converged"]

    def row(name: str, n: int) -> None:
        table.add_row(name, str(n), _percent(n, attempted), _percent(n, converged))

    table.add_row("attempted", str(attempted))
    row("converged", converged)
    for reason, n in result.get("failed", {}).items():
        table.add_row(f"failed: {reason}", str(n), _percent(n, attempted), "")
    row("bonds fit a neutral molecule", rates["bonds"])
    row("one fragment", rates["connected"])
    row("valid: both", rates["valid"])
    table.add_section()
    for name, n in rates["checks"].items():
        unsure = rates["undecided"].get(name, 0)
        row(name.replace("_", " ") + (f" ({unsure} undecided)" if unsure else ""), n)
    table.add_section()
    row("all checks passed", rates["passes"])
    row("no check failed", rates["not_failed"])
    table.add_section()
    table.add_row("different SMILES of those passed", str(rates["distinct"]), "", "")
    if rates["novel"] is not None:
        table.add_row("not in the training set", str(rates["novel"]), "", "")
    if "matched" in result:
        found = result["matched"]
        known = f"{sum(n > 0 for n in found.values())} of {len(found)}"
        table.add_row("references found", known, f"{result['match_rate']:.1%}", "")
    _add_energies(table, rates["xtb"])
    if "kept" in result:
        kept = result["kept"]
        rate = _percent(kept["passes"], kept["converged"])
        table.add_row(f"passed of the {kept['converged']} kept", str(kept["passes"]), "", rate)
    if "seconds_per_seed" in result:
        table.add_section()
        table.add_row("seconds of a core a seed", f"{result['seconds_per_seed']:.3f}", "", "")
        table.add_row("evaluations a seed", f"{result['evaluations_per_seed']:.0f}", "", "")
        speed = f"{result['passes_per_core_second']:.3f}"
        table.add_row("all-pass molecules per core-second", speed, "", "")
    return table


def _add_energies(table: Table, xtb: dict[str, Any] | None) -> None:
    if xtb is None or not xtb["relaxed"]:
        return
    table.add_section()
    table.add_row("passed and relaxed with GFN2-xTB", f"{xtb['relaxed']} of {xtb['passing']}")
    table.add_row("  bonds unchanged", str(xtb["same_bonds"]))
    for key, unit in (("drop", "eV per atom"), ("rmsd", "Å")):
        values = f"{xtb[f'median_{key}']:.3f}, at most {xtb[f'largest_{key}']:.3f}"
        table.add_row(f"  median {key}, {unit}", values)


def _compositions(compositions: dict[str, dict[str, Any]]) -> Table:
    table = Table("composition", "attempted", "converged", "valid", "all passed", "SMILES", "novel")
    for formula, rates in compositions.items():
        attempted = rates["attempted"]
        table.add_row(
            formula,
            str(attempted),
            *(_percent(rates[key], attempted) for key in ("converged", "valid", "passes")),
            str(rates["distinct"]),
            "" if rates["novel"] is None else str(rates["novel"]),
        )
    return table


def _ranking(ranking: dict[str, Any]) -> Table:
    table = Table(
        "fraction kept",
        "all passed, lowest of each composition",
        "all passed, lowest of all",
        "score up to",
        title=f"by rank score: AUC {ranking['auc']:.2f}, by place within the composition "
        f"{ranking['auc_within_composition']:.2f}, by E~ alone {ranking['auc_energy']:.2f}",
    )
    for row in ranking["keep"]:
        rates = (row["pass_rate"], row["pass_rate_overall"])
        table.add_row(
            f"{row['fraction']:.0%}",
            *("" if rate is None else f"{rate:.1%}" for rate in rates),
            f"{row['rank_score']:.4f}",
        )
    return table


def _percent(n: int, total: int) -> str:
    return f"{n / total:.1%}" if total else ""
