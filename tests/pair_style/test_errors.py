"""Bad input ends in an error that says what and what to do: no crash, no hang, on any rank."""

import zipfile

import pytest

ATOMS = """
units metal
atom_modify map array
lattice diamond 3.6
region box block 0 2 0 2 0 2
create_box 2 box
create_atoms 1 box
mass * 12.011
pair_style allegro
"""


def refused(output, *texts):
    assert output.code != 0, output.text
    assert "ERROR" in output.text
    flat = " ".join(output.text.split())
    for text in texts:
        assert text in flat, output.text[-2000:]
    for crash in ("Segmentation", "terminate called", "signal 11", "what():"):
        assert crash not in output.text


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_missing_file(ranks, run_lmp):
    output = run_lmp(ATOMS + "pair_coeff * * nowhere.nequip.pt2 C C", ranks, timeout=60)
    refused(output, "There is no file nowhere.nequip.pt2 (working folder: ")


@pytest.mark.parametrize("content", ["text", "zip", "truncated", "empty", "folder"])
def test_file_that_is_no_model(content, carbon_graph, new_lammps, tmp_path):
    file = tmp_path / "bad.nequip.pt2"
    if content == "folder":
        file.mkdir()
    elif content == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a", "b")
    else:
        whole = carbon_graph.read_bytes()
        data = {"text": b"units metal\n" * 50, "truncated": whole[: len(whole) // 2], "empty": b""}
        file.write_bytes(data[content])
    lmp = new_lammps(ATOMS)
    message = "There is no file" if content == "folder" else "is no model"
    with pytest.raises(Exception, match=message):
        lmp.command(f"pair_coeff * * {file} C C")


def test_file_that_is_no_model_on_two_ranks(run_lmp, tmp_path):
    (tmp_path / "bad.nequip.pt2").write_text("nothing")
    output = run_lmp(ATOMS + "pair_coeff * * bad.nequip.pt2 C C", 2, timeout=60)
    refused(output, "bad.nequip.pt2 is no model", "rm-deploy")


def test_file_that_only_one_rank_lacks(carbon, run_python):
    """Node-local folders differ: every rank raises, none waits for ever."""
    output = run_python(
        """
        from mpi4py import MPI
        from lammps import lammps
        rank = MPI.COMM_WORLD.rank
        lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
        lmp.commands_string(ATOMS)
        file = MODEL if rank != 1 else "/nowhere/model.nequip.pt2"
        try:
            lmp.command(f"pair_coeff * * {file} C C")
        except Exception as error:
            assert "There is no file /nowhere" in str(error), error
            MPI.COMM_WORLD.barrier()
            if rank == 0:
                print("RESULT raised 1")
        """,
        ranks=2,
        atoms=ATOMS,
        model=carbon,
    )
    assert output.code == 0, output.text
    assert output.values("raised")[0] == 1


def test_model_of_another_torch(carbon_graph, edit_metadata, new_lammps, tmp_path):
    file = edit_metadata(carbon_graph, tmp_path / "old.nequip.pt2", torch_version="2.6.0")
    lmp = new_lammps(ATOMS)
    with pytest.raises(Exception, match=r"with torch 2\.6\.0, but .* compile the model again"):
        lmp.command(f"pair_coeff * * {file} C C")


def test_model_of_another_device(carbon_graph, edit_metadata, run_lmp, tmp_path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has the other device")
    edit_metadata(carbon_graph, tmp_path / "gpu.nequip.pt2", AOTI_DEVICE_KEY="cuda")
    output = run_lmp(ATOMS + "pair_coeff * * gpu.nequip.pt2 C C", 2, timeout=60)
    refused(output, "compiled for a GPU", "finds none on this node", "compile it for cpu")


def test_model_for_another_program(carbon_graph, edit_metadata, new_lammps, tmp_path):
    file = edit_metadata(
        carbon_graph,
        tmp_path / "ase.nequip.pt2",
        nequip_aoti_inputs="pos edge_index atom_types cell",
    )
    lmp = new_lammps(ATOMS)
    with pytest.raises(Exception, match=r"compiled for another program .* --target pair_allegro"):
        lmp.command(f"pair_coeff * * {file} C C")


def test_target_that_the_file_lacks(plain_carbon, new_lammps):
    lmp = new_lammps(ATOMS + "pair_style allegro target edges")
    with pytest.raises(Exception, match="holds no target edges; remove it"):
        lmp.command(f"pair_coeff * * {plain_carbon} C C")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:-1000], "is cut short or has grown"),
        (lambda text: text + b"x", "is cut short or has grown"),
        (lambda text: text.replace(b"allegro-weights 1", b"allegro-weights 7"), "another format"),
        (lambda text: text.replace(b"type_names C", b"type_name C"), "nothing about its 'type_n"),
        (lambda text: text.replace(b"type_names C", b"type_names C H"), "do not fit together"),
        (lambda text: text.replace(b"\n\n\1", b"\n\n\7"), "could not be read"),
    ],
)
def test_broken_weights(change, message, carbon, new_lammps, tmp_path):
    file = tmp_path / "broken.allegro"
    content = change(carbon.read_bytes())
    assert content != carbon.read_bytes()
    file.write_bytes(content)
    lmp = new_lammps(ATOMS)
    with pytest.raises(Exception, match=message):
        lmp.command(f"pair_coeff * * {file} C C")


@pytest.mark.parametrize("target", ["edges", "positions"])
def test_weights_hold_no_graph(target, carbon, new_lammps):
    lmp = new_lammps(ATOMS + f"pair_style allegro target {target}")
    with pytest.raises(Exception, match=f"holds no target {target}; remove it"):
        lmp.command(f"pair_coeff * * {carbon} C C")


def test_model_without_type_names(carbon_graph, edit_metadata, new_lammps, tmp_path):
    file = edit_metadata(carbon_graph, tmp_path / "odd.nequip.pt2", type_names=None)
    lmp = new_lammps(ATOMS)
    with pytest.raises(Exception, match="says nothing about its 'type_names'"):
        lmp.command(f"pair_coeff * * {file} C C")


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ("C Xx", "does not know Xx .atom type 2.; it knows: C"),
        ("C", "1 elements given, but there are 2 atom types"),
        ("C C C", "3 elements given, but there are 2 atom types"),
        ("NULL NULL", "names no element"),
    ],
)
def test_wrong_elements(elements, message, carbon, new_lammps):
    lmp = new_lammps(ATOMS)
    with pytest.raises(Exception, match=message):
        lmp.command(f"pair_coeff * * {carbon} {elements}")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("pair_style allegro colour red", "unknown setting 'colour red'; known are: block"),
        ("pair_style allegro block", "a value is missing after block"),
        ("pair_style allegro block 0", "block must be 1 to 2147483647 edges, or all, not 0"),
        ("pair_style allegro block -5", "block must be 1 to 2147483647 edges, or all, not -5"),
        ("pair_style allegro block 2147483648", "1 to 2147483647 edges, or all, not 2147483648"),
        ("pair_style allegro block 99999999999999999999", "99999999999999999999"),
        ("pair_style allegro block many", "many"),
        ("pair_style allegro gpu -3", "gpu must be 0 or more, not -3"),
        ("pair_style allegro isolated perhaps", "unknown setting 'isolated perhaps'"),
        ("pair_style allegro\npair_coeff 1 1 file C", r"must start with \* \*"),
        ("pair_style allegro\nrun 0", "(?i)pair coeff|there is no pair_coeff"),
    ],
)
def test_wrong_commands(command, message, new_lammps):
    lmp = new_lammps(ATOMS)
    with pytest.raises(Exception, match=message):
        lmp.commands_string(command)


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_atoms_on_one_spot(ranks, carbon, run_lmp):
    output = run_lmp(
        ATOMS + f"create_atoms 1 single 0 0 0\npair_coeff * * {carbon} C C\nrun 0",
        ranks,
        timeout=60,
    )
    refused(output, "are at the same place")


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_fault_between_the_steps_at_which_ranks_look_for_faults(ranks, carbon, run_lmp):
    """One atom passes through another, in one step and on one rank: all end, and say when."""
    output = run_lmp(
        ATOMS
        + f"""
        pair_coeff * * {carbon} C C
        create_atoms 1 single 0.2 0.2 0.2
        create_atoms 1 single 0.5 0.2 0.2
        group bullet id $(atoms)
        timestep 0.001
        fix 1 bullet move linear -100.0 0.0 0.0
        thermo 1000
        run 20
        """,
        ranks,
        timeout=60,
    )
    refused(output, "are at the same place (step 3)")


@pytest.mark.parametrize("ranks", [1, 2])
def test_positions_that_are_no_numbers(ranks, carbon, run_python):
    """Every rank raises; a program that catches the error goes on with another structure."""
    output = run_python(
        """
        import numpy as np
        from mpi4py import MPI
        from lammps import lammps
        lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
        lmp.commands_string(SCRIPT)
        wanted = lmp.get_thermo("pe")
        x = lmp.numpy.extract_atom("x")
        x[0, 0] = np.nan
        try:
            lmp.command("run 1 pre no post no")
        except Exception as error:
            assert "is not a number" in str(error), error
        else:
            raise SystemExit("no error")
        lmp.command("clear")
        lmp.commands_string(SCRIPT)
        assert abs(lmp.get_thermo("pe") - wanted) < 1e-4
        MPI.COMM_WORLD.barrier()
        if MPI.COMM_WORLD.rank == 0:
            print("RESULT raised 1")
        """,
        ranks=ranks,
        script=ATOMS + f"pair_coeff * * {carbon} C C\nrun 0",
    )
    assert output.code == 0, output.text
    assert output.values("raised")[0] == 1
