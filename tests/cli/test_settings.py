"""The same words and values in YAML, flags and Python."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from rm_lammps.errors import UserError
from rm_lammps.generation.generation_config import GenerationConfig, load_run
from rm_lammps.settings import Numbers, Range, Words, combine

BASE = {"model": "diamond", "formula": "C8", "out": "carbon"}


class Values(BaseModel):
    range: Range = (1, 1)
    words: Words = ()
    numbers: Numbers = ()


@given(st.lists(st.integers(0, 10**6), max_size=4))
def test_lists_of_numbers_read_the_same_as_text_and_as_data(numbers):
    text = ",".join(map(str, numbers))
    assert Values(numbers=text).numbers == Values(numbers=numbers).numbers == tuple(numbers)


@given(st.lists(st.sampled_from(["Li", "O", "Mn"]), max_size=4), st.sampled_from([",", ", "]))
def test_lists_of_words_read_the_same_as_text_and_as_data(words, comma):
    assert Values(words=comma.join(words)).words == Values(words=words).words == tuple(words)


@given(st.integers(1, 99), st.integers(1, 99))
def test_ranges_read_the_same_as_text_and_as_data(low, high):
    assert Values(range=f"{low}-{high}").range == Values(range=[low, high]).range == (low, high)
    assert Values(range=low).range == Values(range=str(low)).range == (low, low)


@pytest.mark.parametrize(
    "fields",
    [{"range": "1-x"}, {"range": "-"}, {"range": True}, {"numbers": "1,x"}, {"numbers": "-1"}],
)
def test_values_that_are_none_are_refused(fields):
    with pytest.raises(ValidationError):
        Values(**fields)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ({"pressure": 3}, {"protocol": {"pressure": 3.0}}),
        ({"pressure": "3"}, {"protocol": {"pressure": 3.0}}),
        ({"blind": True}, {"seeds": {"blind": True}}),
        ({"z": "1-4"}, {"z": [1, 4]}),
        ({"z": 2}, {"z": [2, 2]}),
        ({"protocol": "quick"}, {"preset": "quick"}),
        ({"num": "8"}, {"num": 8}),
    ],
)
def test_short_forms_stand_for_long_ones(short, long):
    assert load_run(BASE, short).config == load_run(BASE, long).config
    assert load_run({**BASE, **short}, {}).config == load_run(BASE, long).config
    assert GenerationConfig(model="diamond", formula="C8", **short) == load_run(BASE, long).config


@pytest.mark.parametrize(
    "short", [{"de_novo": 30, "elements": "Li,O"}, {"de_novo": "30", "elements": ["Li", "O"]}]
)
def test_new_compositions_have_a_short_form(short):
    long = {"de_novo": {"compositions": 30, "elements": ["Li", "O"]}}
    base = {"model": "crystals", "out": "x"}
    assert load_run(base, short).config == load_run(base, long).config
    # some in the file, some as flags
    mixed = load_run({**base, "de_novo": 30}, {"elements": "Li,O"})
    assert mixed.config == load_run(base, long).config


def test_formulas_are_a_list_or_a_file(tmp_path):
    file = tmp_path / "formulas.txt"
    file.write_text("C4\nC8  # the usual\n")
    base = {"model": "diamond", "out": "x"}
    listed = load_run(base, {"formulas": ["C4", "C8"]}).config
    assert listed.formulas == ("C4", "C8")
    assert load_run(base, {"formulas": str(file)}).config == listed
    (tmp_path / "run.yaml").write_text(yaml.safe_dump({**base, "formulas": str(file)}))
    assert load_run(tmp_path / "run.yaml", {}).config == listed


def test_flags_win_over_the_file_wherever_a_setting_stands():
    assert load_run({**BASE, "protocol": {"pressure": 1}}, {"pressure": 2}).config == (
        load_run({**BASE, "pressure": 2}, {}).config
    )
    order = load_run({**BASE, "grace": 3, "trajectories": "0,5"}, {"grace": "4", "out": "other"})
    assert (order.execution.grace, order.execution.trajectories) == (4.0, (0, 5))
    assert str(order.folder) == "other"


def test_a_setting_given_twice_is_refused():
    with pytest.raises(UserError, match=r"pressure and protocol: \{pressure: ...\} are one"):
        load_run({**BASE, "pressure": 1, "protocol": {"pressure": 2}}, {})


def test_a_run_s_own_yaml_can_be_read_again(tmp_path):
    config = load_run(BASE, {"pressure": 2, "blind": True}).config
    stored = {"config": config.model_dump(mode="json"), "model": {}, "versions": {}}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(stored))
    assert load_run(tmp_path / "run.yaml", {"out": "x"}).config == config


def test_the_former_name_of_a_preset_is_read_with_a_note():
    with pytest.warns(UserWarning, match="crystals is called hops now"):
        assert load_run(BASE, {"preset": "crystals"}).config.preset == "hops"


@pytest.mark.parametrize("model", ["diamond", "molecules", "crystals"])
def test_the_preset_follows_the_model_wherever_the_run_is_described(model):
    config = GenerationConfig(model=model, formula="C2O2H4" if model != "diamond" else "C8")
    expected = {"diamond": "hops", "molecules": "molecules", "crystals": "prediction"}
    assert config.preset == expected[model]
    assert load_run({"model": model, "formula": config.formula, "out": "x"}, {}).config == config


def test_combined_settings_keep_what_is_not_overridden():
    assert combine({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}) == {"a": {"b": 3, "c": 2}}


def test_a_training_takes_presets_files_and_fields_alike(tmp_path):
    from rm_lammps.training.training_config import load_config as load_training

    short = load_training("diamond", {"epochs": 3, "seed": 5})
    assert (short.optimisation.epochs, short.seed) == (3, 5)
    fields = {**load_training("diamond").model_dump(mode="json"), "epochs": 3, "seed": "5"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(fields))
    assert load_training(fields) == load_training(tmp_path / "mine.yaml") == short
    with pytest.raises(UserError, match="Presets: crystals, diamond, glass, molecules"):
        load_training("dimond")
    with pytest.raises(UserError, match="epoch_s"):
        load_training({"name": "x", "epoch_s": 1})
