"""Markdown of a page -> HTML that a browser may be given. What a model wrote is data: shown, never trusted.

Raw HTML that tables and formulas need passes, all other "<" becomes text, so that a page which shows code keeps it;
then nh3 goes over the whole, last of all, and lets through nothing but a list of harmless elements.
"""

from __future__ import annotations

import html
import re
from collections.abc import MutableMapping, Sequence
from functools import cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from jobs.domain.chat import storable
from jobs.domain.tables import SPAN_LIMIT, latex_spans
from jobs.gateways import formulas

INPUT_LIMIT_SIGNS = 500_000
OUTPUT_LIMIT_BYTES = 2_000_000
# html5ever looks through all open elements at each of these: 50,000 nested ones took 12 s, 2,000 take none.
RAW_BLOCKS_LIMIT = 2000
MATHML_LIMIT_SIGNS = 30_000  # of LaTeX on one page: about half a second, and half a megabyte

TABLE_TAGS = frozenset({"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"})
BLOCK_TAGS = frozenset({"p", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "center", "blockquote", "pre", "ul", "ol", "li"})
INLINE_TAGS = frozenset({"br", "strong", "em", "b", "i", "u", "s", "del", "sup", "sub", "code"})
TAGS = TABLE_TAGS | BLOCK_TAGS | INLINE_TAGS
ATTRIBUTES = {"td": {"rowspan", "colspan", "align"}, "th": {"rowspan", "colspan", "align"}, "ol": {"start"}}
MATH_CLASSES = ("math", "math display")
TOO_LONG = "<p>This page is too long to be shown in full. Download it as Markdown to read the rest.</p>\n"

_RAW = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})(?=[\s/>])[^<>]{0,300}>|<")
_HELD = re.compile("\ue000([0-9]{1,6})\ue001")
_CELL_EDGE = re.compile(r"</?t(?:able|d|h|r)\b", re.IGNORECASE)


def to_html(markdown: str, *, mark_math: bool = False, mathml: bool = False) -> str:
    r"""A fragment of at most 2 MB. LaTeX between \( \) and \[ \] stays as text, for a renderer in the browser.

    With `mark_math` each formula stands in `<span class="math">`, or `"math display"`, for static/js/math.js. With
    `mathml` it becomes MathML, for a file that has no script; what cannot be converted stays as text.
    """
    text = storable(markdown)
    cut = TOO_LONG if len(text) > INPUT_LIMIT_SIGNS else ""
    held: list[str] = []
    rendered = _parser().render(_without_latex(text[:INPUT_LIMIT_SIGNS], held), {"raw_blocks": 0})
    # Formulas come in after the sanitiser: those of gateways.formulas are harmless by how they are made.
    safe = _with_mathml(_clean(rendered), held) if mathml else _clean(_with_latex(rendered, held, mark_math))
    if len(safe.encode()) <= OUTPUT_LIMIT_BYTES:
        return cut + safe
    return TOO_LONG + _clean(f"<pre>{html.escape(text[: OUTPUT_LIMIT_BYTES // 24])}</pre>")


def _without_latex(text: str, held: list[str]) -> str:
    r"""Formulas put aside: Markdown would take \( for an escaped bracket and a_1 for emphasis."""
    parts, last = [], 0
    for start, end in latex_spans(text):
        formula = text[start:end]
        if _CELL_EDGE.search(formula) or "\n\n" in formula:
            continue  # two brackets that only look like one formula
        parts += [text[last:start], f"\ue000{len(held)}\ue001"]
        held.append(formula)
        last = end
    return "".join(parts) + text[last:]


def _with_latex(rendered: str, held: Sequence[str], mark_math: bool) -> str:
    def restored(found: re.Match[str]) -> str:
        number = int(found[1])
        if number >= len(held):
            return found[0]
        formula = html.escape(held[number])
        kind = "math display" if formula.startswith("\\[") else "math"
        return f'<span class="{kind}">{formula}</span>' if mark_math else formula

    return _HELD.sub(restored, rendered)


def _with_mathml(cleaned: str, held: Sequence[str]) -> str:
    room = MATHML_LIMIT_SIGNS

    def restored(found: re.Match[str]) -> str:
        nonlocal room
        number = int(found[1])
        if number >= len(held):
            return found[0]
        formula = held[number]
        room -= len(formula)
        made = formulas.mathml(formula) if room >= 0 else None
        return html.escape(formula) if made is None else made

    return _HELD.sub(restored, cleaned)


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "breaks": True, "maxNesting": 20}, renderer_cls=_Renderer)
    parser.enable(["table", "strikethrough"])
    # Links and images lead outside; indentation and underlining mean nothing on a scanned page.
    parser.disable(["link", "image", "autolink", "reference", "code", "lheading"])
    return parser


class _Renderer(RendererHTML):
    def html_block(self, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]) -> str:
        return _known_tags_alone(tokens[idx].content, env)

    def html_inline(self, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]) -> str:
        return _known_tags_alone(tokens[idx].content, env)


def _known_tags_alone(raw: str, env: MutableMapping[str, Any]) -> str:
    """Raw HTML with every "<" that opens no tag of ours turned into text."""

    def kept(found: re.Match[str]) -> str:
        name = (found[2] or "").lower()
        if name in BLOCK_TAGS and not found[1]:
            env["raw_blocks"] += 1
        allowed = name in TAGS and (name not in BLOCK_TAGS or env["raw_blocks"] <= RAW_BLOCKS_LIMIT)
        return found[0] if allowed else "&lt;" + found[0][1:]

    return _RAW.sub(kept, raw)


def _clean(fragment: str) -> str:
    return nh3.clean(
        fragment,
        # A span is ours alone: one that the text brings was turned into words before.
        tags=TAGS | {"span"},
        attributes=ATTRIBUTES | {"span": {"class"}},
        attribute_filter=_checked,
        url_schemes=set(),
        link_rel=None,
        strip_comments=True,
    )


def _checked(tag: str, attribute: str, value: str) -> str | None:
    if tag == "span":
        return value if value in MATH_CLASSES else None
    if attribute == "align":
        return value.lower() if value.lower() in ("left", "center", "right") else None
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        return None
    return str(min(max(int(value), 1), SPAN_LIMIT)) if attribute != "start" else value
