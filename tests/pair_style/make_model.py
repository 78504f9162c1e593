"""Write one of the random models of the tests: ``make_model.py NAME FILE``.

A file ``.nequip.pt2`` is compiled, a file ``.allegro`` holds the weights for the kernel.
"""

import sys
from pathlib import Path

SHIFTS = {"H": -0.7, "C": -1.5, "O": -2.25}
COMMON = {
    "seed": 1,
    "l_max": 2,
    "parity": False,
    "num_layers": 1,
    "num_scalar_features": 32,
    "num_tensor_features": 8,
    "radial_chemical_embed": {"_target_": "allegro.nn.TwoBodyBesselScalarEmbed", "num_bessels": 8},
    "avg_num_neighbors": 30.0,
    "per_type_energy_scales": 1.3,
}
KINDS = {
    "carbon": {"type_names": ["C"], "r_max": 4.0, "model_dtype": "float32"},
    "organic": {
        "type_names": ["H", "C", "O"],
        "r_max": 4.0,
        "model_dtype": "float64",
        "per_edge_type_cutoff": {"H": 3.0, "C": {"H": 3.5}},
    },
}


def eager_model(**changes):
    """Random Allegro model; ``changes`` to the common settings."""
    from allegro.model import AllegroModel
    from nequip.utils.global_state import set_global_state

    set_global_state()
    settings = {**COMMON, **changes}
    settings.setdefault(
        "per_type_energy_shifts", {name: SHIFTS[name] for name in settings["type_names"]}
    )
    return AllegroModel(**settings)


def write_float32_weights(model, file):
    """Weights for the kernel, also of a float64 model, whose file leaves it to the graphs."""
    import torch

    from rm_lammps.deployment.compile import weights_header
    from rm_lammps.deployment.edge_model import EdgeModel
    from rm_lammps.deployment.native import native_weights
    from rm_lammps.deployment.weights import write_weights

    rewritten = EdgeModel(model)
    rewritten.dtype = torch.float32
    write_weights(file, *weights_header(model), native_weights(rewritten))


if __name__ == "__main__":
    from rm_lammps.deployment.compile import export_model

    MODEL, FILE = eager_model(**KINDS[sys.argv[1]]), Path(sys.argv[2])
    if FILE.suffix == ".allegro":
        write_float32_weights(MODEL, FILE)
    else:
        export_model(MODEL, FILE, every_target=True)
