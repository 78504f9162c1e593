"""What measures the pair style on a GPU, rehearsed without one."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "gpu" / "pair_style.py"


def test_it_runs_to_its_end_on_a_cpu(carbon, carbon_graph, tmp_path):
    model, file = carbon.with_suffix(""), tmp_path / "numbers.json"
    words = ["--device", "cpu", "--quick", "--model", model, "--json", file]
    subprocess.run([sys.executable, SCRIPT, *words], cwd=tmp_path, check=True, capture_output=True)
    found = json.loads(file.read_text())
    assert carbon_graph.parent == model.parent
    assert found["device"] == "CPU (rehearsal)"
    assert found["right"]
    ways = {"one call", "positions", "edges"}
    for speed in (*found["speed"], *found["ranks"].values()):
        assert speed["atoms"] == 1000
        assert set(speed["microseconds"]) == ways
        assert all(time > 0 for time in speed["microseconds"].values())
    assert set(found["ranks"]) == {"1", "2"}
    # a model of the CPU asks for no device
    assert found["gpu 99"]["error"] == "none"
