"""rm-generate as a user runs it: real LAMMPS, real MPI, the shipped model."""

import json

import ase.io
import numpy as np
import pytest
import yaml

INFO = {"seed", "formula", "seed_kind", "energy_per_atom", "volume_per_atom"} | {
    "fmax",
    "max_stress",
    "evaluations",
    "seconds",
}


@pytest.fixture(scope="module")
def reference_run(run, diamond_bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("generation") / "one"
    done = run(
        *("rm-generate", "--model", "diamond", "--formula", "C8", "--num", 24, "--out", folder)
    )
    assert done.stdout.splitlines()[-1] == str(folder / "structures.extxyz")
    return folder


def test_output_contract(tools, reference_run):
    summary = json.loads((reference_run / "summary.json").read_text())
    assert summary["attempted"] == 24
    assert summary["converged"] + sum(summary["failed"].values()) == 24
    assert summary["ranks"] == 1
    assert summary["wall_seconds"] > 0
    frames = tools.frames_of(reference_run)
    assert len(frames) == summary["converged"] > 0
    seeds = [atoms.info["seed"] for atoms in frames]
    assert seeds == sorted(seeds)
    for atoms in frames:
        assert set(atoms.info) >= INFO
        assert atoms.info["formula"] == "C8"
        assert len(atoms) == 8
        assert atoms.pbc.all()
        # ASE hands the frame's energy to its calculator
        assert atoms.get_potential_energy() == pytest.approx(8 * atoms.info["energy_per_atom"])
        assert atoms.info["volume_per_atom"] == pytest.approx(atoms.get_volume() / 8)
    first_line = (reference_run / "structures.extxyz").read_text().splitlines()[1]
    assert " energy=" in first_line
    failures = (reference_run / "failures.jsonl").read_text().splitlines()
    assert len(failures) == sum(summary["failed"].values())
    stored = yaml.safe_load((reference_run / "run.yaml").read_text())
    assert stored["config"]["formula"] == "C8"
    assert len(stored["model"]["package_sha256"]) == 64
    assert set(stored["versions"]) == {"rm_lammps", "lammps", "numpy"}
    assert sum(a.info["evaluations"] for a in frames) <= summary["evaluations"]


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_any_number_of_ranks_gives_the_same(tools, run, reference_run, tmp_path, ranks):
    command = ("rm-generate", "--model", "diamond", "--formula", "C8", "--num", 24)
    run(*command, "--out", tmp_path / "out", ranks=ranks)
    tools.same_structures(tools.frames_of(reference_run), tools.frames_of(tmp_path / "out"))
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["ranks"] == ranks
    # every rank relaxes
    shards = sorted((tmp_path / "out" / "records").glob("*.jsonl"))
    assert len(shards) == ranks
    assert all(shard.read_text().count('{"seed"') >= (4 if ranks == 2 else 1) for shard in shards)


def test_finished_run_is_not_repeated(tools, run, reference_run):
    shards = len(list((reference_run / "records").glob("*.jsonl")))
    lines = len(tools.recorded_seeds(reference_run))
    run("rm-generate", "--config", reference_run / "run.yaml", "--out", reference_run)
    assert len(tools.recorded_seeds(reference_run)) == lines
    assert len(list((reference_run / "records").glob("*.jsonl"))) == shards


def test_flags_override_the_file(run, diamond_bundle, tmp_path):
    config = {"model": str(diamond_bundle), "formula": "C8", "num": 50, "seed": 3}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config))
    out = tmp_path / "out"
    run("rm-generate", "--config", tmp_path / "run.yaml", "--num", 2, "--out", out)
    stored = yaml.safe_load((out / "run.yaml").read_text())["config"]
    assert (stored["num"], stored["seed"]) == (2, 3)


def test_other_settings_in_the_same_folder_are_refused(refused, reference_run):
    message = refused(
        *("rm-generate", "--model", "diamond", "--formula", "C4", "--num", 24),
        *("--out", reference_run),
    )
    assert "config.formula: was 'C8', is 'C4'" in message


def test_two_runs_in_one_folder_refuse_each_other(refused, reference_run):
    from filelock import FileLock

    with FileLock(reference_run / ".lock"):
        message = refused(
            *("rm-generate", "--config", reference_run / "run.yaml", "--out", reference_run)
        )
    assert "Another run" in message


@pytest.mark.parametrize("ranks", [None, 2])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "nosuch", "--formula", "C8"], "crystals, diamond, molecules, silica"),
        (["--model", "diamond", "--formula", "SiC"], "knows no Si"),
        (["--model", "diamond", "--formula", "C0"], "no number of atoms"),
        (["--model", "diamond", "--formula", "8C!"], "not a chemical formula"),
        (["--model", "diamond"], "give one of formula, formulas, de_novo"),
        (["--model", "diamond", "--formula", "C8", "--config", "nosuch.yaml"], "Can't read"),
    ],
)
def test_bad_input_is_refused_once(refused, tmp_path, arguments, message, ranks):
    text = refused("rm-generate", *arguments, "--out", tmp_path / "out", ranks=ranks)
    assert text.count("Error:") == 1
    assert message in text


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"seeds": {"volume": [0, 0]}}, "range 0 < low <= high"),
        ({"protocol": {"fmax": -1}}, "protocol.fmax"),
        ({"protocol": {"stages": [{"stage": "dance"}]}}, "dance"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_bad_settings_are_named(refused, tmp_path, fields, message):
    config = {"model": "diamond", "formula": "C8", **fields}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config))
    text = refused("rm-generate", "--config", tmp_path / "run.yaml", "--out", tmp_path / "out")
    assert message in text
    assert "run.yaml" in text


def test_failed_seeds_are_recorded_with_their_reason(run, diamond_bundle, tmp_path):
    config = {
        "model": str(diamond_bundle),
        "formula": "C8",
        "num": 4,
        "protocol": {"stages": [{"stage": "minimise", "steps": 1}]},
    }
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config))
    run("rm-generate", "--config", tmp_path / "run.yaml", "--out", tmp_path / "out")
    failures = [
        json.loads(line) for line in (tmp_path / "out" / "failures.jsonl").read_text().splitlines()
    ]
    assert [f["seed"] for f in failures] == [0, 1, 2, 3]
    assert {f["reason"] for f in failures} == {"not_converged"}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["failed"] == {"not_converged": 4}


def test_groups_of_ranks_share_structures(tools, run, tmp_path):
    command = ("rm-generate", *tools.QUICK, "--num", 6)
    run(*command, "--out", tmp_path / "alone", ranks=1)
    run(*command, "--out", tmp_path / "shared", "--ranks-per-structure", 2, ranks=4)
    summary = json.loads((tmp_path / "shared" / "summary.json").read_text())
    assert (summary["ranks"], summary["ranks_per_structure"]) == (4, 2)
    assert summary["attempted"] == 6
    shards = {path.stem for path in (tmp_path / "shared" / "records").glob("*.jsonl")}
    # the first rank of each group writes
    assert shards == {"0000-000000", "0000-000002"}
    alone, shared = (
        {a.info["seed"]: a for a in tools.frames_of(tmp_path / name)}
        for name in ("alone", "shared")
    )
    # sums in another order: the same minima, not the same digits
    for seed in alone.keys() & shared.keys():
        assert shared[seed].info["energy_per_atom"] == pytest.approx(
            alone[seed].info["energy_per_atom"], abs=0.05
        )


def test_ranks_that_can_not_be_grouped_are_refused(tools, refused, tmp_path):
    text = refused(
        *("rm-generate", *tools.QUICK, "--out", tmp_path, "--ranks-per-structure", 2), ranks=3
    )
    assert "does not divide the 3 ranks" in text


def test_trajectories_of_chosen_seeds(tools, run, tmp_path):
    run("rm-generate", *tools.QUICK, "--num", 4, "--trajectories", "1,3", "--out", tmp_path)
    files = sorted((tmp_path / "trajectories").iterdir())
    assert [file.name for file in files] == ["seed-000001.extxyz", "seed-000003.extxyz"]
    frames = ase.io.read(files[0], ":", parallel=False)
    assert len(frames) > 3
    assert all(len(frame) == 8 for frame in frames)
    # LAMMPS prints fewer digits
    final = next(a for a in tools.frames_of(tmp_path) if a.info["seed"] == 1)
    assert frames[-1].get_volume() == pytest.approx(final.get_volume(), rel=1e-4)


def test_supercells_are_described(tools, run, diamond_bundle, tmp_path):
    from ase.build import bulk

    bulk("C", cubic=True).write(tmp_path / "diamond.cif")
    config = {
        "model": str(diamond_bundle),
        "formula": "C",
        "atoms": 216,
        "num": 1,
        "preset": "supercells",
        "seeds": {
            "kind": "perturbed",
            "structure": str(tmp_path / "diamond.cif"),
            "displacement": 0.1,
        },
        "protocol": {
            "stages": [
                {"stage": "anneal", "start": 0.01, "end": 0.001, "steps": 20, "box": True},
                {"stage": "box", "settle": 200},
            ]
        },
    }
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config))
    run("rm-generate", tmp_path / "run.yaml", "--out", tmp_path / "out")
    (frame,) = tools.frames_of(tmp_path / "out")
    assert frame.info["formula"] == "C216"
    (cell,) = json.loads((tmp_path / "out" / "supercells.json").read_text())
    assert cell["density"] == pytest.approx(3.51, rel=0.03)
    assert cell["neighbours"] == {"4": 1.0}
    assert cell["rings"] == {"6": pytest.approx(1.0)}
    assert len(cell["rdf"]["g"]) == len(cell["rdf"]["r"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--formula", "C3", "--atoms", "1000"], "--atoms 999"),
        (["--formula", "C8", "--preset", "magic"], "unknown preset 'magic'"),
        (
            ["--formula", "C8", "--trajectories", "0,x"],
            "trajectories: '0,x' is not a list of whole numbers",
        ),
        (["--formula", "C8", "--trajectories", "64"], "names seed 64"),
    ],
)
def test_impossible_flags_are_refused(refused, tmp_path, arguments, message):
    text = refused("rm-generate", "--model", "diamond", *arguments, "--out", tmp_path / "out")
    assert message in text


def test_resume_needs_a_run(refused, tmp_path):
    assert "holds no run" in refused("rm-generate", "--resume", tmp_path)


def test_pressure_makes_cells_smaller(tools, run, tmp_path):
    command = ("rm-generate", *tools.QUICK, "--num", 8)
    volumes = []
    for pressure in (0, 20):
        out = tmp_path / str(pressure)
        run(*command, "--pressure", pressure, "--out", out)
        volumes.append(np.median([a.info["volume_per_atom"] for a in tools.frames_of(out)]))
    assert 0.5 < volumes[1] / volumes[0] < 0.97
