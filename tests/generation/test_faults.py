"""Runs that are killed, stopped, or meet a fault: nothing lost, nothing twice, never a hang."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml

from rm_lammps.errors import UserError
from rm_lammps.generation.stopping import Stopping, deadline
from rm_lammps.ranks import environment_for_mpirun

NUM = 48
KILLS = 12
HANG = 60
"""Seconds after which a run counts as hanging."""


@pytest.fixture(scope="module")
def undisturbed(tools, run, diamond_bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults") / "undisturbed"
    run("rm-generate", *tools.QUICK, "--num", NUM, "--out", folder, ranks=2)
    return folder


def is_complete(folder):
    summary = folder / "summary.json"
    return summary.exists() and json.loads(summary.read_text())["remaining"] == 0


def disturb(tools, process, how):
    ranks = tools.ranks_of(process)
    everyone = [process.pid, *tools.children(process.pid)]
    if how == "terminate":
        tools.kill(process.pid, signal.SIGTERM)
    elif how == "kill mpirun" or not ranks:
        tools.kill(process.pid)
    elif how == "kill one rank":
        tools.kill(random.choice(ranks))
    else:
        for pid in everyone:
            tools.kill(pid)
    process.communicate(timeout=HANG)
    tools.wait_until_gone(everyone)


def test_random_kills_lose_nothing_and_repeat_nothing(tools, run, undisturbed, tmp_path):
    """Killed at random moments, again and again, a run still ends with the same structures."""
    dice = random.Random(0)
    kinds = ["terminate", "kill mpirun", "kill one rank", "kill all"]
    kills, attempt = 0, 0
    while kills < KILLS:
        folder = tmp_path / f"run{attempt}"
        attempt += 1
        while kills < KILLS and not is_complete(folder):
            process = tools.start("rm-generate", *tools.QUICK, "--num", NUM, "--out", folder)
            try:
                process.communicate(timeout=dice.uniform(0.1, 2.5))
            except subprocess.TimeoutExpired:
                disturb(tools, process, dice.choice(kinds))
                kills += 1
            before = tools.recorded_seeds(folder)
            assert len(before) == len(set(before))
        run("rm-generate", *tools.QUICK, "--num", NUM, "--out", folder, ranks=2)
        assert sorted(tools.recorded_seeds(folder)) == list(range(NUM))
        tools.same_structures(tools.frames_of(undisturbed), tools.frames_of(folder))


def test_resume_needs_the_folder_alone(tools, run, undisturbed, tmp_path):
    done = run(
        *("rm-generate", *tools.QUICK, "--num", NUM, "--out", tmp_path / "out", "--time-limit", 0),
        ranks=2,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert f"rm-generate --resume {tmp_path / 'out'}" in done.stdout
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["remaining"] == NUM - summary["attempted"] > 0
    run("rm-generate", "--resume", tmp_path / "out", ranks=2)
    tools.same_structures(tools.frames_of(undisturbed), tools.frames_of(tmp_path / "out"))


def test_terminated_run_writes_what_there_is(tools, undisturbed, tmp_path):
    process = tools.start("rm-generate", *tools.QUICK, "--num", 100_000, "--out", tmp_path)
    while not tools.recorded_seeds(tmp_path):
        time.sleep(0.05)
    tools.kill(process.pid, signal.SIGTERM)
    output, _ = process.communicate(timeout=HANG)
    assert process.returncode == 3, output
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["attempted"] == len(tools.recorded_seeds(tmp_path))
    assert len(tools.frames_of(tmp_path)) == summary["converged"]


def test_seed_in_flight_is_dropped_after_the_grace(tools, tmp_path, diamond_bundle):
    endless = {"stage": "anneal", "steps": 10**9}
    config = {"model": str(diamond_bundle), "formula": "C8", "num": 2}
    (tmp_path / "run.yaml").write_text(
        yaml.safe_dump({**config, "protocol": {"stages": [endless], "volume": [1e-3, 1e3]}})
    )
    out = tmp_path / "out"
    process = tools.start("rm-generate", tmp_path / "run.yaml", "--out", out, "--grace", 0.5)
    while len(list((out / "records").glob("*.jsonl"))) < 2:
        time.sleep(0.05)
    tools.kill(process.pid, signal.SIGTERM)
    output, _ = process.communicate(timeout=HANG)
    assert process.returncode == 3, output
    assert json.loads((out / "summary.json").read_text())["attempted"] == 0


def faulty_run(tools, tmp_path, patch, *more, num=12):
    """Run rm-generate with a fault on 2 ranks; it must end."""
    command = ["mpirun", "-n", "2", *map(str, tools.patched(tmp_path, patch)), *tools.QUICK]
    command += ["--num", str(num), "--out", str(tmp_path / "out"), *map(str, more)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG,
        env=environment_for_mpirun(),
    )


def test_seed_that_kills_its_process_is_recorded_by_the_next_start(
    tools, run, tmp_path, undisturbed
):
    patch = """
import ctypes
from rm_lammps.generation.worker import Worker
relax = Worker._relax
def crash(self, lammps, seed):
    return ctypes.string_at(0) if seed == 5 else relax(self, lammps, seed)
Worker._relax = crash
"""
    done = faulty_run(tools, tmp_path, patch)
    assert done.returncode != 0
    out = tmp_path / "out"
    assert 5 not in tools.recorded_seeds(out)
    # the fault is gone now, but nobody can know that
    run("rm-generate", "--resume", out, ranks=2)
    (failure,) = [json.loads(line) for line in (out / "failures.jsonl").read_text().splitlines()]
    assert (failure["seed"], failure["reason"]) == (5, "crashed")
    assert "Segmentation fault" in failure["detail"]
    assert sorted(tools.recorded_seeds(out)) == list(range(12))


ERRORS = {
    "lost_atoms": "ERROR: Lost atoms: original 8 current 7",
    "bad_box": "ERROR: Triclinic box skew is too large",
    "not_finite": "ERROR: Non-numeric atom coords",
    "model_error": "ERROR: Pair style allegro: the model raised an error",
    "lammps_error": "ERROR: something else",
}


def test_errors_of_lammps_are_failures_of_one_seed(tools, tmp_path):
    """Each rank meets them in turn; one of two has at least eight of sixteen seeds."""
    patch = f"""
include = LammpsSession.include
errors = {list(ERRORS.values())!r}
def fail(self, script):
    include(self, script)
    if script == "cell.in" and errors:
        raise Exception(errors.pop())
LammpsSession.include = fail
"""
    done = faulty_run(tools, tmp_path, patch, num=16)
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert all(summary["failed"][reason] >= 1 for reason in ERRORS)
    assert summary["attempted"] == 16
    assert summary["converged"] >= 1


@pytest.mark.parametrize(
    "patch",
    [
        # while sessions begin
        """
from rm_lammps.errors import UserError
def broken(*_, **__):
    raise UserError("This node is broken.")
if rank == 1:
    LammpsSession._start = broken
""",
        # while seeds are relaxed
        """
from rm_lammps.errors import UserError
from rm_lammps.runs.shards import ShardWriter
def broken(*_):
    raise UserError("This node is broken.")
if rank == 1:
    ShardWriter.append = broken
""",
    ],
)
def test_an_error_of_one_rank_ends_all(tools, run, tmp_path, patch):
    done = faulty_run(tools, tmp_path, patch, num=24)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("This node is broken.") == 1
    assert "Traceback" not in done.stderr
    run("rm-generate", "--resume", tmp_path / "out", ranks=2)
    assert sorted(tools.recorded_seeds(tmp_path / "out")) == list(range(24))


STUCK = """
import time
class Stuck(MPI.Intracomm):
    def Abort(self, code=0):
        time.sleep(1000)
MPI.COMM_WORLD = Stuck(MPI.COMM_WORLD)
"""


@pytest.mark.parametrize("abort", ["", STUCK], ids=["abort", "stuck"])
def test_an_unexpected_error_of_one_rank_ends_all(tools, tmp_path, abort):
    patch = f"""
{abort}
from rm_lammps.seeds import SeedMaker
def broken(*_):
    raise RuntimeError("a fault in the program")
if rank == 1:
    SeedMaker.make = broken
"""
    done = faulty_run(tools, tmp_path, patch, num=10_000)
    assert done.returncode not in {0, 2, 3}
    assert "a fault in the program" in done.stderr


def test_full_disk_stops_clearly_and_resumes(tools, run, undisturbed, tmp_path):
    """A limit of file sizes does what a full disk does: writing fails in the middle of a record."""

    patch = """
import resource
from rm_lammps.generation.worker import Worker
work = Worker.run
def limited(*arguments):
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, 8_000))
    work(*arguments)
Worker.run = limited
"""
    done = faulty_run(tools, tmp_path, patch, num=NUM)
    assert done.returncode == 2, done.stderr
    assert "Can't write" in done.stderr
    assert "Traceback" not in done.stderr
    assert 0 < len(tools.recorded_seeds(tmp_path / "out")) < NUM
    run("rm-generate", "--resume", tmp_path / "out", ranks=2)
    tools.same_structures(tools.frames_of(undisturbed), tools.frames_of(tmp_path / "out"))


@pytest.mark.parametrize("writer", ["open_folder", "finish"])
def test_disk_that_is_full_before_or_after_the_seeds(tools, run, undisturbed, tmp_path, writer):
    patch = f"""
import resource
from rm_lammps.generation import generation_run as run
write = run.{writer}
def limited(*arguments):
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    return write(*arguments)
run.{writer} = limited
"""
    done = faulty_run(tools, tmp_path, patch, num=NUM)
    assert done.returncode == 2, done.stderr
    assert "Error:" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "out").glob("*partial*"))
    run("rm-generate", *tools.QUICK, "--num", NUM, "--out", tmp_path / "out", ranks=2)
    tools.same_structures(tools.frames_of(undisturbed), tools.frames_of(tmp_path / "out"))


def test_unwritable_folder_is_refused(tools, refused, tmp_path, diamond_bundle):
    (tmp_path / "file").touch()
    message = refused("rm-generate", *tools.QUICK, "--out", tmp_path / "file" / "out", ranks=2)
    assert "Can't write to" in message
    assert message.count("Error:") == 1


def test_model_replaced_under_the_run_stops_it(tools, run, undisturbed, diamond_bundle, tmp_path):
    bundle = tmp_path / "bundle"
    shutil.copytree(diamond_bundle, bundle)
    patch = f"""
from rm_lammps.generation import worker
worker._SECONDS_BETWEEN_CHECKS = 0.0
record = worker.Worker._record
def replace(self, seed, *rest):
    record(self, seed, *rest)
    if seed >= 20:
        open("{bundle}/pair.in", "a").write("# changed\\n")
worker.Worker._record = replace
"""
    done = faulty_run(tools, tmp_path, patch, "--model", bundle, num=NUM)
    assert done.returncode == 2, done.stderr
    assert "changed under the run" in done.stderr
    assert 0 < len(tools.recorded_seeds(tmp_path / "out")) < NUM
    shutil.copy(diamond_bundle / "pair.in", bundle)
    run("rm-generate", "--resume", tmp_path / "out", ranks=2)
    tools.same_structures(tools.frames_of(undisturbed), tools.frames_of(tmp_path / "out"))


def test_signals_are_given_back():
    before = signal.getsignal(signal.SIGTERM)
    stopping = Stopping(None, 0.0)
    assert not stopping.requested
    signal.raise_signal(signal.SIGTERM)
    assert stopping.requested
    stopping.close()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_rank_ends_with_its_launcher(tools, tmp_path):
    rank = (
        "import os, time; from rm_lammps.generation.stopping import end_with_parent\n"
        f"end_with_parent(0.2); open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "time.sleep(1000)"
    )
    launcher = (
        "import os, subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {rank!r}])\n"
        f"while not os.path.exists({str(tmp_path / 'pid')!r}): time.sleep(0.05)"
    )
    subprocess.run([sys.executable, "-c", launcher], check=True, timeout=HANG)
    while not (pid := (tmp_path / "pid").read_text()):
        time.sleep(0.05)
    tools.wait_until_gone([int(pid)])


def test_the_first_error_is_told():
    stopping = Stopping(None, 1000.0)
    first = UserError("first")
    stopping.request(first)
    stopping.request(UserError("second"))
    assert stopping.error is first
    assert stopping.overdue
    stopping.close()


def test_deadline_of_a_slurm_job(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_END_TIME", raising=False)
    assert deadline(None, 0.0) is None
    assert deadline(2.0, 100.0) == 220.0
    monkeypatch.setenv("SLURM_JOB_END_TIME", "5000")
    assert deadline(None, 0.0) == 4940.0
