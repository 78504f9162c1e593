"""CIF as ASE parses it, strictly: nothing disordered, ambiguous or missing becomes a crystal."""

import io
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import ase
from ase.data import atomic_numbers
from ase.io.cif import CIFBlock, parse_cif
from ase.spacegroup import crystal
from ase.spacegroup.spacegroup import SpacegroupValueError

from rm_lammps.chemistry.formula import count_atoms, read_label
from rm_lammps.datasets.format_error import FormatError
from rm_lammps.errors import UserError

_ORDER_IT = (
    "A structure needs one atom on each site: choose an ordered model, for example with pymatgen's "
    "OrderDisorderedStructureTransformation, and give that."
)
_UNSURE = "Give it the tag _atom_site_type_symbol."
_SITE = re.compile(r"(?P<symbol>[A-Z]{2}|[A-Z][a-z]?)(?![a-z])")
_FULL = 1e-3
"""How far an occupancy may be from one: files round it."""
_SYMBOLS, _LABELS = "_atom_site_type_symbol", "_atom_site_label"


def looks_like_cif(lines: Sequence[str]) -> bool:
    """Whether the first line that says something opens a data block."""
    first = next((s for line in lines if (s := line.strip()) and not s.startswith("#")), "")
    return first.lower().startswith("data_")


def read_cif(text: str) -> list[tuple[ase.Atoms, int | None]]:
    """Read all blocks that hold a structure.

    Args:
        text: of the file.

    Returns:
        Crystals in Å, each with the line of its ``data_``.

    Raises:
        FormatError: broken syntax, or a structure that is disordered, ambiguous or incomplete.
    """
    lines = _beginnings(text)
    found: list[tuple[ase.Atoms, int | None]] = []
    blocks = list(_blocks(text))
    if len(blocks) < len(lines):
        # what has no value takes the next word for it, and be it the next block's name
        raise FormatError("an entry before one of its blocks has no value", line=lines[-1])
    if blocks and not len(blocks[-1]):
        raise FormatError("its last block is empty: it is truncated", line=lines[-1])
    for number, block in enumerate(blocks):
        line = lines[number] if number < len(lines) else None
        if not any(tag.startswith(("_atom_site_", "_cell_length", "_atom_site.")) for tag in block):
            continue
        try:
            found.append((_crystal(block), line))
        except FormatError as error:
            error.line, error.frame = line, len(found)
            raise
        except Exception as error:
            # ASE raises whatever comes
            problem = f"block {block.name!r}: {type(error).__name__}: {error}"
            raise FormatError(problem, line=line, frame=len(found)) from error
    return found


def _beginnings(text: str) -> list[int]:
    """Numbers of the lines that begin a block, from 1; those within a text of several lines not."""
    found, within = [], False
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith(";"):
            within = not within
        elif not within and line.lower().startswith("data_"):
            found.append(number)
    return found


def _blocks(text: str) -> Iterator[CIFBlock]:
    with warnings.catch_warnings():
        # rows with too many or too few words are left out with a warning
        warnings.filterwarnings("error", message="Wrong number")
        warnings.filterwarnings("error", message="Duplicated loop tags")
        try:
            yield from parse_cif(io.StringIO(text))
        except Exception as error:
            raise FormatError(_why(error)) from error


def _why(error: Exception) -> str:
    if isinstance(error, IndexError):
        return "the file ends within an entry: it is truncated"
    return str(error) or type(error).__name__


def _crystal(block: CIFBlock) -> ase.Atoms:
    if any(tag.startswith("_atom_site.") for tag in block):
        raise FormatError("it is mmCIF, as for proteins", hint="Give a CIF of a crystal.")
    missing = [tag for tag in CIFBlock.cell_tags if not _is_number(block.get(tag))]
    if missing:
        raise FormatError(f"block {block.name!r} has no number under {', '.join(missing)}")
    labels, symbols, masses = _sites(block)
    _check_order(block, labels)
    sites = CIFBlock(block.name, {**block, _SYMBOLS: symbols}).get_unsymmetrized_structure()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        group = block.get_spacegroup(subtrans_included=True)
        try:
            full = crystal(sites, spacegroup=group, setting=group.setting, onduplicates="error")
        except SpacegroupValueError as error:
            raise FormatError(f"several sites are one: {error}", hint=_ORDER_IT) from error
    atoms = ase.Atoms(full.numbers, full.positions, cell=full.cell, pbc=True)
    if any(masses):
        kinds, usual = full.get_array("spacegroup_kinds"), atoms.get_masses()
        atoms.set_masses([masses[k] or m for k, m in zip(kinds, usual, strict=True)])
    _check_formula(block, atoms)
    return atoms


def _sites(block: CIFBlock) -> tuple[list[str], list[str], list[float | None]]:
    """Labels, elements and masses of the sites."""
    labels, symbols = (_column(block, tag) for tag in (_LABELS, _SYMBOLS))
    named = symbols or labels
    if not named:
        raise FormatError(f"block {block.name!r} has a cell, but no atom sites")
    if len(labels or named) != len(named):
        raise FormatError(f"{len(labels or ())} sites have labels, {len(named)} symbols")
    read = [
        _element(label, text, is_label=symbols is None)
        for label, text in zip(labels or named, named, strict=True)
    ]
    return labels or named, [symbol for symbol, _ in read], [mass for _, mass in read]


def _element(label: str, text: str, *, is_label: bool) -> tuple[str, float | None]:
    try:
        return read_label(_of_label(text) if is_label else text)
    except ValueError as error:
        raise FormatError(f"site {label}: {error}", hint=_UNSURE) from error


def _of_label(label: str) -> str:
    """Symbol that a site's label begins with: ``Fe2`` is iron; ``CA1`` could be two elements."""
    found = _SITE.match(label)
    if found is None:
        raise ValueError(f"{label!r} begins with no chemical symbol")
    symbol = found["symbol"]
    if symbol.isupper() and len(symbol) > 1:
        if symbol.capitalize() in atomic_numbers:
            raise ValueError(f"the label doesn't tell {symbol[0]} from {symbol.capitalize()}")
        symbol = symbol[0]
    return symbol


def _check_order(block: CIFBlock, labels: Sequence[str]) -> None:
    for label, value in zip(labels, _column(block, "_atom_site_occupancy") or (), strict=False):
        occupancy = 1.0 if value in {".", "?"} else _number(value)
        if not abs(occupancy - 1) <= _FULL:
            raise FormatError(
                f"it is disordered: site {label} has the occupancy {value}", hint=_ORDER_IT
            )
    for label, group in zip(
        labels, _column(block, "_atom_site_disorder_group") or (), strict=False
    ):
        if group not in {".", "?"}:
            raise FormatError(
                f"it is disordered: site {label} is of the disorder group {group}", hint=_ORDER_IT
            )
    attached = _column(block, "_atom_site_attached_hydrogens") or ()
    for label, number in zip(labels, attached, strict=False):
        if number not in {".", "?"} and _number(number) > 0:
            raise FormatError(
                f"site {label} has {number} hydrogens without coordinates",
                hint="Add the hydrogens with their positions.",
            )


def _check_formula(block: CIFBlock, atoms: ase.Atoms) -> None:
    """The formula that the file states must be that of its sites: otherwise some are missing."""
    stated = block.get("_chemical_formula_sum")
    if not isinstance(stated, str):
        return
    try:
        counts = count_atoms(re.sub(r"\b[DT](?=\d|\s|$)", "H", stated))
    except UserError:
        # fractions, charges, free text: nothing to compare with
        return
    found = Counter(atoms.get_chemical_symbols())
    ratios = {found[symbol] / n for symbol, n in counts.items()}
    if set(found) != set(counts) or max(ratios) - min(ratios) > 1e-6:
        raise FormatError(
            f"the file says {stated}, but its sites give {atoms.get_chemical_formula()}",
            hint="Atoms or symmetry operations are missing: complete the file, or correct "
            "_chemical_formula_sum.",
        )


def _column(block: CIFBlock, tag: str) -> list[str] | None:
    """A site's values as text; ``None`` where the file has none."""
    values: Any = block.get(tag)
    if values is None:
        return None
    return [str(value) for value in (values if isinstance(values, list) else [values])]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(text: str) -> float:
    try:
        return float(text.split("(", maxsplit=1)[0])
    except ValueError as error:
        raise FormatError(f"{text!r} is not a number") from error
