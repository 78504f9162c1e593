"""Drift of the total energy over 10 ps of molecular dynamics at constant energy (NVE).

    python scripts/bench/energy_drift.py [--model diamond] [--cells 4] [--picoseconds 10]

Diamond at 300 K (after equipartition), time step 1 fs.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np

SCRIPT = """
units metal
lattice diamond 3.57
region box block 0 {cells} 0 {cells} 0 {cells}
create_box 1 box
create_atoms 1 box
mass 1 12.011
include {bundle}/pair.in
velocity all create 600 4928 mom yes rot no
fix nve all nve
timestep 0.001
thermo 1000
run 500
fix out all print 10 "$(time) $(etotal/atoms) $(temp)" file drift.txt screen no title "# ps eV K"
run {steps}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="diamond")
    parser.add_argument("--cells", type=int, default=4)
    parser.add_argument("--picoseconds", type=float, default=10.0)
    options = parser.parse_args()
    deployed = subprocess.run(
        ["rm-deploy", options.model], capture_output=True, text=True, check=True
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = SCRIPT.format(
            cells=options.cells,
            bundle=deployed.stdout.splitlines()[-1],
            steps=int(1000 * options.picoseconds),
        )
        (folder / "in.nve").write_text(script)
        command = ["lmp", "-in", "in.nve", "-log", "none", "-screen", "none"]
        subprocess.run(command, cwd=folder, check=True)
        time, energy, temperature = np.loadtxt(folder / "drift.txt").T
    slope = np.polyfit(time, energy, 1)[0]
    print(f"{8 * options.cells**3} atoms at {temperature.mean():.0f} K, {np.ptp(time):.1f} ps")
    print(f"drift {1e3 * slope * np.ptp(time):+.4f} meV an atom, by a straight line")
    print(f"fluctuation {1e3 * np.std(energy - slope * time):.4f} meV an atom")


if __name__ == "__main__":
    main()
