"""Faults of structure files, by line, on their way to a message that names the file."""


class FormatError(ValueError):
    """A file's content is not what its format asks for.

    Args:
        problem: what is wrong.
        line: where, counted from 1; ``None`` where no line can be named.
        frame: which structure of the file, counted from 0; ``None`` where none can be named.
        hint: what to do about it.
    """

    def __init__(
        self, problem: str, *, line: int | None = None, frame: int | None = None, hint: str = ""
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line
        self.frame = frame
        self.hint = hint

    def where(self) -> str:
        """Frame and line, to stand behind the file's name."""
        frame = "" if self.frame is None else f", frame {self.frame}"
        return frame + ("" if self.line is None else f" (line {self.line})")
