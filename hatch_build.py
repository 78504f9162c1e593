"""Compile the LAMMPS plugin into the wheel, which makes it a wheel for this platform.

Without a C++ compiler, or for an editable installation, the wheel has no plugin, and rm_lammps
builds it on first need. ``RM_LAMMPS_WHEEL=plugin`` makes a missing compiler an error, for releases;
``RM_LAMMPS_WHEEL=none`` leaves the plugin out.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PLACE = "rm_lammps/_files/plugin"


class PluginBuildHook(BuildHookInterface):
    """Adds the plugin's libraries to the files of the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build them before the wheel is put together."""
        choice = os.environ.get("RM_LAMMPS_WHEEL")
        if version == "editable" or choice == "none":
            return
        sys.path.insert(0, self.root)
        from rm_lammps.deployment.plugin import build_commands
        from rm_lammps.deployment.plugin_path import BUILT_FOR, source_hash
        from rm_lammps.errors import UserError

        self._scratch = Path(tempfile.mkdtemp(prefix="rm_lammps-plugin-"))
        try:
            commands = build_commands(self._scratch / "build")
        except UserError as error:
            if choice == "plugin":
                raise
            self.app.display_warning(f"The wheel gets no plugin: {error.problem}")
            return
        for command in commands:
            subprocess.run(command, check=True)
        strip = shutil.which("strip")
        libraries = sorted((self._scratch / "build").glob("*.so"))
        if strip is not None:
            subprocess.run([strip, "--strip-unneeded", *libraries], check=True)
        built_for = self._scratch / BUILT_FOR
        built_for.write_text(f"{metadata.version('lammps')}\n{source_hash()}\n")
        for file in (*libraries, built_for):
            build_data["force_include"][str(file)] = f"{_PLACE}/{file.name}"
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove what was built."""
        if hasattr(self, "_scratch"):
            shutil.rmtree(self._scratch)
