"""What a page carries within itself: libraries, plots, colours."""

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import chemiscope
import jinja2
import plotly
import plotly.graph_objects as go
from ase.data import chemical_symbols
from ase.data.colors import jmol_colors
from markupsafe import Markup
from matplotlib.colors import to_hex

HERE = Path(__file__).parent
"""Folder of templates, styles and scripts."""


def filled(
    template: str,
    libraries: Mapping[str, str],
    plots: Mapping[str, go.Figure],
    filters: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
    **parts: Any,
) -> str:
    """A page as text, with all that it needs within itself.

    Args:
        template: name of the file in this folder.
        libraries: scripts by name.
        plots: figures by name.
        filters: that the template uses, by name.
        parts: whatever else the template names.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(filters)
    return environment.get_template(template).render(
        libraries={name: packed(text) for name, text in libraries.items()},
        plots={name: plain(figure) for name, figure in plots.items()},
        element_colours=element_colours(),
        style=Markup((HERE / "page.css").read_text()),
        script=Markup((HERE / "page.js").read_text()),
        version=version("rm_lammps"),
        **parts,
    )


def element_colours() -> dict[str, str]:
    """Hexadecimal RGB by symbol, those of the 3D view."""
    return {symbol: to_hex(rgb) for symbol, rgb in zip(chemical_symbols, jmol_colors, strict=False)}


def plain(figure: go.Figure) -> dict[str, Any]:
    """A figure as plain data."""
    return json.loads(figure.to_json())


def plotly_script() -> str:
    """The library that draws the plots."""
    return files(plotly).joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")


def chemiscope_script() -> str:
    """The library that draws structures."""
    # the build that chemiscope's own headless mode loads
    script = files(chemiscope).joinpath("sphinx", "static", "chemiscope.min.js")
    return script.read_text(encoding="utf-8")


def packed(text: str) -> str:
    """Compressed, in letters that need no escaping: a third of the size, unpacked by page.js."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()
