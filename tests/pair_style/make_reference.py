"""Write reference.json: what the eager models say of the test structures.

Energies in eV, forces in eV/Å, stress (1/V) dE/d(strain) in eV/Å³ (xx, yy, zz, yz, xz, xy), and
for the cluster the virial of each atom: the force of atom i's energy on atom j times x_j - x_i,
summed over i (nine components, xx, yy, zz, xy, xz, yz, yx, zx, zy).

Run it in this folder after changing a model or a structure: ``python make_reference.py``.
"""

import json
from pathlib import Path

import conftest
import torch
from ase import Atoms
from make_model import KINDS, eager_model
from nequip.data import AtomicDataDict, compute_neighborlist_, from_ase

VOIGT = [0, 4, 8, 5, 2, 1]
NINE = [0, 4, 8, 1, 2, 5, 3, 6, 7]


def as_data(system, type_names, r_max):
    """Structure as nequip takes it."""
    atoms = Atoms(
        symbols=[system.elements[kind - 1] for kind in system.types],
        positions=system.positions,
        cell=system.cell,
        pbc=system.boundary == "p p p",
    )
    data = compute_neighborlist_(from_ase(atoms), r_max)
    data[AtomicDataDict.ATOM_TYPE_KEY] = torch.tensor(
        [type_names.index(symbol) for symbol in atoms.symbols]
    )
    return data


def evaluate(system, kind):
    """Energy, energies of atoms, forces and stress of a structure."""
    model = eager_model(**KINDS[kind])
    data = as_data(system, KINDS[kind]["type_names"], KINDS[kind]["r_max"])
    out = model({key: value.clone() for key, value in data.items()})
    result = {
        "energies": out["atomic_energy"].view(-1).tolist(),
        "forces": out["forces"].tolist(),
    }
    if "stress" in out and out["stress"].numel() == 9:
        result["stress"] = out["stress"].view(-1)[VOIGT].tolist()
    return result


def atom_virials(system, kind):
    """Virial of each atom of an isolated structure, from derivatives of every atom's energy."""
    model = eager_model(**KINDS[kind])
    data = as_data(system, KINDS[kind]["type_names"], KINDS[kind]["r_max"])
    data = {key: data[key] for key in ("pos", "edge_index", "atom_types")}

    def energies(positions):
        return model.model.func({**data, "pos": positions})["atomic_energy"].view(-1)

    x = data["pos"]
    slope = torch.autograd.functional.jacobian(energies, x)  # [i, j, 3]: dE_i/dx_j
    between = x.unsqueeze(0) - x.unsqueeze(1)  # [i, j]: x_j - x_i
    return (-torch.einsum("ija,ijb->jab", between, slope)).view(-1, 9)[:, NINE].tolist()


if __name__ == "__main__":
    systems = conftest.make_systems()
    result = {
        "carbon diamond": evaluate(systems["diamond"], "carbon"),
        "organic mixed": evaluate(systems["mixed"], "organic"),
        "organic cluster": {
            **evaluate(systems["cluster"], "organic"),
            "atom_virials": atom_virials(systems["cluster"], "organic"),
        },
    }
    target = Path(__file__).resolve().parent / "reference.json"
    target.write_text(json.dumps(result, indent=1) + "\n")
