"""What long work shows where there is no terminal."""

import pytest

from rm_lammps import progress


@pytest.mark.parametrize("shown", [True, False])
def test_a_line_a_minute_without_a_terminal(capsys, monkeypatch, shown):
    clock = iter(range(0, 10_000, 25))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    assert list(progress.follow("abcdefg", "letters", shown=shown)) == list("abcdefg")
    lines = capsys.readouterr().err.splitlines()
    assert lines == (["letters: 3 of 7", "letters: 6 of 7"] if shown else [])
