"""What a library of known structures learns: types, and which elements are alike."""

import ase
import numpy as np
import pytest
from ase.build import bulk
from ase.data import atomic_numbers

from rm_lammps.datasets.library import PrototypeLibrary, pettifor_order
from rm_lammps.seeds.kinds.prototype import Prototypes
from rm_lammps.training import prototypes
from rm_lammps.training.learned_library import learn_places, learned_library, split_types


def tetragonal(symbols, ratio):
    cell = np.diag([3.0, 3.0, 3.0 * ratio])
    return ase.Atoms(symbols, scaled_positions=[(0, 0, 0), (0.5, 0.5, 0.5)], cell=cell, pbc=True)


def salts(**structures):
    return [bulk(f"{metal}Cl", structure, a=5.0) for metal, structure in structures.items()]


def test_equal_symmetry_with_other_proportions_is_another_type(monkeypatch):
    frames = [tetragonal("CuAu", 1.3), tetragonal("FePt", 1.35), tetragonal("MgO", 3.5)]
    library = PrototypeLibrary.of([*frames, bulk("NaCl", "rocksalt", a=5.6)])
    assert len(set(library.types[:3].tolist())) == 1
    assert split_types(library).tolist() == [0, 0, 2, 3]
    monkeypatch.setattr(prototypes, "_MOST_FOUNDERS", 1)
    assert split_types(library).tolist() == [0, 0, 0, 3]


@pytest.fixture(scope="module")
def learned():
    # neighbours in Pettifor's order take turns
    return learned_library(
        salts(Li="rocksalt", Na="cesiumchloride", K="rocksalt", Rb="cesiumchloride", Cs="rocksalt"),
        seed=0,
        shown=False,
    )


def distance(library, *symbols):
    a, b = (library.places[atomic_numbers[symbol]] for symbol in symbols)
    return np.linalg.norm(a - b)


def test_elements_that_form_the_same_structures_come_together(learned):
    before = PrototypeLibrary.of(salts(Na="rocksalt"))
    assert distance(before, "Na", "K") < distance(before, "Na", "Rb")
    assert distance(learned, "Na", "K") > distance(learned, "Na", "Rb")
    assert distance(learned, "Cs", "Rb") > distance(learned, "Cs", "K")


def test_votes_are_by_what_was_learned(learned):
    others = salts(Li="rocksalt", Na="cesiumchloride", K="rocksalt", Cs="rocksalt")
    library = PrototypeLibrary.of(others)

    def first():
        candidates = Prototypes(library).votes.candidates((("Rb", 1), ("Br", 1)))
        return others[candidates[0].index].symbols[0]

    assert first() in {"K", "Cs"}
    library.places = learned.places
    assert first() == "Na"


def test_nothing_is_learned_where_no_two_are_alike():
    library = PrototypeLibrary.of([bulk("NaCl", "rocksalt", a=5.6)])
    places = learn_places(library, seed=0)
    np.testing.assert_allclose(places[:, 0], pettifor_order() / 5, atol=0.5)
