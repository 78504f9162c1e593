"""Blocks of atoms, larger than there are atoms and than an int counts."""

import os
import shutil
import subprocess
from pathlib import Path

from rm_lammps.files import shipped_folder


def test_blocks_of_any_size_hold_every_atom_once(request, tmp_path):
    """Sizes that would not fit into an int are checked while this is compiled."""
    compiler = os.environ.get("CXX") or shutil.which("c++") or "g++"
    source = shipped_folder("deploy") / "src"
    program = tmp_path / "gather"
    sources = [Path(request.path).parent / "gather.cpp", source / "gather.cpp"]
    # a count that is put into a smaller type is an error
    flags = ["-std=c++20", "-O1", "-Wall", "-Wconversion", "-Werror", "-Wno-sign-conversion"]
    command = [compiler, *flags, f"-I{source}", *map(str, sources), "-o", str(program)]
    subprocess.run(command, check=True)
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    found = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    # calls, atoms, edges; a block of one atom is padded to two
    assert found[:4] == 4 * [(40, 40, 2 * 40 * 39)]
    assert found[4:] == 6 * [(1, 40, 40 * 39)]
