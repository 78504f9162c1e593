"""What a training run is: a YAML file with these sections, or a preset of that form."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rm_lammps.errors import UserError, checked, unusable_fields
from rm_lammps.pretrained.ladder import LEVEL_NAME
from rm_lammps.response import FictitiousEnergy, NoiseConfig
from rm_lammps.settings import combine, given, read_settings
from rm_lammps.systems import AnySystem

_PRESETS = Path(__file__).parent / "presets"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Section):
    """Which samples an epoch shows."""

    validation: float = Field(0.1, ge=0, lt=1, description="fraction set aside")
    supercell_atoms: tuple[int, int] | None = Field(
        None, description="repeat smaller cells at random up to this many atoms [low, high]"
    )
    samples_per_epoch: int | None = Field(
        None, gt=0, description="default: every structure once; few structures are repeated"
    )
    validation_samples: int | None = Field(None, gt=0)
    energy_key: str | None = Field(
        None,
        description="info key with an energy per atom (eV) that anchors E~ at equilibrium; "
        "default: E~ labels are zero there",
    )
    energy_scale: float = Field(1.0, gt=0, description="pseudo-eV per eV of that energy")
    prototypes: bool = Field(
        False,
        description="the model carries the training structures (crystals): seeds begin from them, "
        "with other elements",
    )
    crop_atoms: int = Field(
        4000,
        ge=50,
        description="larger cells are shown in random crops of so many atoms with all of their "
        "neighbours; forces count of those whose neighbours are among them",
    )
    weight_key: str | None = Field(
        None,
        description="info key with how often a structure is shown, relative to others; "
        "default: all alike",
    )


class SpuriousConfig(_Section):
    """How structures are shown that a model took for stable and that are not."""

    share: float = Field(0.25, gt=0, lt=1, description="of the samples of an epoch")
    energy: float = Field(
        0.05,
        gt=0,
        description="E~ that is learned for them, pseudo-eV per atom above that of equilibrium; "
        "of each wrong atom where a structure's array `wrong` tells which ones are",
    )
    noise: float = Field(
        0.06, ge=0, le=1, description="their noise, in units of that of equilibrium structures"
    )


class ModelConfig(_Section):
    """The Allegro potential."""

    r_max: float = Field(4.5, gt=0, description="cutoff, Å")
    l_max: int = Field(2, ge=0)
    parity: bool = False
    num_layers: int = Field(1, ge=1)
    num_scalar_features: int = Field(64, ge=1)
    num_tensor_features: int = Field(16, ge=1)
    mlp_width: int = Field(64, ge=1, description="hidden width of every multi-layer perceptron")
    pair_width: int | None = Field(
        None,
        ge=1,
        description="width of the network of two atoms alone, which generation tabulates: a wider "
        "one costs training, not generation; default: num_scalar_features and mlp_width",
    )
    pair_depth: int = Field(1, ge=1, description="hidden layers of that network")
    num_bessels: int = Field(8, ge=1)
    polynomial_cutoff_p: int = Field(6, ge=2)
    dtype: Literal["float32", "float64"] = "float32"


class LossConfig(_Section):
    """Weights of the mean squared errors."""

    energy: float = Field(0.0, ge=0, description="per atom")
    forces: float = Field(1.0, ge=0)
    stress: float = Field(10.0, ge=0)
    half_weight: float | None = Field(
        None,
        gt=0,
        description="displacement noise (Å) at which a sample's squared errors count half; "
        "default: all count alike",
    )


class OptimisationConfig(_Section):
    """Muon and Adam with cosine decay and an exponential moving average of the weights."""

    epochs: int = Field(100, ge=1)
    minutes: float | None = Field(
        None,
        gt=0,
        description="train for so long, however many epochs that takes: the learning rate falls "
        "with the time instead of the epochs; the minutes of a resumed run go on",
    )
    batch_size: int = Field(16, ge=1)
    learning_rate: float = Field(
        0.01, gt=0, description="root mean square of what a step changes in a weight, about"
    )
    final_learning_rate: float = Field(1e-5, ge=0)
    ema_decay: float = Field(0.99, ge=0, lt=1)
    gradient_clip: float = Field(
        4.0,
        ge=1,
        description="a gradient counts at most so many times as much as the gradients before it",
    )
    loss: LossConfig = LossConfig()


class TrainingConfig(_Section):
    """One training run."""

    name: str
    description: str = ""
    system: AnySystem | None = Field(
        None, description="what the structures are; default: by their periodicity"
    )
    seed: int = Field(0, ge=0)
    data: DataConfig = DataConfig()
    noise: NoiseConfig = NoiseConfig()
    energy: FictitiousEnergy = FictitiousEnergy()
    spurious: SpuriousConfig = SpuriousConfig()
    model: ModelConfig = ModelConfig()
    optimisation: OptimisationConfig = OptimisationConfig()
    processes: int = Field(
        1, ge=1, description="processes of this machine that share each batch and train together"
    )
    threads: int | None = Field(
        None, ge=1, description="of each of them; default: all cores of the process"
    )
    workers: int = Field(
        1, ge=0, description="processes that draw noise ahead of each of them; 0: it does itself"
    )
    compile: bool = Field(True, description="train with torch.compile")
    levels: dict[Annotated[str, Field(pattern=LEVEL_NAME)], dict[str, Any]] = Field(
        default_factory=dict,
        description="further potentials of the model, each for larger noise than the one before: "
        "by name, what its configuration has different",
    )

    @model_validator(mode="after")
    def _levels_are_possible(self) -> "TrainingConfig":
        for name in self.levels:
            self.level(name)
        return self

    def level(self, name: str) -> "TrainingConfig":
        """Configuration of one of the levels.

        Raises:
            ValueError: a field is unknown or out of range.
        """
        own = self.model_dump(mode="json", exclude={"levels"})
        try:
            return TrainingConfig.model_validate(combine(own, self.levels[name]))
        except ValidationError as error:
            fields = ", ".join(line.strip() for line in unusable_fields(error))
            raise ValueError(f"level {name}: {fields}") from error


def preset_names() -> list[str]:
    """Names of the presets that ship with the package."""
    return sorted(path.stem for path in _PRESETS.glob("*.yaml"))


def load_config(
    source: str | Path | Mapping[str, Any], settings: Mapping[str, Any] | None = None
) -> TrainingConfig:
    """Combine a preset or a YAML file with flags or arguments, which win.

    Args:
        source: a preset by name, a YAML file, or the fields of :class:`TrainingConfig`. ``epochs``
            may stand at the top, as its flag does.
        settings: further fields, ``None`` for those that were not given; ``epochs`` are of all
            levels.

    Raises:
        UserError: no such preset or file, or a field is unknown or out of range.
    """
    where = "training configuration"
    if not isinstance(source, Mapping):
        where += f" {source}"
        source = _find(source)
    flags = given(settings or {})
    fields = combine(_nested(read_settings(source)), _nested(flags))
    if "epochs" in flags:
        fields["levels"] = {name: _timeless(own) for name, own in fields.get("levels", {}).items()}
    return checked(
        TrainingConfig, fields, where, "docs/reference/settings_more.md lists every field."
    )


def _find(preset_or_file: str | Path) -> Path:
    path = Path(preset_or_file)
    if str(preset_or_file) in preset_names():
        return _PRESETS / f"{preset_or_file}.yaml"
    if not path.is_file():
        raise UserError(
            f"No preset and no file called {str(preset_or_file)!r}.",
            f"Presets: {', '.join(preset_names())}; auto for settings by the size of the data; or "
            "give a YAML file.",
        )
    return path


def _timeless(level: Mapping[str, Any]) -> dict[str, Any]:
    """A level's settings without how long it trains: it does as the lowest one."""
    own = dict(level.get("optimisation", {}))
    left = {name: value for name, value in own.items() if name not in {"epochs", "minutes"}}
    return {**level, "optimisation": left}


def _nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    placed = dict(fields)
    epochs = placed.pop("epochs", None)
    if epochs is None:
        return placed
    return combine(placed, {"optimisation": {"epochs": epochs, "minutes": None}})
