"""The generator against the answers its authors publish, and its normal distribution."""

import os
import shutil
import subprocess

import numpy as np
from scipy import stats

from rm_lammps.files import shipped_folder

KNOWN = """\
6627e8d5 e169c58d bc57ac4c 9b00dbd8
408f276d 41c83b0e a20bc7c6 6d5451fd
d16cfe09 94fdcceb 5001e420 24126ea1"""


def test_philox(request, tmp_path):
    program = tmp_path / "numbers"
    compiler = os.environ.get("CXX") or shutil.which("c++") or "g++"
    source = request.path.parent / "random_numbers.cpp"
    include = shipped_folder("deploy") / "src"
    subprocess.run(
        [compiler, "-std=c++20", "-O2", f"-I{include}", str(source), "-o", str(program)], check=True
    )
    lines = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split("\n")
    assert "\n".join(lines[:3]) == KNOWN
    numbers = np.array(lines[3:-1], float)
    assert len(numbers) == 1_000_000
    assert stats.kstest(numbers, "norm").pvalue > 1e-3
    # tails and the independence of the four numbers of an item
    assert np.mean(np.abs(numbers) > 4) * 1e6 == np.clip(
        np.mean(np.abs(numbers) > 4) * 1e6, 30, 100
    )
    correlations = np.corrcoef(numbers.reshape(-1, 4).T) - np.eye(4)
    assert np.abs(correlations).max() < 0.01
