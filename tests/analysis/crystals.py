"""Crystals of known identity, in disguises that change nothing."""

import json

import ase
import ase.io
import numpy as np
from ase.build import bulk, make_supercell
from scipy.spatial.transform import Rotation

DIAMOND = bulk("C", a=3.567)
BCC = bulk("C", "bcc", a=2.3)
GRAPHITE = ase.Atoms(
    "C4",
    scaled_positions=[[0, 0, 0.25], [0, 0, 0.75], [1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]],
    cell=[2.46, 2.46, 6.7, 90, 90, 120],
    pbc=True,
)
ROCKSALT = bulk("NaCl", "rocksalt", a=5.64)
CAESIUM_CHLORIDE = bulk("NaCl", "cesiumchloride", a=3.45)

# no lattice direction is special
SUPERCELLS = [
    np.eye(3),
    [[1, 0, 0], [0, 2, 0], [0, 0, 1]],
    [[1, 1, 0], [-1, 1, 0], [0, 0, 1]],
    [[0, 1, 1], [1, 0, 1], [1, 1, 0]],
]


def disguised(atoms, seed, energy=0.0, noise=0.01):
    """The same crystal: another cell of it, rotated, shifted, atoms permuted, a little noise."""
    rng = np.random.default_rng(seed)
    other = make_supercell(atoms, SUPERCELLS[rng.integers(len(SUPERCELLS))])
    other.set_cell(Rotation.random(random_state=seed).apply(other.cell.array), scale_atoms=True)
    other.translate(3 * rng.standard_normal(3))
    other.positions += noise * rng.standard_normal(other.positions.shape)
    other.wrap()
    other = other[rng.permutation(len(other))]
    n = len(other)
    other.info = {
        "seed": seed,
        "formula": other.get_chemical_formula(),
        "energy": energy * n,
        "energy_per_atom": energy,
        "volume_per_atom": other.get_volume() / n,
        "evaluations": 100,
        "seconds": 0.25,
    }
    return other


def write_run(folder, frames, failed=(), formula="C8", kind="crystals"):
    """What rm-generate leaves behind."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "structures.extxyz").open("w") as stream:
        for atoms in frames:
            ase.io.write(stream, atoms, format="extxyz", parallel=False)
    reasons = [reason for reason, _ in failed]
    summary = {
        "kind": kind,
        "attempted": len(frames) + len(reasons),
        "converged": len(frames),
        "failed": {reason: reasons.count(reason) for reason in sorted(set(reasons))},
        "evaluations": 100 * (len(frames) + len(reasons)),
        "seed_seconds": 0.25 * (len(frames) + len(reasons)),
        "wall_seconds": 3.0,
        "ranks": 2,
    }
    (folder / "summary.json").write_text(json.dumps(summary))
    with (folder / "failures.jsonl").open("w") as stream:
        for number, (reason, detail) in enumerate(failed):
            record = {"seed": 10_000 + number, "formula": formula, "evaluations": 100}
            record |= {"seconds": 0.25, "reason": reason, "detail": detail}
            stream.write(json.dumps(record) + "\n")
    return folder
