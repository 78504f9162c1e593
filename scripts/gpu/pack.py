"""Pack a training for a GPU machine without network into one folder of files.

python scripts/gpu/pack.py crystals --data structures.extxyz.gz --out gpu-job
python scripts/gpu/pack.py my.yaml --data structures.extxyz.gz --out gpu-job --go-on DIR

Copy the folder there and run `bash gpu-job/run.sh`: it installs the wheels of what is missing
beside the machine's own Python 3.12 and torch, trains for ten minutes, and leaves a checkpoint
after every epoch, for which --samples should take less than a minute. Run again, it goes on. What
comes back is a run folder of rm-train: `rm-train gpu-job/config.yaml --data DATA --out gpu-job/run
--resume` trains on and, at the end, packages the model.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from rm_lammps.generation.presets import combine
from rm_lammps.training.config import TrainingConfig, load_config
from rm_lammps.training.prepare import prepare

LIMIT = 64 * 2**20
MISSING = (
    *("nequip>=0.19,<0.20", "nequip-allegro>=0.8.3,<0.9", "e3nn>=0.5.9", "opt-einsum-fx"),
    *("lightning>=2.6", "pytorch-lightning>=2.6", "lightning-utilities", "torchmetrics"),
    *("hydra-core", "omegaconf==2.3.*", "antlr4-python3-runtime==4.9.*", "ase>=3.25", "matscipy"),
    *("pydantic>=2.7", "pydantic-core", "annotated-types", "typing-inspection", "rich"),
    *(
        "markdown-it-py",
        "mdurl",
        "pygments",
        "scipy",
        "spglib",
        "lmdb",
        "tqdm",
        "PyYAML",
        "packaging",
    ),
)
RUN = """#!/bin/bash
# bash run.sh [MINUTES]
set -euo pipefail
cd "$(dirname "$0")"
python=${PYTHON:-python3.12}
if [ -d wheels ] && [ ! -d env ]; then
  $python -m venv --system-site-packages env
  env/bin/pip install --quiet --no-index --no-deps wheels/*.whl
fi
[ -d env ] && python="$PWD/env/bin/python"
export TORCHINDUCTOR_CACHE_DIR="$PWD/compiled" OMP_NUM_THREADS=1
cd run
exec $python -m rm_lammps.training.fit "$PWD" "${1:-10}"
"""


def wheels(folder: Path) -> None:
    """Wheels for Python 3.12 of everything but torch, and of this package."""
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="preset or configuration")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=400_000, help="noisy structures an epoch")
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--workers", type=int, default=14, help="processes that draw noise")
    parser.add_argument("--go-on", type=Path, help="folder of a run with a checkpoint")
    parser.add_argument("--no-wheels", action="store_true", help="everything is installed there")
    options = parser.parse_args()
    change = {
        "data": {"samples_per_epoch": options.samples, "prototypes": False},
        "optimisation": {"batch_size": options.batch_size, "epochs": 1000},
        "workers": options.workers,
        "threads": 1,
    }
    config = TrainingConfig.model_validate(
        combine(load_config(options.config).model_dump(mode="json"), change)
    )
    prepare(config, options.data, options.out / "run")
    if options.go_on:
        shutil.copytree(options.go_on / "checkpoints", options.out / "run" / "checkpoints")
        shutil.copy(options.go_on / "log.csv", options.out / "run")
    if not options.no_wheels:
        wheels(options.out / "wheels")
    (options.out / "run.sh").write_text(RUN)
    (options.out / "config.yaml").write_text(
        yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    )
    size = sum(file.stat().st_size for file in options.out.rglob("*") if file.is_file())
    print(f"{options.out}: {size / 2**20:.1f} MiB")
    if size > LIMIT:
        sys.exit(f"That is more than {LIMIT // 2**20} MiB: give fewer structures.")


if __name__ == "__main__":
    main()
