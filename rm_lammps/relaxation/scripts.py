"""LAMMPS scripts in memory: a thousand ranks that read them for each seed stall a file system."""

from collections.abc import Mapping
from pathlib import Path

from rm_lammps.errors import UserError


def load_script(path: Path, variables: Mapping[str, object]) -> str:
    """Read a script, with the scripts it includes in their places.

    Args:
        path: of the script.
        variables: values of ``${name}`` in the names of included files.

    Raises:
        UserError: a script is missing.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise UserError(
            f"Can't read the LAMMPS script {path}: {error.strerror}.",
            "The installation or the bundle is damaged: install again, or run rm-deploy again.",
        ) from error
    lines = []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["include"]:
            name = words[1]
            for variable, value in variables.items():
                name = name.replace(f"${{{variable}}}", str(value))
            lines.append(load_script(path.parent / name, variables))
        elif words and not line.lstrip().startswith("#"):
            lines.append(line)
    return "\n".join(lines)
