"""Files that ship beside the Python code, and files written as a whole."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from rm_lammps.errors import UserError

MODEL_PACKAGE = "model.nequip.zip"
"""The packaged model in a training run's folder, and in that of a shipped model."""

MODEL_WEIGHTS = "model.allegro"
"""Its weights for the pair style's own kernel, beside it where the kernel knows the model."""

MODEL_STATISTICS = "statistics.json"
"""The statistics of its training data, beside it."""

MODEL_PROTOTYPES = "prototypes.npz"
"""Training structures of a model that carries them, beside it and in its bundle."""

MODEL_LEVELS = "levels.json"
"""The potentials of a model that is a ladder of them, beside the lowest one's package."""

LEVELS_FOLDER = "levels"
"""Where ``rm-train`` puts the further ones, each in a folder of its name."""

_PIECE = 1 << 20
"""Bytes."""
_PACKAGE = Path(__file__).resolve().parent


def shipped_folder(name: str) -> Path:
    """Folder ``deploy``, ``examples`` or ``lammps_inputs``: in the wheel, or in a checkout."""
    installed = _PACKAGE / "_files" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def pretrained_folder() -> Path:
    """Folder with one sub-folder for each model that ships with the package."""
    return _PACKAGE / "pretrained"


def shipped_models() -> list[str]:
    """Names of the models that ship with the package."""
    return sorted(path.parent.name for path in pretrained_folder().glob(f"*/{MODEL_PACKAGE}"))


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read piece by piece."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def sha256_of_all(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, or of a folder's files with their names.

    Raises:
        UserError: it can't be read.
    """
    try:
        if not path.is_dir():
            return sha256(path)
        digest = hashlib.sha256()
        for file in sorted(file for file in path.rglob("*") if file.is_file()):
            digest.update(f"{file.relative_to(path)} {sha256(file)}\n".encode())
        return digest.hexdigest()
    except OSError as error:
        raise UserError(f"Can't read {path}: {error.strerror or error}") from error


@contextmanager
def replacing(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Write a file so that it is there as a whole or not at all.

    Args:
        path: of the file; replaced when the block ends without an error.
        mode: ``w`` for text (UTF-8), ``wb`` for bytes.

    Raises:
        UserError: it can't be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open(mode, encoding=None if "b" in mode else "utf-8") as stream:
            yield stream
        partial.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        # half a file is of no use, and on a full disk it takes the room
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def check_room(folder: Path) -> None:
    """Check that a folder has room for a file of a mebibyte.

    Raises:
        OSError: it has not, or can't be written.
    """
    # every start of lmp imports this module
    import tempfile

    with tempfile.TemporaryFile(dir=folder) as stream:
        stream.write(bytes(_PIECE))
        stream.flush()


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file, as a whole or not at all.

    Raises:
        UserError: it can't be written.
    """
    with replacing(path) as stream:
        stream.write(json.dumps(content, indent=1) + "\n")


def cannot_write(path: Path, error: OSError) -> UserError:
    """Error for a full disk or a folder that went away."""
    return UserError(
        f"Can't write {path}: {error.strerror or error}.",
        "Make room and give the same command again: it goes on where it stopped.",
    )
