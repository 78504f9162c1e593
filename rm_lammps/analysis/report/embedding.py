"""What a page carries within itself: libraries, plots, colours."""

import base64
import gzip
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import chemiscope
import plotly
import plotly.graph_objects as go
from ase.data import chemical_symbols
from ase.data.colors import jmol_colors
from matplotlib.colors import to_hex

HERE = Path(__file__).parent
"""Folder of templates, styles and scripts."""


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
