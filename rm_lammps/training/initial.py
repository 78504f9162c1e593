"""Begin a training with the weights of a trained model."""

import json
import shutil
from pathlib import Path
from typing import Any

from rm_lammps.errors import UserError
from rm_lammps.pretrained.source import find_model

INITIAL = "initial.nequip.zip"
"""The model that a training began with, in the run's folder."""
_CARD = "initial.json"


def keep_initial(model: str, species: list[str], folder: Path) -> None:
    """Copy the model into the run's folder, with its card.

    Args:
        model: name of a shipped model, folder of ``rm-train``, or package.
        species: elements of the new training data, in the order of the model's types.
        folder: of the run.

    Raises:
        UserError: no such model, or it has other elements than the data.
    """
    source = find_model(model)
    theirs = [] if source.statistics is None else source.statistics.species
    if theirs != species:
        raise UserError(
            f"The model {model} has the elements {' '.join(theirs) or '(unknown)'}, the training "
            f"data {' '.join(species)}.",
            "Train on data with the same elements, or start without --start-from.",
        )
    shutil.copy(source.package, folder / INITIAL)
    card = source.package.with_name("card.json")
    if card.is_file():
        shutil.copy(card, folder / _CARD)


def initial_history(folder: Path) -> list[dict[str, Any]]:
    """What the trainings before this one were, the first one first."""
    file = folder / _CARD
    if not file.is_file():
        return []
    card = json.loads(file.read_text())
    kept = ("name", "date", "data", "seed", "epochs", "training_seconds", "config")
    return [*card.get("before", []), {name: card[name] for name in kept}]


def continued_model(package: str, **fields: Any) -> Any:
    """Build an Allegro model with the weights of a packaged one.

    A packaged model itself trains without ``torch.compile``, several times slower.

    Args:
        package: ``.nequip.zip`` of a model with the same architecture.
        fields: of ``allegro.model.AllegroModel``.

    Raises:
        UserError: the architectures differ.
    """
    from allegro.model import AllegroModel
    from nequip.model.saved_models.package import ModelFromPackage

    model = AllegroModel(**fields)
    # a package holds a dictionary of models by name, of which nequip-package fills in one
    (packaged,) = ModelFromPackage(package).values()
    weights = packaged.state_dict()
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(
            f"The model to start from has another architecture: {str(error).splitlines()[-1]}",
            "Give the configuration the model was trained with; its card has it.",
        ) from error
    return model
