"""The model card: what a model was trained on, how, and how well."""

import json
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.files import LEVELS_FOLDER
from rm_lammps.training.initial import initial_history
from rm_lammps.training.training_config import TrainingConfig

_VERSIONED = ("rm_lammps", "torch", "nequip", "nequip-allegro", "lightning", "e3nn", "numpy")


def write_card(
    folder: Path,
    config: TrainingConfig,
    statistics: DatasetStatistics,
    *,
    source: str,
    epochs: int,
    seconds: float,
    structures_per_second: float,
    found: dict[str, Any],
) -> None:
    """Write ``card.json`` and, to read, ``card.md``."""
    card: dict[str, Any] = {
        "name": config.name,
        "description": config.description,
        "date": date.today().isoformat(),
        "data": {
            "source": source,
            "structures": statistics.n_structures,
            "species": statistics.species,
        },
        "seed": config.seed,
        "epochs": epochs,
        "training_seconds": round(seconds),
        "versions": {name: version(name) for name in _VERSIONED},
        "before": initial_history(folder),
        "structures_per_second": structures_per_second,
        "errors_by_noise_level": found["levels"],
        "errors_by_number_of_atoms": found["sizes"],
        "equilibrium": found["equilibrium"],
        "warnings": found["warnings"],
        "config": config.model_dump(mode="json"),
    }
    (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n")
    (folder / "card.md").write_text(_markdown(card))


def _markdown(card: dict[str, Any]) -> str:
    noise, model = card["config"]["noise"], card["config"]["model"]
    lines = [
        f"# {card['name']}",
        "",
        card["description"].strip(),
        "",
        f"- Trained {card['date']} on {card['data']['structures']} structure(s) with "
        f"{', '.join(card['data']['species'])}: {card['data']['source']}",
        f"- {card['epochs']} epochs in {card['training_seconds']} s, seed {card['seed']}",
        *(
            f"- Continues a training of {before['date']} on {before['data']['structures']} "
            f"structure(s): {before['epochs']} epochs in {before['training_seconds']} s"
            for before in card["before"]
        ),
        f"- Allegro, cutoff {model['r_max']} Å, l_max {model['l_max']}, "
        f"{model['num_layers']} layer(s), {model['num_scalar_features']} scalar and "
        f"{model['num_tensor_features']} tensor features, {model['dtype']}",
        f"- Noise: displacements up to σ = {noise['displacement']} Å, shear up to "
        f"{noise['shear']}, ln(V/V0) in {noise['dilation']}",
        *(
            f"- Larger noise has a potential of its own: {name}, with its card in "
            f"{LEVELS_FOLDER}/{name}"
            for name in card["config"]["levels"]
        ),
        "- " + ", ".join(f"{name} {v}" for name, v in card["versions"].items()),
        "",
        "E~ is a pseudo-energy: it says which structures look like the training data, and is no "
        "energy that a quantum-mechanical calculation would give.",
        "",
        *_equilibrium(card["equilibrium"]),
        "Error on validation structures by noise level (displacement in Å, forces in pseudo-eV/Å, "
        "stress in pseudo-eV/Å³; the label's RMS is the error of predicting zero):",
        "",
    ]
    lines += _error_table(card["errors_by_noise_level"])
    lines += ["", "By number of atoms, under noise as in training:", ""]
    lines += _error_table(card["errors_by_number_of_atoms"])
    lines += [f"\nWarning: {warning}" for warning in card["warnings"]]
    return "\n".join(lines) + "\n"


def _equilibrium(found: dict[str, float]) -> list[str]:
    if not found:
        return []
    return [
        f"Minimised on E~, {found['structures']:.0f} known structures move by "
        f"{found['moved_mean']:.2g} Å (root mean square over atoms, mean over structures; at most "
        f"{found['moved_max']:.2g} Å). {found['minima']:.0%} of them are minima; the lowest "
        f"curvature is {found['lowest_curvature']:.2g} pseudo-eV/Å² (1 in the labels).",
        "",
    ]


def _error_table(rows: list[dict[str, float]]) -> list[str]:
    if not rows:
        return ["Not known."]
    columns = list(rows[0])
    return [
        "| " + " | ".join(column.replace("_", " ") for column in columns) + " |",
        "|" + " --- |" * len(columns),
        *("| " + " | ".join(f"{row[c]:.3g}" for c in columns) + " |" for row in rows),
    ]
