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
    formula = html.unescape(found[3])
    if found[2] == "(":
        return convert(formula, display="inline")
    # on a phone a formula is wider than the page
    return f'<div style="overflow-x: auto">{convert(formula, display="block")}</div>'
