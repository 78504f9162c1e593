"""A hook of mkdocs: formulas become MathML when pages are built, so browsers need no network."""

import html
import re

from latex2mathml.converter import convert

_FORMULA = re.compile(
    r'<(span|div) class="arithmatex">\s*\\([(\[])(.*?)\\[)\]]\s*</\1>', flags=re.DOTALL
)


def on_page_content(text: str, **_: object) -> str:
    """Replace what pymdownx.arithmatex marks as a formula."""
    return _FORMULA.sub(_mathml, text)


def _mathml(found: re.Match[str]) -> str:
    display = "block" if found[2] == "[" else "inline"
    return convert(html.unescape(found[3]), display=display)
