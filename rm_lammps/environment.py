"""What commands make of the environment they are started in, before anything heavy is loaded."""

import locale
import os
import sys
import tempfile
from contextlib import suppress
from typing import Any, TextIO

from rm_lammps.errors import UserError

THREADS = "OMP_NUM_THREADS"
_TEMPORARY = ("TMPDIR", "TEMP", "TMP")
_UTF8 = frozenset({"utf-8", "utf8", "cp65001"})


class Tolerant:
    """A text stream whose faults stop nothing: progress on a full disk is no reason to give up.

    Args:
        stream: the one that is written to; ``None`` where the process was started without.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.fault: Exception | None = None
        """The first one."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write what can be written."""
        try:
            if self._stream is not None:
                self._stream.write(text)
        except (OSError, ValueError) as error:
            self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        try:
            if self._stream is not None:
                self._stream.flush()
        except (OSError, ValueError) as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        with suppress(OSError, ValueError):
            # or the interpreter tries again at its end, and fails with another exit code
            if self._stream is not None:
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
        self.fault, self._stream = error, None

    def isatty(self) -> bool:
        """Whether somebody is looking."""
        return self._stream is not None and self._stream.isatty()

    @property
    def encoding(self) -> str:
        """Of the stream."""
        return self._stream.encoding if self._stream is not None else "utf-8"

    def fileno(self) -> int:
        """File descriptor, for child processes."""
        if self._stream is None:
            raise OSError("the stream is closed")
        return self._stream.fileno()


def prepare() -> None:
    """Make the environment one that commands, and the libraries under them, can work in.

    Starts the interpreter again in UTF-8 mode where the locale's encoding is another (files are
    UTF-8 everywhere), and without ``-O``, under which libraries lose checks that they rely on.

    Raises:
        UserError: the folder for temporary files can't be used.
    """
    _start_again_if_need_be()
    _open_missing_streams()
    # results are in files; what is shown is for whoever looks
    sys.stdout, sys.stderr = Tolerant(sys.stdout), Tolerant(sys.stderr)
    if not _whole_number(os.environ.get(THREADS, "")):
        os.environ[THREADS] = "1"
    check_temporary_folder()


def check_temporary_folder() -> None:
    """Check that what is named as folder for temporary files is one.

    Raises:
        UserError: it is missing, or can't be written to.
    """
    for name in _TEMPORARY:
        folder = os.environ.get(name)
        if not folder:
            continue
        try:
            with tempfile.TemporaryFile(dir=folder):
                return
        except OSError as error:
            raise UserError(
                f"{name}={folder} can't hold temporary files: {error.strerror}.",
                f"Make that folder, or unset {name}.",
            ) from error


def one_thread() -> str:
    """Let this process compute with one thread: each rank relaxes its own seeds, on its own core.

    Returns:
        A note for the user where the environment said otherwise; empty where it didn't.
    """
    asked = os.environ.get(THREADS, "1")
    os.environ[THREADS] = "1"
    if asked == "1":
        return ""
    return (
        f"{THREADS}={asked} was set to 1: threads make ranks slower, up to ten times. "
        "More ranks use more cores."
    )


def _start_again_if_need_be() -> None:
    encoding = locale.getpreferredencoding(False).lower()
    wrong_encoding = not sys.flags.utf8_mode and encoding not in _UTF8
    if not (wrong_encoding or sys.flags.optimize):
        return
    os.environ.pop("PYTHONOPTIMIZE", None)
    os.environ["PYTHONUTF8"] = "1"
    # what is shown stays in the terminal's own letters
    os.environ.setdefault("PYTHONIOENCODING", f"{encoding}:replace")
    kept = [word for word in sys.orig_argv[1:] if word not in {"-O", "-OO"}]
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *kept])


def _open_missing_streams() -> None:
    """Standard streams that were closed: files opened later would take their numbers."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _whole_number(text: str) -> bool:
    return text.strip().isdecimal() and int(text) > 0
