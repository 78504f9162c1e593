"""Glasses: cubes of a density, and structures that survive a kill on their way."""

import json
import time

import ase.io
import numpy as np
import pytest
import yaml

from rm_lammps.analysis.large_cells import density
from rm_lammps.datasets.shells import Shells
from rm_lammps.deployment.bundle import find_bundle
from rm_lammps.generation.generation_config import GenerationConfig
from rm_lammps.generation.glass_preset import glass_protocol
from rm_lammps.generation.presets import find_preset, known_presets
from rm_lammps.generation.run_seeds import RunSeeds
from rm_lammps.relaxation import Protocol
from rm_lammps.relaxation.keeping import Keeper, Place

SETTINGS = {
    "model": "diamond",
    "formula": "C",
    "atoms": 512,
    "num": 1,
    "preset": "glass",
    "density": 3.4,
    "protocol": {
        "stages": [
            {"stage": "minimise", "ftol": 0.05, "steps": 80},
            # little noise: more would make rounding grow
            {"stage": "denoise", "start": 0.03, "end": 0.01, "steps": 200, "cell": "none"},
            {"stage": "minimise", "ftol": 0.05, "steps": 200},
        ],
        "fmax": 0.2,
        "max_stress": 100.0,
    },
}


@pytest.fixture(scope="module")
def undisturbed(run, diamond_bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("glass")
    (folder / "glass.yaml").write_text(yaml.safe_dump(SETTINGS))
    run("rm-generate", folder / "glass.yaml", "--out", folder / "run")
    return folder


def frame_of(folder):
    return ase.io.read(folder / "structures.extxyz", parallel=False)


def test_a_cube_has_the_density_asked_for(diamond_bundle):
    config = GenerationConfig(**{**SETTINGS, "density": "3.2-3.4", "num": 4})
    seeds = RunSeeds(config, find_bundle("diamond"))
    found = [seeds.make(n, np.random.default_rng(n)) for n in range(4)]
    densities = [density(atoms) for atoms in found]
    assert all(3.2 <= one <= 3.4 for one in densities)
    assert len(set(densities)) == 4
    for atoms in found:
        assert atoms.cell.lengths().std() < 1e-9


def test_a_film_stays_one(run, tmp_path):
    settings = {
        "model": "silica",
        "formula": "SiO2",
        "atoms": 240,
        "num": 1,
        "preset": "glass",
        "seeds": {"kind": "disordered", "shape": "film", "size": 12.0, "density": 2.2},
    }
    protocol = GenerationConfig(**settings).protocol.model_dump(mode="json")
    for stage, steps in zip(protocol["stages"], (60, 100, 40, 40), strict=False):
        stage["steps"] = steps
    (tmp_path / "film.yaml").write_text(yaml.safe_dump({**settings, "protocol": protocol}))
    out = tmp_path / "film"
    run("rm-generate", tmp_path / "film.yaml", "--ranks-per-structure", "2", "--out", out, ranks=2)
    film = frame_of(out)
    assert film.cell.lengths()[2] == pytest.approx(27.0)
    heights = film.positions[:, 2]
    assert 9.0 < np.ptp(heights) < 14.0
    assert heights.mean() == pytest.approx(13.5, abs=0.5)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--density", "0"), "density"),
        (("--density", "heavy"), "no range of numbers"),
        (("--atoms", "40"), "Give at least"),
        (("--pressure", "5"), "a pressure would do nothing"),
    ],
)
def test_what_makes_no_glass_is_refused(refused, undisturbed, tmp_path, flags, said):
    command = ("rm-generate", undisturbed / "glass.yaml", "--out", tmp_path / "out")
    assert said in refused(*command, *flags)


def test_atoms_are_to_have_the_neighbours_of_the_training_data():
    settings = {"model": "silica", "formula": "SiO2", "atoms": 1500, "preset": "glass"}
    config = GenerationConfig(**settings)
    coordination, apart = config.protocol.terms
    assert (coordination.neighbours, apart.distances) == (
        {"Si": (4,), "O": (2,)},
        {"Si-Si": 2.85, "O-O": 1.99},
    )
    # not so the last minimum, which is E~'s own
    assert [stage.name for stage in config.protocol.stages[-2:]] == ["blend", "cell"]
    assert config.protocol.stages[-2].weights == {"coordination": 0.0, "apart": 0.0}
    assert GenerationConfig(**config.model_dump()) == config


def test_longer_bonds_have_more_noise():
    preset = known_presets()["glass"]["protocol"]
    fields = {"neighbours": {"Si": [4, 5]}, "within": {"Si-Si": (2.66, 3.1)}, "apart": {}}
    for bond, noise in (
        (1.5, [(0.5, 0.25), (0.25, 0.2), (0.2, 0.08)]),
        (1.645, [(0.5, 0.25), (0.25, 0.2), (0.2, 0.08)]),
        (2.35, [(0.5, 0.357), (0.357, 0.286), (0.286, 0.2), (0.2, 0.08)]),
        (4.0, [(0.5, 0.5), (0.5, 0.486), (0.486, 0.2), (0.2, 0.08)]),
    ):
        shells = Shells(**fields, bonds={"Si-Si": bond})
        protocol = Protocol.model_validate(glass_protocol(preset, shells, {}, with_terms=True))
        stages = [stage for stage in protocol.stages if stage.name == "denoise"]
        assert [(stage.start, stage.end) for stage in stages[:-1]] == noise


def test_energy_terms_that_are_given_take_their_place():
    settings = {"formula": "SiO2", "atoms": 1500, "preset": "glass"}
    without = GenerationConfig(**settings, model="silica", protocol={"terms": []}).protocol
    assert (without.terms, [stage.name for stage in without.stages[-2:]]) == (
        (),
        ["denoise", "cell"],
    )
    # a model of small cells knows no numbers of neighbours
    assert GenerationConfig(**settings, model="crystals").protocol.terms == ()


@pytest.mark.parametrize(("formula", "said"), [("SiO2", []), ("SiO5", ["oxidation states"])])
def test_charges_that_do_not_balance_are_no_more_than_remarked_on(formula, said):
    config = GenerationConfig(model="silica", formula=formula, atoms=1500, preset="glass")
    remarks = RunSeeds(config, find_bundle("silica")).remarks
    assert len(remarks) == len(said)
    assert all(words in remark for words, remark in zip(said, remarks, strict=True))


def test_a_structure_goes_on_where_it_was_killed(tools, run, undisturbed, tmp_path):
    """Killed in the middle of one structure, it goes on, on two ranks then, and is the same."""
    out = tmp_path / "käfig mit Leerzeichen"
    command = ("rm-generate", undisturbed / "glass.yaml", "--out", out, "--keep-every", 0)
    process = tools.start(*command, ranks=1)
    place = out / "places" / "seed-000000.json"
    kept = {"stage": 0, "step": 0}
    while (kept["stage"], kept["step"]) < (1, 100):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.01)
        if place.exists():
            kept = json.loads(place.read_text())
    everyone = [process.pid, *tools.children(process.pid)]
    for pid in everyone:
        tools.kill(pid)
    process.communicate()
    tools.wait_until_gone(everyone)
    kept = json.loads(place.read_text())
    assert (kept["stage"], kept["step"]) >= (1, 100)
    assert (place.parent / kept["restart"]).exists()

    before = kept["evaluations"]
    run(*command[:-2], "--ranks-per-structure", 2, ranks=2)
    resumed, whole = frame_of(out), frame_of(undisturbed / "run")
    assert not (out / "places").exists()
    assert resumed.info["evaluations"] >= before
    assert resumed.info["evaluations"] == pytest.approx(whole.info["evaluations"], rel=0.2)
    # the same noise on the same atoms; sums in another order move them apart a little
    shift = resumed.positions - whole.positions
    shift -= shift[0]
    shift -= np.round(shift / whole.cell.lengths()) * whole.cell.lengths()
    assert np.median(np.linalg.norm(shift - np.median(shift, axis=0), axis=1)) < 0.2


def test_one_structure_ends_while_another_is_on_its_way(tmp_path):
    """Whoever ends first leaves the others a folder to keep their places in."""

    class Writer:
        def write_restart(self, file):
            file.write_text("atoms")

    def keeper(name):
        return Keeper(tmp_path / "places" / name, 0.0, lambda x: x, lambda _: None, leader=True)

    (tmp_path / "places").mkdir()
    place = Place(0, 5, {}, 7, np.eye(3).tolist(), "")
    first, second = keeper("seed-000000"), keeper("seed-000001")
    first.keep(Writer(), place)
    first.end()
    assert not list((tmp_path / "places").iterdir())
    second.keep(Writer(), place)
    assert keeper("seed-000001").find().step == 5


def test_the_page_shows_curves_and_a_ball_of_atoms(run, undisturbed):
    """Of a run with large cells; evaluated by the way."""
    page = run("rm-report", undisturbed / "run").stdout.strip()
    text = (undisturbed / "run" / "report.html").read_text()
    assert page == str(undisturbed / "run" / "report.html")
    for words in (
        ": large cells</h1>",
        "failures.jsonl",
        "g(r) C-C",
        "angle C-C-C",
        "C with 4 neighbours",
    ):
        assert words in text
    dataset = json.loads(text.split('id="dataset">')[1].split("</script>")[0])
    assert dataset["structures"][0]["size"] == 512


def test_a_model_of_large_cells_makes_glasses():
    assert find_preset(None, "silica") == "glass"
    assert find_preset("quick", "silica") == "quick"
    assert find_preset(None, "diamond") == "hops"
