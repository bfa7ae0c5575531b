"""MathML -> OMML, the formulas of Word: fractions, roots, scripts, sums with limits, accents, tables, brackets.

Both trees say the same in other words (ECMA-376, part 1, section 22.1). What has no counterpart is shown as its parts.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

NAMESPACE = "http://schemas.openxmlformats.org/officeDocument/2006/math"
LARGE = frozenset("∑∏∐∫∬∭∮∯∰⋀⋁⋂⋃⨀⨁⨂⨄⨆")
OPENING, CLOSING = "([{⟨⌈⌊|‖∣∥", ")]}⟩⌉⌋|‖∣∥"
SPACES = {"0.167em": "\u2009", "0.222em": "\u2005", "0.278em": "\u2004", "1em": "\u2003", "2em": "\u2003\u2003"}
BARS = {"―": "top", "‾": "top", "¯": "top", "_": "bot", "̲": "bot", "―_": "bot"}


def office_math(math: Element) -> str:
    """The `m:oMath` of a MathML tree whose text is plain; in an `m:oMathPara` where it stands on a line of its own."""
    made = f"<m:oMath>{_row(list(math))}</m:oMath>"
    wrapped = f"<m:oMathPara>{made}</m:oMathPara>" if math.get("display") == "block" else made
    return wrapped.replace(">", f' xmlns:m="{NAMESPACE}">', 1)


def _row(parts: list[Element]) -> str:
    """Elements side by side. A sum takes what follows it as what is summed, as Word has it."""
    made, at = [], 0
    while at < len(parts):
        part = parts[at]
        fenced = _fence(parts[at:])
        if fenced:
            made.append(fenced[0])
            at += fenced[1]
        elif (sign := _large(part)) is not None:
            summed = _inside(parts[at + 1]) if at + 1 < len(parts) else ""
            made.append(_nary(part, sign, summed))
            at += 2
        else:
            made.append(_inside(part))
            at += 1
    return "".join(made)


def _inside(element: Element) -> str:
    known = MAKERS.get(element.tag)
    if known is not None:
        return known(element)
    if len(element):
        return _row(list(element))
    return _run(element)


def _run(element: Element) -> str:
    words = SPACES.get(element.get("width", ""), " ") if element.tag == "mspace" else element.text or ""
    upright = element.tag == "mtext" or (element.tag in ("mi", "mo") and len(words) > 1)
    look = '<m:rPr><m:sty m:val="p"/></m:rPr>' if upright else ""
    return f'<m:r>{look}<m:t xml:space="preserve">{escape(words)}</m:t></m:r>' if words else ""


def _fence(parts: list[Element]) -> tuple[str, int] | None:
    r"""(brackets with what they hold, how many parts they took) for what \left and \right or a matrix opens."""
    first = parts[0]
    if not _is_bracket(first, OPENING) or len(parts) < 2:
        return None
    grows = first.get("form") == "prefix"
    if not grows and not (parts[1].tag == "mtable" and len(parts) > 2 and _is_bracket(parts[2], CLOSING)):
        return None
    for at in range(1, len(parts)):
        last = parts[at]
        if _is_bracket(last, CLOSING) and (not grows or last.get("form") == "postfix"):
            return _brackets(first, parts[1:at], last.text or ""), at + 1
    return _brackets(first, parts[1:], ""), len(parts)  # cases: nothing closes them


def _brackets(first: Element, inside: list[Element], end: str) -> str:
    signs = f"<m:begChr m:val={quoteattr(first.text or '')}/><m:endChr m:val={quoteattr(end)}/>"
    return f"<m:d><m:dPr>{signs}</m:dPr><m:e>{_row(inside)}</m:e></m:d>"


def _is_bracket(element: Element, signs: str) -> bool:
    text = element.text or ""
    return element.tag == "mo" and len(text) == 1 and text in signs


def _large(element: Element) -> str | None:
    """The sign of a sum, product or integral, with or without limits; None for anything else."""
    sign = element if element.tag == "mo" else element[0] if element.tag in SCRIPTS and len(element) else None
    return sign.text if sign is not None and sign.text in LARGE and len(sign.text) == 1 else None


SCRIPTS = {
    "msub": ("sub",), "msup": ("sup",), "msubsup": ("sub", "sup"),
    "munder": ("sub",), "mover": ("sup",), "munderover": ("sub", "sup"),
}  # fmt: skip


def _nary(element: Element, sign: str, summed: str) -> str:
    limits = dict(zip(SCRIPTS.get(element.tag, ()), list(element)[1:], strict=False))
    place = "undOvr" if element.tag in ("munder", "mover", "munderover") else "subSup"
    hidden = "".join(f'<m:{name}Hide m:val="1"/>' for name in ("sub", "sup") if name not in limits)
    said = f'<m:naryPr><m:chr m:val="{sign}"/><m:limLoc m:val="{place}"/>{hidden}</m:naryPr>'
    ends = "".join(f"<m:{n}>{_inside(limits[n]) if n in limits else ''}</m:{n}>" for n in ("sub", "sup"))
    return f"<m:nary>{said}{ends}<m:e>{summed}</m:e></m:nary>"


def _parts(element: Element, count: int) -> list[str]:
    made = [_inside(child) for child in element][:count]
    return made + [""] * (count - len(made))


def _fraction(element: Element) -> str:
    over, under = _parts(element, 2)
    bare = element.get("linethickness", "").startswith("0")
    look = '<m:fPr><m:type m:val="noBar"/></m:fPr>' if bare else ""
    return f"<m:f>{look}<m:num>{over}</m:num><m:den>{under}</m:den></m:f>"


def _square_root(element: Element) -> str:
    return f'<m:rad><m:radPr><m:degHide m:val="1"/></m:radPr><m:deg/><m:e>{_row(list(element))}</m:e></m:rad>'


def _root(element: Element) -> str:
    inside, degree = _parts(element, 2)
    return f"<m:rad><m:deg>{degree}</m:deg><m:e>{inside}</m:e></m:rad>"


def _scripts(element: Element) -> str:
    names = SCRIPTS[element.tag]
    base, *rest = _parts(element, 1 + len(names))
    kind = "sSubSup" if len(names) > 1 else {"sub": "sSub", "sup": "sSup"}[names[0]]
    ends = "".join(f"<m:{name}>{part}</m:{name}>" for name, part in zip(names, rest, strict=True))
    return f"<m:{kind}><m:e>{base}</m:e>{ends}</m:{kind}>"


def _over_or_under(element: Element) -> str:
    """An accent or a bar where the sign is one, else a limit above or below."""
    base, mark = _parts(element, 2)
    sign = (element[1].text or "") if len(element) > 1 and element[1].tag == "mo" else ""
    above = element.tag == "mover"
    if sign in BARS:
        return f'<m:bar><m:barPr><m:pos m:val="{"top" if above else "bot"}"/></m:barPr><m:e>{base}</m:e></m:bar>'
    if len(sign) == 1 and above:
        return f"<m:acc><m:accPr><m:chr m:val={quoteattr(sign)}/></m:accPr><m:e>{base}</m:e></m:acc>"
    kind = "limUpp" if above else "limLow"
    return f"<m:{kind}><m:e>{base}</m:e><m:lim>{mark}</m:lim></m:{kind}>"


def _under_and_over(element: Element) -> str:
    base, below, above = _parts(element, 3)
    low = f"<m:limLow><m:e>{base}</m:e><m:lim>{below}</m:lim></m:limLow>"
    return f"<m:limUpp><m:e>{low}</m:e><m:lim>{above}</m:lim></m:limUpp>"


def _table(element: Element) -> str:
    rows = [[f"<m:e>{_row(list(cell))}</m:e>" for cell in row] for row in element]
    width = max((len(row) for row in rows), default=0)
    if not width:
        return ""
    body = "".join(f"<m:mr>{''.join([*row, *['<m:e/>'] * (width - len(row))])}</m:mr>" for row in rows)
    columns = f'<m:mcs><m:mc><m:mcPr><m:count m:val="{width}"/></m:mcPr></m:mc></m:mcs>'
    return f"<m:m><m:mPr>{columns}</m:mPr>{body}</m:m>"


MAKERS: dict[str, Callable[[Element], str]] = {
    "mfrac": _fraction,
    "msqrt": _square_root,
    "mroot": _root,
    "msub": _scripts,
    "msup": _scripts,
    "msubsup": _scripts,
    "munder": _over_or_under,
    "mover": _over_or_under,
    "munderover": _under_and_over,
    "mtable": _table,
}
