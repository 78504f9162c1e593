"""Looking at runs from outside, with the installed commands: going on, killed, several."""

import json
import signal
import subprocess
import sys
import time

import ase.io
import pytest

DIAMOND = ("--model", "diamond", "--formula", "C8", "--preset", "quick")


@pytest.fixture(scope="module")
def two_runs(run, tmp_path_factory):
    """A job array of two: the same but for the seed."""
    folder = tmp_path_factory.mktemp("array")
    for seed in (1, 2):
        out = folder / f"job-{seed}"
        run("rm-generate", *DIAMOND, "--num", 8, "--seed", seed, "--out", out, ranks=2)
    return [folder / f"job-{seed}" for seed in (1, 2)]


def test_a_complete_run_is_started_again_in_no_time(two_runs):
    """Nothing is made anew, unless it is missing; and nothing is imported for it."""
    out = two_runs[0]
    code = (
        "import sys; sys.argv[0] = 'rm-generate'\nfrom rm_lammps.cli.generate import main\n"
        "try: main()\nexcept SystemExit as end: assert not end.code, end.code\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    command = [sys.executable, "-c", code, *DIAMOND, "--num", "8", "--seed", "1", "--out", out]
    before = (out / "unique.extxyz").stat().st_mtime_ns, (out / "top.extxyz").read_text()
    for missing in ("", "top.extxyz"):
        if missing:
            (out / missing).unlink()
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=out.parent)
        assert (out / "top.extxyz").read_text() == before[1]
        loaded = set(done.stdout.splitlines()[-1].split())
        assert "lammps" not in loaded
        assert ("pymatgen" in loaded) == bool(missing)
        same = (out / "unique.extxyz").stat().st_mtime_ns == before[0]
        assert same != bool(missing)


def test_a_run_that_is_going_on_is_evaluated(tools, run, tmp_path):
    out = tmp_path / "out"
    # of seeds that take their time, or there is ever more to evaluate
    words = ("rm-generate", *DIAMOND, "--preset", "thorough", "--num", 100_000)
    process = tools.start(*words, "--out", out)
    try:
        while len(tools.recorded_seeds(out)) < 3:
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.05)
        # the other one goes on, and leaves a core to what looks at it
        _, second = tools.ranks_of(process)
        tools.kill(second, signal.SIGSTOP)
        status = run("rm-generate", "--status", out).stdout
        assert f"{out}: going on" in status
        assert "of 100,000 seeds done" in status
        assert "seeds a second on 2 ranks" in status
        assert " left" in status
        done = run("rm-evaluate", out, ranks=2)
        assert "out is still going on: this is what" in done.stderr
        so_far = out / "so_far"
        assert str(so_far) in done.stdout
        found = ase.io.read(so_far / "unique.extxyz", ":", parallel=False)
        assert {atoms.info["run"] for atoms in found} == {"out"}
        evaluated = json.loads((so_far / "evaluation.json").read_text())
        assert 3 <= evaluated["attempted"] < 100_000
        assert evaluated["structures"][0]["run"] == "out"
        run("rm-report", out, "--out", tmp_path / "page")
        assert "out is still going on" in (tmp_path / "page" / "report.html").read_text()
        # none of this stopped it, or left anything where it works
        tools.kill(second, signal.SIGCONT)
        before = len(tools.recorded_seeds(out))
        while len(tools.recorded_seeds(out)) < before + 3:
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.05)
        assert {path.name for path in out.iterdir()} == {
            *("run.yaml", "formulas.txt", "records", ".lock", "so_far")
        }
    finally:
        for rank in tools.ranks_of(process):
            tools.kill(rank, signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert f"{out}: stopped" in run("rm-generate", "--status", out).stdout


def test_a_killed_run_is_evaluated(tools, run, tmp_path):
    process = tools.start("rm-generate", *DIAMOND, "--num", 100_000, "--out", tmp_path)
    while len(tools.recorded_seeds(tmp_path)) < 10:
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    ranks = tools.ranks_of(process)
    for rank in ranks:
        tools.kill(rank)
    process.communicate()
    tools.wait_until_gone(ranks)
    assert ": stopped" in run("rm-generate", "--status", tmp_path).stdout
    run("rm-evaluate", tmp_path)
    recorded = len(tools.recorded_seeds(tmp_path))
    assert json.loads((tmp_path / "evaluation.json").read_text())["attempted"] == recorded


def test_a_job_array_is_evaluated_as_one(run, two_runs, tmp_path):
    ase.io.write(tmp_path / "diamond.extxyz", ase.build.bulk("C", a=3.567))
    command = ("rm-evaluate", *two_runs, "--reference", tmp_path / "diamond.extxyz", "--metrics")
    written = []
    for ranks in (1, 2):
        out = tmp_path / f"both-{ranks}"
        text = run(*command, "--out", out, "--format", "cif", ranks=ranks).stdout
        assert "job-1" in text or "job-2" in text
        written.append({p.name: p.read_bytes() for p in out.iterdir() if p.suffix != ".zip"})
    for name in ("structures.extxyz", "unique.extxyz", "evaluation.json", "top.extxyz"):
        assert written[0][name] == written[1][name]
    out = tmp_path / "both-2"
    singles = [ase.io.read(job / "structures.extxyz", ":", parallel=False) for job in two_runs]
    joined = ase.io.read(out / "structures.extxyz", ":", parallel=False)
    assert [(a.info["run"], a.info["seed"]) for a in joined] == [
        (job.name, a.info["seed"])
        for job, frames in zip(two_runs, singles, strict=True)
        for a in frames
    ]
    evaluation = json.loads((out / "evaluation.json").read_text())
    alone = []
    for job in two_runs:
        run("rm-evaluate", job, "--reference", tmp_path / "diamond.extxyz")
        alone.append(json.loads((job / "evaluation.json").read_text()))
    assert evaluation["attempted"] == 16
    (name,) = evaluation["matched"]
    assert evaluation["matched"][name] == sum(one["matched"][name] for one in alone) > 0
    found = {
        pair for s in evaluation["structures"] for pair in zip(s["runs"], s["seeds"], strict=True)
    }
    assert found == {(a.info["run"], a.info["seed"]) for a in joined}
    assert json.loads((out / "metrics.json").read_text())["seeds_per_composition"] == 16
    # the folder is read like that of a run
    page = run("rm-report", out).stdout.strip()
    assert "job-1" in (tmp_path / page).read_text()


def test_what_is_no_run_is_refused(run, refused, two_runs, tmp_path):
    assert "holds no run" in refused("rm-generate", "--status", tmp_path)
    assert "holds no run" in refused("rm-generate", "--status", tmp_path / "nowhere")
    assert "Give --out DIR" in refused("rm-evaluate", *two_runs)
    assert "Give --out DIR" in refused("rm-report", *two_runs)
    out = tmp_path / "both"
    run("rm-evaluate", *two_runs, "--out", out)
    assert "holds several runs" in refused("rm-generate", "--status", out)
    assert "put together there" in refused("rm-generate", *DIAMOND, "--num", 2, "--out", out)


def test_status_of_a_finished_run(run, two_runs):
    text = run("rm-generate", "--status", two_runs[0], ranks=2).stdout
    assert text.count("finished") == 1
    assert "8 of 8 seeds done (100.0%)" in text
