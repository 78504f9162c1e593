"""Settings by name: what seeds look like and how they are relaxed."""

from collections.abc import Mapping
from typing import Any

_SUPERCELL_STAGES = [
    {"stage": "minimise", "ftol": 1.0, "steps": 30},
    {"stage": "anneal", "start": 0.4, "end": 0.01, "steps": 1000},
    {"stage": "box", "rounds": 15, "steps": 40, "settle": 300},
]

_MINIMISE = {"stage": "minimise", "ftol": 0.02, "steps": 300}

PRESETS: dict[str, dict[str, Any]] = {
    "hops": {},
    "quick": {"protocol": {"stages": [{"stage": "box"}]}},
    # models of many elements know minima to 0.1 Å: going further costs more, and leads away from
    # known structures that were right (docs/crystals.md)
    "prediction": {
        "protocol": {"stages": [{"stage": "box"}], "fmax": 0.5, "max_stress": 8.0},
    },
    "thorough": {
        "protocol": {
            "stages": [{"stage": "box"}, {"stage": "hops", "number": 30, "patience": 5}],
        }
    },
    "molecules": {
        "protocol": {
            "stages": [
                _MINIMISE,
                {
                    "stage": "molecule_hops",
                    "number": 100,
                    "patience": 100,
                    "displacement": 0.4,
                    "relocate": 0.5,
                    "valences": True,
                    "enough": 0.006,
                    "relax": [_MINIMISE],
                },
            ],
            "fmax": 0.05,
        }
    },
    "supercells": {
        "seeds": {"kind": "random", "volume": [1.0, 1.05], "angle": [90.0, 90.0], "aspect": 1.0},
        # the largest of thousands of forces: 0.05 pseudo-eV/Å is 0.05 Å from the minimum
        "protocol": {"stages": _SUPERCELL_STAGES, "fmax": 0.05},
    },
}


FORMER_NAMES = {"crystals": "hops"}
"""Presets that earlier versions knew by another name."""


def combine(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """Merge nested settings; ``override`` wins, lists as a whole."""
    combined = dict(base)
    for name, value in override.items():
        old = combined.get(name)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            value = combine(old, value)  # noqa: PLW2901
        combined[name] = value
    return combined
