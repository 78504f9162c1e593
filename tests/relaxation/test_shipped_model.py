"""The shipped model in LAMMPS against the same model in eager PyTorch, and against its slope."""

import ase.io
import numpy as np
import pytest
import torch
from ase.build import bulk

from rm_lammps.deployment.bundle import Bundle
from rm_lammps.pretrained.source import find_model
from rm_lammps.relaxation.session import LammpsSession


def distorted(repeat=2):
    atoms = bulk("C", cubic=True) * (repeat, 1, 1)
    rng = np.random.default_rng(5)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.03 * rng.standard_normal((3, 3))), True)
    atoms.positions += 0.1 * rng.standard_normal(atoms.positions.shape)
    return atoms


@pytest.fixture(scope="module")
def session(diamond_bundle):
    with LammpsSession(Bundle.load(diamond_bundle)) as session:
        yield session


def test_lammps_equals_eager_pytorch(session):
    from nequip.data import AtomicDataDict
    from nequip.data.ase import from_ase
    from nequip.data.transforms import ChemicalSpeciesToAtomTypeMapper, NeighborListTransform
    from nequip.model.saved_models.load_utils import load_saved_model
    from nequip.utils.global_state import set_global_state

    set_global_state()
    model = load_saved_model(str(find_model("diamond").package)).eval()
    atoms = distorted()
    data = from_ase(atoms)
    data = ChemicalSpeciesToAtomTypeMapper(model_type_names=["C"])(data)
    data = NeighborListTransform(r_max=session.bundle.manifest.cutoff)(data)
    eager = model(AtomicDataDict.batched_from_list([data]))
    energy = float(eager["total_energy"].detach())
    forces = eager["forces"].detach().to(torch.float64).numpy()
    stress = eager["stress"].detach().to(torch.float64).numpy()[0] * 160.2176634

    session.load(atoms)
    here = session.evaluate()
    assert here.energy == pytest.approx(energy, rel=1e-5)
    # LAMMPS turns the cell into its standard orientation
    rotation = session.rotation
    scale = np.abs(forces).max()
    np.testing.assert_allclose(here.forces @ rotation, forces, atol=1e-5 * scale)
    np.testing.assert_allclose(
        rotation.T @ here.stress @ rotation, stress, atol=2e-5 * np.abs(stress).max()
    )


def test_two_ranks_share_a_structure(run, session, diamond_bundle, tmp_path):
    atoms = distorted(repeat=4)
    session.load(atoms)
    alone = session.evaluate()
    ase.io.write(tmp_path / "atoms.extxyz", atoms)
    (tmp_path / "share.py").write_text(
        "import sys\n"
        "from mpi4py import MPI\n"
        "import ase.io, numpy as np\n"
        "from rm_lammps.deployment.bundle import Bundle\n"
        "from rm_lammps.relaxation.session import LammpsSession\n"
        "atoms = ase.io.read('atoms.extxyz', parallel=False)\n"
        "with LammpsSession(Bundle.load(sys.argv[1]), comm=MPI.COMM_WORLD) as session:\n"
        "    session.load(atoms)\n"
        "    result = session.evaluate()\n"
        "if MPI.COMM_WORLD.rank == 0:\n"
        "    np.savez('shared.npz', energy=result.energy, forces=result.forces)\n"
    )
    run("python", "share.py", diamond_bundle, ranks=2, cwd=tmp_path)
    shared = np.load(tmp_path / "shared.npz")
    assert float(shared["energy"]) == pytest.approx(alone.energy, rel=1e-6)
    np.testing.assert_allclose(shared["forces"], alone.forces, atol=1e-5)


@pytest.mark.parametrize("component", [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)])
def test_stress_is_the_slope_of_the_energy(session, component):
    """Single precision leaves 1e-3; the pair style's own tests reach 1e-4 in double precision."""
    atoms = distorted()
    session.load(atoms)
    stress = session.evaluate().stress / 160.2176634
    rotation = session.rotation
    stress = rotation.T @ stress @ rotation

    def energy(size):
        strain = np.eye(3)
        strain[component] += size / 2
        strain[component[::-1]] += size / 2
        stretched = atoms.copy()
        stretched.set_cell(atoms.cell.array @ strain, scale_atoms=True)
        session.load(stretched)
        return session.evaluate().energy

    h = 4e-3
    slope = (8 * (energy(h) - energy(-h)) - (energy(2 * h) - energy(-2 * h))) / (12 * h)
    found = stress[component] * atoms.get_volume()
    assert found == pytest.approx(slope, abs=1e-3 * np.abs(stress).max() * atoms.get_volume())
