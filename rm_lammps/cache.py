"""The user's cache: compiled models and plugins, which belong to this machine and these versions.

Imported at every start of ``lmp``, so only the standard library is used here.
"""

import hashlib
import os
import platform
import re
from pathlib import Path


def cache_folder() -> Path:
    """Root of the cache: ``$RM_LAMMPS_CACHE``, else ``$XDG_CACHE_HOME/rm_lammps``."""
    explicit = os.environ.get("RM_LAMMPS_CACHE")
    if explicit:
        return Path(explicit).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "rm_lammps"


_COMPILED_FOR = re.compile(
    r"(avx|sse|ssse|pni$|fma|bmi|f16c|popcnt|abm|lzcnt|movbe|aes|vaes|pclmul|vpclmul|gfni|sha|adx|amx"
    r"|xop|asimd|fp|neon|sve|sme$|crc32|atomics|bf16|i8mm|lse|lsx|lasx|zv|vsx)"
)
"""Extensions that a compiler makes use of, as Linux names them."""


def cpu_type() -> str:
    """Name of this CPU with a hash of its instruction set: compiled models run only on their own.

    Nodes of one cluster may differ, so the instruction-set flags count, not the name alone; flags
    that come and go with the microcode or the kernel don't.
    """
    name, flags = platform.machine(), ""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                name = value.strip()
            elif key.strip() in {"flags", "Features"}:
                flags = " ".join(sorted(filter(_COMPILED_FOR.match, value.split())))
                break
    except OSError:
        pass
    return f"{name} [{hashlib.sha256(flags.encode()).hexdigest()[:8]}]"


def key(*parts: str) -> str:
    """Short name for a cache folder, different whenever one of ``parts`` is."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
