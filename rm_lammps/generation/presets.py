"""Settings by name: what seeds look like and how they are relaxed."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rm_lammps.errors import Note
from rm_lammps.settings import HOST, SYMMETRY, combine

if TYPE_CHECKING:
    from rm_lammps.datasets import DatasetStatistics

_SUPERCELL_STAGES = [
    {"stage": "minimise", "ftol": 1.0, "steps": 30},
    {"stage": "anneal", "start": 0.4, "end": 0.01, "steps": 1000},
    {"stage": "box", "rounds": 15, "steps": 40, "settle": 300},
]

_GLASS_STAGES = [
    # a full step: the noise before is taken away whole, and few bonds are wrong in equilibrium;
    # below 0.25 Å of noise they change still, below 0.2 Å no more (docs/studies/glass.md); this is
    # silica's noise, and glass_preset has that of longer bonds
    {
        "stage": "denoise",
        "start": 0.5,
        "end": 0.25,
        "steps": 600,
        "schedule": "linear",
        "step": 1.0,
        "cell": "none",
    },
    {
        "stage": "denoise",
        "start": 0.25,
        "end": 0.2,
        "steps": 8000,
        "schedule": "linear",
        "step": 1.0,
        "cell": "none",
    },
    {"stage": "denoise", "start": 0.2, "end": 0.08, "steps": 60, "cell": "none"},
    {"stage": "denoise", "start": 0.08, "end": 0.005, "steps": 60, "cell": "none"},
    {"stage": "cell"},
]

_DENOISE = [{"stage": "denoise", "start": 0.35, "end": 0.02, "steps": 60}, {"stage": "box"}]

_MINIMISE = {"stage": "minimise", "ftol": 0.02, "steps": 300}

PRESETS: dict[str, dict[str, Any]] = {
    "hops": {},
    "quick": {"protocol": {"stages": [{"stage": "cell"}]}},
    # models of many elements know minima to 0.1 Å: going further costs more, and leads away from
    # known structures that were right (docs/studies/crystals_tolerances.md)
    "prediction": {
        "protocol": {"stages": [{"stage": "cell"}], "fmax": 0.25, "max_stress": 4.0},
    },
    # seeds at random places have farther to go, and nothing that was right to lose
    "blind": {
        "seeds": {"kind": "mixture", "weights": {"learned_symmetry": 3.0, "random": 1.0}},
        "protocol": {"stages": [{"stage": "cell"}], "fmax": 0.05, "max_stress": 1.0},
    },
    "thorough": {
        "protocol": {
            "stages": [{"stage": "cell"}, {"stage": "hops", "number": 30, "patience": 5}],
        }
    },
    "denoise": {
        "protocol": {
            "stages": [*_DENOISE, {"stage": "hops", "patience": 1, "relax": _DENOISE}],
        }
    },
    "molecules": {
        "protocol": {
            "stages": [
                # from small noise: at 0.8 Å three of four seeds fall into pieces
                {"stage": "denoise", "start": 0.25, "end": 0.02, "steps": 100},
                _MINIMISE,
                {
                    "stage": "molecule_hops",
                    "number": 100,
                    "patience": 100,
                    "displacement": 0.4,
                    "relocate": 0.5,
                    "enough": 0.015,
                    "relax": [_MINIMISE],
                },
            ],
            "fmax": 0.05,
        }
    },
    # the density is the one asked for, as where a melt is cooled at a constant volume: strained at
    # random, thousands of atoms change their neighbours, and E~ makes good networks 2 % less dense
    # than samples are, which another potential does not (docs/studies/glass.md)
    "glass": {
        "seeds": {"kind": "disordered", "volume": [1.0, 1.0]},
        "protocol": {"stages": _GLASS_STAGES, "fmax": 0.05, "axes": "none"},
    },
    "supercells": {
        "seeds": {"kind": "random", "volume": [1.0, 1.05], "angle": [90.0, 90.0], "aspect": 1.0},
        # the largest of thousands of forces: 0.05 pseudo-eV/Å is 0.05 Å from the minimum
        "protocol": {"stages": _SUPERCELL_STAGES, "fmax": 0.05},
    },
}

PURPOSES = {
    "hops": "One minimisation, then up to ten hops: the structure is rattled, relaxed again, and "
    "kept if E~ is lower. For crystals of one element.",
    "quick": "One minimisation a seed. For crystals of a few elements, and for many cheap seeds.",
    "prediction": "One minimisation a seed, to loose tolerances: a model of many elements knows "
    "minima to 0.1 Å, and to go further leads away from known structures.",
    "blind": "No seed begins from a known structure. Symmetric seeds whose space groups and "
    "positions are learned, three for each seed of random atoms, are relaxed to tight tolerances.",
    "thorough": "As `hops`, with up to thirty hops. For few atoms and hard cases.",
    "denoise": "Annealing by denoising before each minimisation. For carbon it needs half the "
    "evaluations of `hops`.",
    "molecules": "Annealing by denoising, then up to a hundred hops, until E~ says that the "
    "molecule is like those of the training data.",
    "glass": "Annealing by denoising at the density of the training data, for thousands of atoms. "
    "The settings are those for silica; where bonds are longer, there is more noise. "
    "Energy terms give atoms the numbers of neighbours that those of the training data have, until "
    "the last relaxation, which leaves the cell as it is.",
    "supercells": "Minimisation, dynamics at a falling temperature, and relaxation of the box, for "
    "a thousand atoms or more.",
    "layers": "Of system `layer`: the atoms are minimised first, then the cell within the plane.",
    "slabs": "Of system `slab`: the atoms first, then, if it may change, the cell in the plane.",
    "interfaces": "Of system `interface`: as `slabs`.",
    "molecular_crystals": "Of system `molecular_crystal`: the molecules are moved apart, then "
    "atoms and cell are relaxed together.",
}
"""What the presets are for, in Markdown, those of systems too."""

_FORMER_NAMES = {"crystals": "hops"}
"""Presets that earlier versions knew by another name."""


def fill_in_preset(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Put a run's settings over those of its preset, the one place where this is done.

    Args:
        fields: settings of a run; ``preset`` names one, else it is the one that suits ``model``.

    Returns:
        The settings with ``preset`` and all that it sets.

    Raises:
        ValueError: no such preset.
        UserError: no such model.
    """
    name = find_preset(fields.get("preset"), fields.get("model"), fields.get("system"))
    preset, seeds = dict(known_presets()[name]), fields.get("seeds")
    if "protocol" in preset:
        own = seeds if isinstance(seeds, Mapping) else None
        preset["protocol"] = preset_protocol(name, fields.get("model"), fields.get("protocol"), own)
    kind = seeds.get("kind") if isinstance(seeds, Mapping) else None
    if kind is not None and kind != preset.get("seeds", {}).get("kind"):
        # settings of one kind of seeds mean nothing to another
        preset.pop("seeds", None)
    filled = combine(preset, {**fields, "preset": name})
    return _restricted(filled, fields)


def preset_protocol(
    name: str, model: Any, given: Any, seeds: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """What a preset sets of the relaxation.

    Of a glass, atoms get as many neighbours as in the training data until the last relaxation, and
    stay in the shape that seeds have.

    Args:
        name: of the preset.
        model: shipped model by name, bundle or rm-train folder.
        given: settings of the relaxation; energy terms among them win.
        seeds: settings of the seeds.

    Raises:
        UserError: no such model.
        ValueError: seeds have a shape without a density.
    """
    protocol: Mapping[str, Any] = known_presets()[name].get("protocol", {})
    if name != "glass":
        return protocol
    # help texts are quick without numpy
    from rm_lammps.generation.glass_preset import glass_protocol

    statistics = _statistics_of(model)
    shells = None if statistics is None else statistics.shells
    chosen = isinstance(given, Mapping) and "terms" in given
    return glass_protocol(protocol, shells, seeds or {}, with_terms=not chosen)


def _restricted(filled: dict[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Let the relaxation keep what was asked for: symmetry, a host's atoms and cell.

    Args:
        filled: a run's settings, with its preset's.
        fields: the settings without the preset's, which win.
    """
    given, seeds = fields.get("protocol") or {}, fields.get("seeds") or {}
    if isinstance(given, Mapping) and isinstance(seeds, Mapping):
        kept = {"keep_symmetry": True} if any(seeds.get(n) is not None for n in SYMMETRY) else {}
        within = {"axes": "none"} if seeds.get(HOST) is not None else {}
        protocol = {**kept, **within, **filled.get("protocol", {})}
        free = protocol.get("axes", "xyz") == "xyz" and not protocol.get("keep_symmetry")
        if "stages" not in given and "stages" in protocol and (within or not free):
            protocol["stages"] = [_holding(stage) for stage in protocol["stages"]]
        return {**filled, "protocol": protocol}
    return filled


def _holding(stage: Mapping[str, Any]) -> dict[str, Any]:
    """A preset's stage without LAMMPS's ``box/relax``, which keeps nothing."""
    if stage["stage"] == "box":
        return {"stage": "cell"}
    if "relax" not in stage:
        return dict(stage)
    return {**stage, "relax": [_holding(part) for part in stage["relax"]]}


def known_presets() -> dict[str, Mapping[str, Any]]:
    """Presets by name: those here, and those that systems bring."""
    # help texts are quick without numpy
    from rm_lammps.systems import SYSTEMS

    return PRESETS | {name: kind.presets[name] for kind in SYSTEMS for name in kind.presets}


def find_preset(name: str | None, model: Any, system: Any = None) -> str:
    """Name of a preset, by its present name.

    Args:
        name: as given, present or former; nothing for the one that suits the model.
        model: shipped model by name, bundle or rm-train folder.
        system: what is generated, as in settings; nothing for what the model was trained on.

    Raises:
        ValueError: no such preset, or no such system.
        UserError: no such model.
    """
    if not name:
        return preset_for(model, system)
    present = _FORMER_NAMES.get(name, name)
    if present != name:
        warnings.warn(f"The preset {name} is called {present} now.", Note, stacklevel=2)
    known = known_presets()
    if present not in known:
        raise ValueError(f"unknown preset {name!r}; allowed: {', '.join(known)}")
    return present


def preset_for(model: Any, system: Any = None) -> str:
    """Name of the preset that suits a model, by what it was trained on.

    Args:
        model: shipped model by name, bundle or rm-train folder.
        system: what is generated, as in settings; nothing for what the model was trained on.

    Raises:
        ValueError: no such system.
        UserError: no such model.
    """
    # what presets there are can be asked for without these
    from rm_lammps.datasets.shells import DISORDERED
    from rm_lammps.systems import SYSTEMS, System

    statistics = _statistics_of(model)
    if statistics is None:
        return "hops"
    chosen = statistics.system if system is None else SYSTEMS.read(system)
    if isinstance(chosen, System) and all(chosen.pbc) and statistics.max_atoms >= DISORDERED:
        return "glass"
    return chosen.preset(len(statistics.species)) if isinstance(chosen, System) else "hops"


def _statistics_of(model: Any) -> "DatasetStatistics | None":
    """What a model was trained on.

    Args:
        model: shipped model by name, bundle or rm-train folder.

    Raises:
        UserError: no such model.
    """
    from rm_lammps.deployment.bundle import MANIFEST, Bundle
    from rm_lammps.pretrained.source import find_model

    if not isinstance(model, (str, Path)):
        return None
    if (Path(model) / MANIFEST).is_file():
        return Bundle.load(model).manifest.statistics
    return find_model(str(model)).statistics
