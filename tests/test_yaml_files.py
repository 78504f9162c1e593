"""YAML as people mean it."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rm_lammps.errors import UserError
from rm_lammps.yaml_files import read_yaml, yaml_text


def read(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    return read_yaml(tmp_path / "a.yaml", "configuration")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("Y", "Y"),
        ("1-4", "1-4"),
        ("2026-01-02", "2026-01-02"),
        ("12:30", "12:30"),
        ("010", 10),
        ("1e-5", 1e-5),
        ("1.5", 1.5),
        ("-3", -3),
        ("true", True),
        ("", None),
        ("null", None),
        ("'8'", "8"),
        ("[N, O, Y, 1]", ["N", "O", "Y", 1]),
    ],
)
def test_scalars(tmp_path, text, value):
    read_value = read(tmp_path, f"\ufeffkey: {text}\n")["key"]
    assert read_value == value
    assert type(read_value) is type(value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", "'a' stands there twice"),
        ("a: {b: 1, b: 2}\n", "'b' stands there twice"),
        ("- a\n- b\n", "not a mapping"),
        ("just words", "not a mapping"),
        ("", "not a mapping"),
        ("a: [1, 2\n", "Can't read"),
        ("a: *b\n", "Can't read"),
        ("? [1, 2]\n: 3\n", "must be text"),
        ("1: 2\n", "not a mapping"),
        ("a: !!python/object:os.system x\n", "Can't read"),
        ("\0", "Can't read"),
    ],
)
def test_what_is_no_setting_is_refused(tmp_path, text, words):
    with pytest.raises(UserError, match=words):
        read(tmp_path, text)


_WORDS = st.text("NOonyes01-.:~", max_size=5)
_VALUES = st.none() | st.booleans() | st.integers(-9, 10**6) | st.floats(allow_nan=False) | _WORDS


@settings(deadline=None)
@given(st.dictionaries(_WORDS, _VALUES | st.lists(_VALUES, max_size=3), min_size=1, max_size=3))
@example({"-.0": None, "1e5": "+.1", "NO": ["no", "1e-5", "010"]})
def test_what_the_program_writes_it_reads(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("yaml")
    assert read(folder, yaml_text(content)) == content


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_mapping_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("yaml") / "a.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        assert isinstance(read_yaml(path, "configuration"), dict)
    except UserError:
        return
