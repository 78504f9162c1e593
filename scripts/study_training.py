"""What pays in training: short trainings that differ in one setting, each with a small benchmark.

python scripts/study_training.py molecules --data train.extxyz --test test.extxyz --out runs/study
python scripts/study_training.py crystals --data train.extxyz --test val.extxyz --out runs/study

All see the same number of noisy structures, and generate for the same compositions, which --test
draws: molecules are counted that pass every check of PoseBusters, crystals that match, from
symmetric and random seeds alone and ranked by E~ alone. A variant whose result is in --out already
is not repeated; --only NAME makes one of them.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from shipping import train, write_variant

from rm_lammps.runs.layout import EVALUATION, METRICS
from rm_lammps.settings import combine

BENCHES = Path(__file__).parent / "bench"
NO_PROTOTYPES = {"seeds": {"weights": {"symmetric": 1, "random": 1}}}

Settings = dict[str, Any]

BOTH: dict[str, Settings] = {
    "preset": {},
    "another seed": {"seed": 1},
    "24 epochs": {"optimisation": {"epochs": 24}},
    "l_max 1": {"model": {"l_max": 1}},
    "l_max 3": {"model": {"l_max": 3}},
    "32 scalar, 8 tensor features": {
        "model": {"num_scalar_features": 32, "num_tensor_features": 8, "mlp_width": 32}
    },
    "128 scalar, 32 tensor features": {
        "model": {"num_scalar_features": 128, "num_tensor_features": 32, "mlp_width": 128}
    },
    "all noise alike": {"optimisation": {"loss": {"half_weight": None}}},
    "sites kept at any noise": {"noise": {"permute_above": 10.0}},
    "two layers": {"model": {"num_layers": 2}},
}
VARIANTS: dict[str, dict[str, Settings]] = {
    "molecules": {
        **BOTH,
        "cutoff 3.5": {"model": {"r_max": 3.5}},
        "cutoff 6": {"model": {"r_max": 6.0}},
        "noise u^1": {"noise": {"displacement_power": 1.0}},
        "noise u^3": {"noise": {"displacement_power": 3.0}},
    },
    "crystals": {
        **BOTH,
        "cutoff 4": {"model": {"r_max": 4.0}},
        "cutoff 6": {"model": {"r_max": 6.0}},
        "noise u^1": {"noise": {"displacement_power": 1.0}},
        "noise u^3": {"noise": {"displacement_power": 3.0}},
        "no energies": {"optimisation": {"loss": {"energy": 0.0}}},
        "energies ten times": {"optimisation": {"loss": {"energy": 0.3}}},
    },
}


def train_variant(
    preset: str, change: Settings, folder: Path, options: argparse.Namespace
) -> Settings:
    """Train one variant; returns what its card says."""
    length = {
        "data": {"samples_per_epoch": options.samples // options.epochs},
        "optimisation": {"epochs": options.epochs},
    }
    config = folder.with_suffix(".yaml")
    write_variant(preset, combine(length, change), config)
    train(str(config), options.data, folder, resume=True)
    return json.loads((folder / "card.json").read_text())


def benchmark(preset: str, model: Path, options: argparse.Namespace) -> Settings:
    """Generate with a trained variant and judge; returns the columns of the table."""
    out = model.with_name(model.name + "-bench")
    words = [sys.executable, str(BENCHES / f"{preset}.py")]
    words += ["--model", str(model), "--out", str(out)]
    words += ["--compositions", str(options.compositions), "--num", str(options.num)]
    words += ["--draw", str(options.draw)]
    if preset == "molecules":
        subprocess.run([*words, "--test", str(options.test)], check=True)
        result = json.loads((out / "run" / EVALUATION).read_text())
        rates = result["rates"]["of_attempted"]
        return {
            "valid": rates["valid"],
            "all checks passed": rates["passes"],
            "s a seed": result["seconds_per_seed"],
            "per core-second": result["passes_per_core_second"],
        }
    config = options.out / "seeds.yaml"
    config.write_text(yaml.safe_dump(NO_PROTOTYPES))
    words += ["--data", str(options.test), "--config", str(config), "--prototype-weight", "0"]
    subprocess.run([*words, "--at", str(options.num)], check=True)
    result = json.loads((out / "run" / METRICS).read_text())
    rates = result["prediction"]["rates"]
    found = rates[f"{options.num} seeds"]
    return {
        "found": found["match_rate"],
        "ranked first": rates["1 top-ranked"]["match_rate"],
        "RMSE": found["rmse"],
        "s a seed": result["core_seconds_per_seed"],
        "per core-second": found["match_rate"] / result["core_seconds_per_composition"],
    }


def markdown(rows: dict[str, Settings]) -> str:
    names = list(next(iter(rows.values())))
    lines = [f"| variant | {' | '.join(names)} |", "| --- " * (1 + len(names)) + "|"]
    for variant, row in rows.items():
        cells = (f"{row[name]:.3g}" if row[name] is not None else "" for name in names)
        lines.append(f"| {variant} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("preset", choices=sorted(VARIANTS))
    parser.add_argument("--data", type=Path, required=True, help="structures to train on")
    parser.add_argument("--test", type=Path, required=True, help="structures to draw from")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", help="variants; all by default")
    parser.add_argument("--samples", type=int, default=40_000, help="noisy structures shown")
    parser.add_argument("--epochs", type=int, default=8, help="in so many parts")
    parser.add_argument("--compositions", type=int, default=30)
    parser.add_argument("--num", type=int, default=8, help="seeds a composition")
    parser.add_argument("--draw", type=int, default=3, help="seed of the draw")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    results = options.out / f"{options.preset}.json"
    rows: dict[str, Settings] = json.loads(results.read_text()) if results.exists() else {}
    for variant, change in VARIANTS[options.preset].items():
        if variant in rows or (options.only and variant not in options.only):
            continue
        folder = options.out / re.sub(r"\W+", "-", f"{options.preset}-{variant}")
        card = train_variant(options.preset, change, folder, options)
        levels = card["errors_by_noise_level"]
        errors = {
            f"force RMSE at {r['displacement']:.2g} Å": r["forces_rmse"]
            for r in levels
            if r["level"] in (0.1, 0.25)
        }
        spent = {"training, s": card["training_seconds"]}
        rows[variant] = {**spent, **errors, **benchmark(options.preset, folder, options)}
        results.write_text(json.dumps(rows, indent=1) + "\n")
        print(markdown(rows), flush=True)


if __name__ == "__main__":
    main()
