"""Which composition a seed belongs to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rm_lammps.generation.generation_config import GenerationConfig
from rm_lammps.runs.request import Asked, Request, total_seeds

REQUESTS = st.builds(
    Request,
    st.lists(st.sampled_from(["C2", "C4", "NaCl"]), min_size=1, max_size=5).map(tuple),
    st.integers(1, 6),
)


@given(st.lists(REQUESTS, min_size=1, max_size=4))
def test_every_seed_has_one_place(requests):
    asked = Asked(requests)
    run = np.concatenate([np.full(r.total, n) for n, r in enumerate(requests)])
    seed = np.concatenate([np.arange(r.total) for r in requests])
    composition, turn = asked.place(run, seed)
    places = list(zip(composition.tolist(), turn.tolist(), strict=True))
    # no two seeds share a place, and the places of a composition have no gaps
    assert len(set(places)) == len(places) == asked.seeds.sum()
    for number, seeds in enumerate(asked.seeds.tolist()):
        assert sorted(t for c, t in places if c == number) == list(range(seeds))
    for r, s, c in zip(run.tolist(), seed.tolist(), composition.tolist(), strict=True):
        assert asked.formulas[c] == requests[r].formulas[requests[r].place(s)[0]]


@given(REQUESTS)
def test_compositions_of_one_run_are_those_it_was_given(request):
    assert Asked([request]).formulas == list(request.formulas)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"formula": "C8"}, 3),
        ({"formulas": ["C2", "C4"]}, 6),
        ({"de_novo": {"compositions": 5}}, 15),
        ({"heavy": "C5"}, 3),
    ],
)
def test_settings_say_how_many_seeds(fields, expected):
    config = GenerationConfig(model="diamond", num=3, **fields)
    assert config.total == total_seeds({"config": config.model_dump(mode="json")}) == expected
