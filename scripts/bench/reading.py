"""CPU seconds to read and check structures, beside those of an earlier version.

    python scripts/bench/reading.py FILE... [--against COMMIT] [--repeats 3]

Each file (or folder) is read in a process of its own, the two versions in turns; the least of the
repeats counts. Without files a made-up set is read: 5,000 crystals and 5,000 molecules as extended
xyz, 300 crystals as CIF and as a table of CIFs.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import ase
import ase.io
import numpy as np
from ase.build import bulk, molecule

ROOT = Path(__file__).resolve().parents[2]
READ = """
import sys, time, warnings
from rm_lammps.datasets import read_structures, validate
warnings.simplefilter("ignore")
read_structures(sys.argv[2])
begin = time.process_time()
frames = read_structures(sys.argv[1])
if sys.argv[3] == "validate":
    validate(frames)
print(len(frames), time.process_time() - begin)
"""


def made_up(folder: Path) -> list[Path]:
    """Files of structures with comments as data sets have them."""
    rng = np.random.default_rng(0)

    def noisy(atoms: ase.Atoms, number: int) -> ase.Atoms:
        atoms.positions += 0.02 * rng.standard_normal(atoms.positions.shape)
        atoms.info = {"identifier": f"made-up-{number}", "energy_per_atom": -1.5, "group": 225}
        return atoms

    salts = [bulk("NaCl", "rocksalt", a=5.64, cubic=number % 2 == 0) for number in range(5000)]
    crystals = [noisy(atoms, number) for number, atoms in enumerate(salts)]
    small = [noisy(molecule("CH3CH2OH"), number) for number in range(5000)]
    files = [folder / "crystals.extxyz", folder / "molecules.extxyz"]
    for file, frames in zip(files, (crystals, small), strict=True):
        ase.io.write(file, frames)
    cifs = folder / "cifs"
    cifs.mkdir()
    with (folder / "table.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["identifier", "cif"])
        for number, atoms in enumerate(crystals[:300]):
            ase.io.write(cifs / f"{number:04d}.cif", atoms)
            table.writerow([number, (cifs / f"{number:04d}.cif").read_text()])
    return [*files, cifs, folder / "table.csv"]


def seconds(code: Path, file: Path, how: str) -> tuple[int, float]:
    """Structures of a file, and CPU seconds to read them."""
    example = ROOT / "examples" / "diamond.cif"
    environment: Mapping[str, str] = {
        **os.environ,
        "PYTHONPATH": str(code),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", READ, str(file.resolve()), str(example), how],
        env=environment,
        cwd=code,
        capture_output=True,
        text=True,
        check=True,
    )
    number, spent = done.stdout.split()
    return int(number), float(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--against", help="commit of the earlier version, e.g. d3dc3a4")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # reading validates by itself since it is the one way in
        versions = {"now": (ROOT, "read alone")}
        if options.against:
            earlier = Path(folder) / "earlier"
            git = ["git", "-C", str(ROOT), "worktree"]
            subprocess.run([*git, "add", "-q", "--detach", earlier, options.against], check=True)
            versions[options.against] = (earlier, "validate")
        for file in options.files or made_up(Path(folder)):
            best: dict[str, float] = {}
            for _ in range(options.repeats):
                for name, (code, how) in versions.items():
                    number, spent = seconds(code, file, how)
                    best[name] = min(spent, best.get(name, spent))
            times = ", ".join(f"{name} {spent:.3f} s" for name, spent in best.items())
            print(f"{file.name}: {number} structures, {times}", flush=True)
        if options.against:
            subprocess.run([*git, "remove", "--force", earlier], check=True)


if __name__ == "__main__":
    main()
