"""Pack trainings for a GPU machine without network into one folder of files.

python scripts/gpu/pack.py crystals=structures.extxyz.gz my.yaml=other.extxyz --minutes 9 --out job

Each training is a preset or a configuration and its data. Copy the folder there and run
`bash job/run.sh RESULTS`: it installs the wheels of what is missing beside the machine's own Python
3.12 with torch, numpy and scipy, and trains all of them side by side for the given minutes. After
every epoch, for which --samples should take less than a minute, the checkpoint and the log of each
training are copied to RESULTS. Run again, it goes on; --go-on packs what RESULTS holds.

Back here, `tar -xf job/job.tar.xz`, put RESULTS/NAME/last.ckpt into runs/NAME/checkpoints and
log.csv into runs/NAME; then `rm-train runs/NAME/config.yaml --data DATA --out runs/NAME --resume`
packages the model.
"""

import argparse
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from rm_lammps.training.prepare import prepare
from rm_lammps.training.training_config import load_config

LIMIT = 64 * 2**20
MISSING = (
    *(
        "nequip>=0.19,<0.20",
        "nequip-allegro>=0.8.3,<0.9",
        "e3nn>=0.5.9",
        "opt-einsum-fx",
        "opt-einsum",
    ),
    *("lightning>=2.6", "pytorch-lightning>=2.6", "lightning-utilities", "torchmetrics"),
    *("hydra-core", "omegaconf==2.3.*", "antlr4-python3-runtime==4.9.*", "ase>=3.25", "matscipy"),
    *("pydantic>=2.7", "pydantic-core", "annotated-types", "typing-inspection", "rich"),
    *("markdown-it-py", "mdurl", "pygments", "spglib", "lmdb", "tqdm", "PyYAML"),
    *("packaging", "opt-einsum"),
)
JOB = "job.tar.xz"
RUN = """#!/bin/bash
# bash run.sh RESULTS
set -euo pipefail
mkdir -p "$1"
results=$(realpath "$1")
cd "$(dirname "$0")"
python=${PYTHON:-python3}
if [ -d wheels ]; then
  # not into a virtual environment: where python3 is one itself, it would not see that one's torch
  install="$python -m pip install --quiet --no-index --no-deps --no-compile"
  [ -d site ] || $install --target site wheels/*.whl
  export PYTHONPATH="$PWD/site"
fi
export TORCHINDUCTOR_CACHE_DIR="$PWD/compiled" OMP_NUM_THREADS=1 PYTHONUNBUFFERED=1
[ -d runs ] || tar -xf job.tar.xz
keep() {
  for run in runs/*/; do
    name=$(basename "$run")
    mkdir -p "$results/$name"
    for file in checkpoints/last.ckpt log.csv; do
      if [ -e "$run$file" ]; then
        cp "$run$file" "$results/$name/.new"
        mv "$results/$name/.new" "$results/$name/$(basename $file)"
      fi
    done
  done
}
children=()
for run in runs/*/; do
  (cd "$run" && exec $python -m rm_lammps.training.fit "$PWD" > >(tee -a train.log) 2>&1) &
  children+=($!)
done
while sleep 5; [ -n "$(jobs -rp)" ]; do keep; done
status=0
for child in "${children[@]}"; do wait "$child" || status=$?; done
keep
exit $status
"""


def wheels(folder: Path) -> None:
    """Wheels for Python 3.12 of everything but torch, numpy and scipy, and of this package."""
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip"]
    subprocess.run(
        [*pip, "download", "--quiet", "--no-deps", "--only-binary", ":all:",
         "--python-version", "3.12", "--platform", "manylinux_2_28_x86_64",
         "--platform", "manylinux_2_17_x86_64", "--platform", "any",
         "--dest", str(folder), *(name for name in MISSING if "antlr4" not in name)],
        check=True,
    )  # fmt: skip
    root = Path(__file__).resolve().parents[2]
    for source in ("antlr4-python3-runtime==4.9.*", str(root)):
        subprocess.run(
            [*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), source], check=True
        )


def pack(source: str, data: Path, options: argparse.Namespace, runs: Path) -> None:
    """Prepare one training below a folder."""
    change = {
        "data": {"samples_per_epoch": options.samples, "prototypes": False},
        "optimisation": {"batch_size": options.batch_size, "minutes": options.minutes},
        "workers": options.workers,
        "threads": 1,
    }
    config = load_config(source, change)
    folder = runs / config.name
    if folder.exists():
        sys.exit(f"Two trainings are called {config.name}.")
    prepare(config, data, folder)
    if options.go_on is not None and (kept := options.go_on / config.name).exists():
        (folder / "checkpoints").mkdir()
        shutil.copy(kept / "last.ckpt", folder / "checkpoints")
        shutil.copy(kept / "log.csv", folder)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("trainings", nargs="+", metavar="CONFIG=DATA")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--samples", type=int, default=100_000, help="noisy structures an epoch")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--workers", type=int, default=4, help="processes that draw noise, each")
    parser.add_argument("--go-on", type=Path, metavar="RESULTS", help="of an earlier job")
    parser.add_argument("--no-wheels", action="store_true", help="everything is installed there")
    options = parser.parse_args()
    runs = options.out / "runs"
    for training in options.trainings:
        source, _, data = training.partition("=")
        pack(source, Path(data), options, runs)
    with tarfile.open(options.out / JOB, "w:xz") as archive:
        archive.add(runs, "runs")
    shutil.rmtree(runs)
    if not options.no_wheels:
        wheels(options.out / "wheels")
    (options.out / "run.sh").write_text(RUN)
    size = sum(file.stat().st_size for file in options.out.rglob("*") if file.is_file())
    print(f"{options.out}: {size / 2**20:.1f} MiB")
    if size > LIMIT:
        sys.exit(f"That is more than {LIMIT // 2**20} MiB: give fewer structures.")


if __name__ == "__main__":
    main()
