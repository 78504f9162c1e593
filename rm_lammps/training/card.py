"""The model card: what a model was trained on, how, and how well."""

import json
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.training.config import TrainingConfig
from rm_lammps.training.initial import initial_history

_VERSIONED = ("rm_lammps", "torch", "nequip", "nequip-allegro", "lightning", "e3nn", "numpy")


def write_card(
    folder: Path,
    config: TrainingConfig,
    statistics: DatasetStatistics,
    *,
    source: str,
    epochs: int,
    seconds: float,
    errors: list[dict[str, float]],
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
        "errors_by_noise_level": errors,
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
        "- " + ", ".join(f"{name} {v}" for name, v in card["versions"].items()),
        "",
        "E~ is a pseudo-energy: it says which structures look like the training data, and is no "
        "energy that a quantum-mechanical calculation would give.",
        "",
        "Error on validation structures by noise level (the label's RMS is the error of "
        "predicting zero):",
        "",
    ]
    return "\n".join(lines + _error_table(card["errors_by_noise_level"])) + "\n"


def _error_table(rows: list[dict[str, float]]) -> list[str]:
    columns = list(rows[0])
    return [
        "| " + " | ".join(column.replace("_", " ") for column in columns) + " |",
        "|" + " --- |" * len(columns),
        *("| " + " | ".join(f"{row[c]:.3g}" for c in columns) + " |" for row in rows),
    ]
