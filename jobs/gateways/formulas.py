r"""LaTeX -> MathML. What a model wrote is data: only known elements and harmless attributes come out, all else is
refused, and whoever asks shows the source instead.

latex2mathml leaves text unescaped and lets \href, \style and \def through, so its own serialisation is never used: the
tree is read, checked and written anew here.
"""

from __future__ import annotations

import html
import re
from html import escape
from xml.etree.ElementTree import Element

from latex2mathml import exceptions
from latex2mathml.converter import convert_to_element

LATEX_LIMIT_SIGNS = 3000  # a page's largest formulas have some hundred; these take about 50 ms
DEPTH_LIMIT = 60  # elements within each other, of the tree
ELEMENTS_LIMIT = 4000

# https://www.w3.org/TR/mathml-core/, of it what LaTeX becomes; an attribute is kept where its value has this form.
TAGS = frozenset(
    {"math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot", "mstyle", "mpadded", "mphantom",
     "msub", "msup", "msubsup", "munder", "mover", "munderover", "mtable", "mtr", "mtd", "semantics", "annotation"}
)  # fmt: skip
_TRUTH, _LENGTH = re.compile(r"true|false"), re.compile(r"-?[0-9]{0,2}(\.[0-9]{1,4})?(em|ex|pt|px)|0")
ATTRIBUTES = {
    "display": re.compile("inline|block"), "stretchy": _TRUTH, "fence": _TRUTH, "accent": _TRUTH, "accentunder": _TRUTH,
    "displaystyle": _TRUTH, "movablelimits": _TRUTH, "largeop": _TRUTH, "symmetric": _TRUTH,
    "form": re.compile("prefix|infix|postfix"), "scriptlevel": re.compile(r"[+-]?[0-3]"),
    "columnalign": re.compile("(left|center|right)( (left|center|right)){0,40}"), "linethickness": _LENGTH,
    "width": _LENGTH, "lspace": _LENGTH, "rspace": _LENGTH, "minsize": _LENGTH, "maxsize": _LENGTH,
    "mathvariant": re.compile("[a-z-]{4,24}"),
}  # fmt: skip
# Macros are how a few letters become a billion, and what defines them has no place in a page that was read.
_REFUSED = re.compile(r"\\(?:[gex]?def|let|(?:re)?newcommand|providecommand|newenvironment|DeclareMathOperator|csname)")
_INNER_ALIGNED = re.compile(r"\\(begin|end)\{(?:aligned|alignedat|gathered|split|gather\*?|multline\*?)\}")
# All that latex2mathml raises for a text that is no LaTeX, its own and what slips through.
_FAILURES: tuple[type[Exception], ...] = (
    *(kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, Exception)),
    RecursionError, LookupError, ValueError, TypeError, AttributeError, StopIteration, RuntimeError,
)  # fmt: skip


def tree(formula: str) -> Element | None:
    r"""The MathML of `\(…\)` or `\[…\]` with plain text inside; None where it cannot or should not be converted."""
    latex = formula[2:-2].strip()
    if not latex or len(latex) > LATEX_LIMIT_SIGNS or _REFUSED.search(latex):
        return None
    display = "block" if formula.startswith("\\[") else "inline"
    try:
        made = convert_to_element(_INNER_ALIGNED.sub(r"\\\1{align*}", latex), display=display)
    except _FAILURES:
        return None  # what a model wrote need not be LaTeX: its source is shown
    return _checked(made, [ELEMENTS_LIMIT])


def mathml(formula: str) -> str | None:
    """As `tree`, written out, with the LaTeX beside it for whoever copies or searches; None as there."""
    made = tree(formula)
    if made is None:
        return None
    shown = made.get("display") or "inline"
    inside = "".join(_written(child) for child in made)
    source = f'<annotation encoding="application/x-tex">{escape(formula)}</annotation>'
    return f'<math display="{shown}"><semantics><mrow>{inside}</mrow>{source}</semantics></math>'


def _checked(element: Element, left: list[int], depth: int = 0) -> Element | None:
    """A copy with the known alone. None where a part is unknown, says a command that was not understood, or is too
    deep."""
    left[0] -= 1
    text = html.unescape(element.text or "")
    if element.tag not in TAGS or depth > DEPTH_LIMIT or left[0] < 0 or _not_understood(element.tag, text):
        return None
    kept = {name: value for name, value in element.attrib.items() if _harmless(name, value)}
    copy = Element(element.tag, kept)
    copy.text = text
    for child in element:
        inner = _checked(child, left, depth + 1)
        if inner is None:
            return None
        copy.append(inner)
    return copy


def _not_understood(tag: str, text: str) -> bool:
    r"""latex2mathml shows an unknown command, and a stray & of an alignment, as letters."""
    return tag != "mtext" and (text.startswith("\\") or (text in ("&", "{", "}") and tag == "mi"))


def _harmless(name: str, value: str) -> bool:
    form = ATTRIBUTES.get(name)
    return form is not None and form.fullmatch(value) is not None


def _written(element: Element) -> str:
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in element.attrib.items())
    inside = escape(element.text or "", quote=False) + "".join(_written(child) for child in element)
    return f"<{element.tag}{attributes}>{inside}</{element.tag}>"
