"""Comment lines of extended xyz are read as ASE reads them."""

import numpy as np
import pytest
from ase.io.extxyz import key_val_str_to_dict
from hypothesis import given
from hypothesis import strategies as st

from rm_lammps.datasets.comments import read_comment

CELL = 'Lattice="0 2.1 2.1 2.1 0 2.1 2.1 2.1 0" Properties=species:S:1:pos:R:3'
LINES = [
    CELL,
    CELL + ' pbc="T T F" energy=-1.5e3 material_id=mp-149 e_above_hull=0.0 n=12',
    CELL + " frozen relaxed=F big=99999999999999999999 x=1_0 nan=nan inf=inf,1",
    'a="1, 2,3" b=\'x y\' c={1 2} d=[1,2] e="_JSON [1]" f="" g=a\\ b h=x=y uid=12 i=é',
    'stress="1 2 3 4 5 6 7 8 9" virial="1 2.5 3 4 5 6 7 8 9" k=-- l=1e m=.',
    "properties of nothing",
    'a = 5 b="5',
    "",
]
WORDS = ["T", "F", "true", "1", "-2", "3.5", "1e3", "nan", "Inf", "mp-1", "", ",", "x=1", "9" * 20]


def answer(read, line):
    """What a line says, or how it is refused."""
    try:
        return read(line)
    except Exception as error:
        return repr(error)


def assert_same(line):
    by_ase, ours = answer(key_val_str_to_dict, line), answer(read_comment, line)
    if isinstance(by_ase, str) or isinstance(ours, str):
        assert by_ase == ours
        return
    assert list(by_ase) == list(ours)
    for key, value in by_ase.items():
        assert type(value) is type(ours[key]), key
        if isinstance(value, np.ndarray):
            assert value.dtype == ours[key].dtype
        np.testing.assert_array_equal(value, ours[key])


@pytest.mark.parametrize("line", LINES)
def test_lines_as_people_write_them(line):
    assert_same(line)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "Lattice", "uid", "stress", "é"]),
            st.lists(st.sampled_from(WORDS) | st.text(max_size=4), min_size=1, max_size=10),
            st.sampled_from(["{}={}", '{}="{}"', "{}='{}'", "{}={{{}}}", "{} = {}", "{}"]),
        ),
        max_size=4,
    )
)
def test_any_line(entries):
    assert_same(" ".join(form.format(key, " ".join(words)) for key, words, form in entries))


def test_plain_lines_are_not_left_to_ase(monkeypatch):
    """What makes it fast: files as programs write them never need the slow way."""
    monkeypatch.setattr("rm_lammps.datasets.comments.key_val_str_to_dict", None)
    assert read_comment(LINES[1])["n"] == 12
