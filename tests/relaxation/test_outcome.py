"""What LAMMPS's messages stand for."""

import pytest

from rm_lammps.relaxation.outcome import Reason, classify


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("ERROR: Lost atoms: original 8 current 7 (src/thermo.cpp:494)", Reason.LOST_ATOMS),
        ("ERROR: Triclinic box skew is too large (src/domain.cpp:219)", Reason.BAD_BOX),
        ("ERROR: Non-numeric box dimensions - simulation unstable", Reason.NOT_FINITE),
        ("ERROR: Box bounds are invalid or missing", Reason.BAD_BOX),
        ("Pair style allegro: atoms 1 and 2 are at the same place", Reason.NOT_FINITE),
        ("Pair style allegro: Evaluating /home/box/model failed: x", Reason.MODEL_ERROR),
        ("ERROR: Cannot open file /scratch/box/in.lmp: No such file", Reason.LAMMPS_ERROR),
        ("ERROR on proc 0: Bad thing (/tmp/lost atoms/src/x.cpp:3)", Reason.LAMMPS_ERROR),
        (
            "ERROR: Energy was not tallied (src/min.cpp:3)\nLast input line: fix box all box/relax",
            Reason.LAMMPS_ERROR,
        ),
        ("ERROR: Unknown command: boxes", Reason.LAMMPS_ERROR),
    ],
)
def test_classes_of_messages(message, reason):
    assert classify(message) is reason
