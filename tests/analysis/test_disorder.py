"""Large disordered cells: what is counted is what is there, in one block or in many."""

import json

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal
from matscipy.rings import ring_statistics

from rm_lammps.analysis.disorder import blocks
from rm_lammps.analysis.disorder.classical import Classical
from rm_lammps.analysis.disorder.curves import angles, pair_distributions, structure_factors
from rm_lammps.analysis.disorder.network import Network
from rm_lammps.analysis.disorder.portrait import compare, portray, shell_of
from rm_lammps.errors import UserError


def cristobalite(repeat, noise=0.0, seed=0):
    """The high form of SiO2: rings of six, every Si with four O."""
    atoms = crystal(
        ["Si", "O"],
        [(0, 0, 0), (1 / 8, 1 / 8, 1 / 8)],
        spacegroup=227,
        cellpar=[7.16] * 3 + [90] * 3,
    )
    atoms = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True).repeat(repeat)
    atoms.rattle(noise, seed=seed)
    return atoms


def test_bonds_rings_and_angles_of_a_crystal():
    network = Network.of(cristobalite(2))
    assert network.coordination() == {8: {2: 1.0}, 14: {4: 1.0}}
    assert network.bridges() == {14: {4: 1.0}}
    assert network.wrong_share == 0
    assert network.edge_sharing() == {14: 0.0}
    assert network.rings(np.random.default_rng(0)) == {6: 1.0}
    found = angles(network)
    assert set(found) == {"O-Si-O", "Si-O-Si"}
    assert found["O-Si-O"].x[found["O-Si-O"].y.argmax()] == pytest.approx(109.5, abs=2)
    assert found["Si-O-Si"].x[found["Si-O-Si"].y.argmax()] == pytest.approx(179, abs=2)


def test_defects_are_counted():
    atoms = cristobalite(2)
    oxygen = int(np.flatnonzero(atoms.numbers == 8)[0])
    one, other = (int(n) for n in Network.of(atoms).second[Network.of(atoms).first == oxygen])
    broken = atoms.copy()
    del broken[oxygen]
    left = Network.of(broken)
    assert left.coordination()[14] == {3: 2 / 64, 4: 62 / 64}
    near = atoms.copy()
    near.positions[one] += 0.45 * near.get_distance(one, other, mic=True, vector=True)
    assert Network.of(near).wrong == 1


def test_polyhedra_with_a_common_edge_are_counted():
    rutile = crystal(
        ["Ti", "O"],
        [(0, 0, 0), (0.305, 0.305, 0)],
        spacegroup=136,
        cellpar=[4.594, 4.594, 2.959, 90, 90, 90],
    ).repeat(3)
    assert Network.of(rutile).edge_sharing() == {22: 1.0}
    # one pair of silicon atoms shares two oxygen atoms, the other one
    silicon, oxygen = [(0, 0, 0), (2.4, 0, 0), (0, 0, 3.2)], [(1.2, 1.1, 0), (1.2, -1.1, 0)]
    three = Atoms("Si3O3", [*silicon, *oxygen, (0, 0, 1.6)], cell=[12, 12, 12], pbc=True)
    assert Network.of(three).edge_sharing() == {14: pytest.approx(2 / 3)}
    assert Network.of(bulk("C", cubic=True)).edge_sharing() == {}


def test_rings_of_diamond_are_those_that_matscipy_finds():
    diamond = bulk("C", cubic=True).repeat(3)
    assert Network.of(diamond).rings(np.random.default_rng(0)) == {6: 1.0}
    assert np.flatnonzero(ring_statistics(diamond, 1.8, maxlength=8)).tolist() == [6]


@pytest.mark.parametrize(
    ("element", "neighbours", "between"),
    [("Si", 4, (2.35, 3.84)), ("C", 4, (1.55, 2.52)), ("Cu", 12, (2.56, 3.61))],
)
def test_shells_of_an_element_end_where_g_is_lowest(element, neighbours, between):
    atoms = bulk(element, cubic=True).repeat(5)
    atoms.rattle(0.08, seed=1)
    assert between[0] < shell_of(atoms) < between[1]
    look = portray(atoms, element)
    # some bonds are longer than radii would allow
    assert look.numbers[f"{element} with {neighbours} neighbours"] == 1.0
    assert look.numbers["neighbours up to (Å)"] == shell_of(atoms)
    assert shell_of(cristobalite(3)) is None


def test_blocks_find_the_same_pairs(monkeypatch):
    atoms = cristobalite((4, 4, 3), noise=0.2)
    sheared = [[1, 0.1, 0], [0, 1, 0.05], [0, 0, 1]]
    atoms.set_cell(atoms.cell.array @ sheared, scale_atoms=True)
    atoms.positions += 3.0
    (whole,) = blocks.pairs_in_blocks(atoms, 3.0)
    monkeypatch.setattr(blocks, "_WHOLE", 60)
    parts = list(blocks.pairs_in_blocks(atoms, 3.0))
    assert len(parts) > 1

    def ordered(pairs):
        return np.array(
            sorted(zip(pairs.first, pairs.second, pairs.distances.round(6), strict=True))
        )

    together = np.concatenate([ordered(part) for part in parts])
    np.testing.assert_allclose(together[np.lexsort(together.T[::-1])], ordered(whole))


def test_a_gas_has_neither_order_nor_structure():
    atoms = Atoms(
        "Si1000O2000", np.random.default_rng(0).random((3000, 3)), cell=[1, 1, 1], pbc=True
    )
    atoms.set_cell([36.0] * 3, scale_atoms=True)
    g = pair_distributions(atoms)
    assert set(g) == {"O-O", "O-Si", "Si-Si"}
    for curve in g.values():
        far = curve.x > 4
        assert curve.y[far].mean() == pytest.approx(1, abs=0.02)
    for curve in structure_factors(atoms, g).values():
        assert curve.y[40:].mean() == pytest.approx(1, abs=0.05)


def test_samples_are_the_yardstick():
    samples = [portray(cristobalite(3, 0.1, seed), f"s{seed}") for seed in range(3)]
    same = compare([portray(cristobalite(3, 0.1, 9), "same")], samples)
    other = compare([portray(cristobalite(3, 0.3, 9), "other")], samples)
    assert max(same.ratios.values()) < 2
    assert other.ratios["g(r) O-Si"] > 5
    assert compare([samples[0]], samples[:1]).ratios == {}


def test_a_classical_potential_gives_energy_and_moduli():
    silicon = bulk("Si", cubic=True, a=5.5).repeat(3)
    found = Classical("Si.sw").energies(silicon, elastic=True)
    assert found["Si.sw: energy (eV/atom)"] == pytest.approx(-4.3366, abs=1e-3)
    # C11 151.4, C12 76.4 and, relaxed, C44 56.4 GPa (Cowley, Phys. Rev. Lett. 60, 2379 (1988))
    assert found["Si.sw: bulk modulus (GPa)"] == pytest.approx(101.4, abs=1)
    assert found["Si.sw: shear modulus (GPa)"] == pytest.approx(48.8, abs=1)
    with pytest.raises(UserError, match=r"Si\.sw"):
        Classical("nonsense.sw").energies(silicon)


def test_files_of_large_cells_are_judged(run, refused, tmp_path):
    ase.io.write(tmp_path / "cells.extxyz", [cristobalite(3, 0.1, 1)])
    ase.io.write(tmp_path / "samples.extxyz", [cristobalite(3, 0.1, seed) for seed in (2, 3)])
    ase.io.write(tmp_path / "small.extxyz", [cristobalite(1)])
    command = ("rm-evaluate", tmp_path / "cells.extxyz")
    out = tmp_path / "found.json"
    said = run(*command, "--reference", tmp_path / "samples.extxyz", "--out", out).stdout
    assert "Si with 4 neighbours" in said
    assert "ratio" in said
    assert {"S(q) X-ray", "angle O-Si-O"} <= set(
        json.loads(out.read_text())["comparison"]["ratios"]
    )
    assert "too few" in refused(*command, "--reference", tmp_path / "small.extxyz")
    assert "--symprec" in refused(*command, "--symprec", 0.2)
    assert "--elastic" in refused(*command, "--elastic")
