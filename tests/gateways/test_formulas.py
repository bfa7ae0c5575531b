"""LaTeX that a model wrote, as MathML: understood where it can be, harmless always."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.domain.office_math import NAMESPACE, office_math
from jobs.gateways import formulas, markup


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def assert_harmless(made: str) -> None:
    for tag, attributes in Elements(made).found:
        assert tag in formulas.TAGS | markup.TAGS, tag
        assert not set(attributes) - set(formulas.ATTRIBUTES) - {"encoding"}, attributes
        assert "javascript" not in " ".join(str(value) for value in attributes.values())


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\frac{a}{b}", "<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>"),
        (r"\sqrt[3]{x}", "<mroot><mrow><mi>x</mi></mrow><mn>3</mn></mroot>"),
        (r"x_1^2", "<msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup>"),
        (r"\alpha \le \beta", "<mi>α</mi><mo>≤</mo><mi>β</mi>"),
        (r"\begin{aligned}a &= b\\ c &= d\end{aligned}", "<mtable"),
        (r"\text{a <b> & c}", "<mtext>a\u00a0&lt;b&gt;\u00a0&amp;\u00a0c</mtext>"),
        (r"a < b", "<mo>&lt;</mo>"),
    ],
)
def test_what_it_becomes(latex, expected):
    made = formulas.mathml(rf"\({latex}\)")
    assert expected in made
    assert_harmless(made)


def test_one_on_a_line_of_its_own_is_a_block_and_keeps_its_source():
    made = formulas.mathml(r"\[ a < b \]")
    assert made.startswith('<math display="block">')
    assert '<annotation encoding="application/x-tex">\\[ a &lt; b \\]</annotation>' in made


@pytest.mark.parametrize(
    "latex",
    [
        r"\href{javascript:alert(1)}{x}",
        r"\style{background:url(http://127.0.0.1/)}{x}",
        r"\class{a}{x}",
        r"\text{<img src=x onerror=alert(1)>}",
        r"\text{&lt;script&gt;alert(1)&lt;/script&gt;}",
        r"</annotation></semantics></math><script>alert(1)</script>",
        r"\color{red;background:url(x)}{x}",
        r"\hspace{99999999cm}x",
        r"\mbox{]]><script>alert(1)</script>}",
        r"<img src=x onerror=alert(1)>",
    ],
)
def test_nothing_that_acts_comes_out(latex):
    assert_harmless(formulas.mathml(rf"\({latex}\)") or "")
    made = markup.to_html(f"a \\({latex}\\) b", mathml=True)
    assert_harmless(made)
    assert "99999999" not in "".join(str(attributes) for _, attributes in Elements(made).found)


@pytest.mark.parametrize(
    "latex",
    [
        "",
        r"\unknown{x}",
        r"\frac{",
        r"a^b^c^d",
        "{" * 1400 + "}" * 1400,
        r"\frac{" * 200 + "a" + "}{b}" * 200,
        "a+" * 50_000,
        r"\def\a{\b\b}\def\b{\c\c}\def\c{\d\d}\a",
        r"\newcommand{\a}{\a\a}\a",
        r"\let\a\b",
    ],
)
def test_what_is_no_latex_too_large_or_a_bomb_keeps_its_source(latex):
    assert formulas.tree(rf"\({latex}\)") is None
    made = markup.to_html(f"before \\({latex}\\) after", mathml=True)
    assert "<math" not in made
    assert made.startswith("<p>before \\(")


def test_a_page_of_many_formulas_converts_so_many_and_keeps_the_source_of_the_rest():
    formula = f"\\({'a+' * 500}b\\)"
    made = markup.to_html("\n\n".join([formula] * 60), mathml=True)
    assert made.count("<math") == markup.MATHML_LIMIT_SIGNS // len(formula)
    assert made.count("\\(") == 60  # as an annotation, or as it is


def test_words_around_and_tables_stay_as_they_are():
    made = markup.to_html("<table><tr><td>\\(x\\)</td><td>y</td></tr></table>\n\n**bold** \\(a_1\\)", mathml=True)
    assert "<td><math" in made
    assert "<strong>bold</strong>" in made


SCRAPS = st.sampled_from(
    ["\\frac", "{", "}", "^", "_", "\\left(", "\\right)", "\\sqrt", "[", "]", "&", "\\\\", "\\begin{matrix}", "a", "1",
     "\\end{matrix}", "\\begin{cases}", "\\end{cases}", "\\sum", "\\limits", "\\text{", "<", "'", "\\over", "\\hat",
     "\\binom", "\\substack", "\\hspace{1em}", "\\overline", "\\mathbb{R}", "%", "$", "~", "\\ ", "|", "\\color{red}",
     "\\genfrac", "\\tag", "\\not", "\\operatorname", "\\begin{array}{c|c}", "\\end{array}", "\\hline", "é", "\ue000"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(SCRAPS, max_size=25).map("".join))
def test_any_mixture_is_converted_or_kept_and_word_can_read_it(latex):
    assert_harmless(formulas.mathml(f"\\[{latex}\\]") or "")
    tree = formulas.tree(f"\\({latex}\\)")
    if tree is not None:
        ElementTree.fromstring(office_math(tree))  # noqa: S314 - our own


# ---- Word's own


def office(latex: str) -> str:
    return office_math(formulas.tree(rf"\({latex}\)"))


@pytest.mark.parametrize(
    ("latex", "parts"),
    [
        (r"\frac{a}{b}", ["m:f", "m:num", "m:den"]),
        (r"\binom{n}{k}", ["m:f", "noBar"]),
        (r"\sqrt{x}", ["m:rad", "m:degHide"]),
        (r"\sqrt[3]{x}", ["m:rad", "m:deg>"]),
        (r"x_1", ["m:sSub>"]),
        (r"x^2", ["m:sSup>"]),
        (r"x_1^2", ["m:sSubSup>"]),
        (r"\sum_{i=0}^{n} i", ["m:nary", 'm:chr m:val="∑"', "<m:e><m:r>"]),
        (r"\int f", ["m:nary", "m:subHide", "m:supHide"]),
        (r"\begin{pmatrix}a & b\\ c\end{pmatrix}", ["m:d>", 'm:begChr m:val="("', "m:mr", "<m:e/>"]),
        (r"\begin{cases}a & b\\ c & d\end{cases}", ["m:d>", 'm:begChr m:val="{"', 'm:endChr m:val=""']),
        (r"\left[ a \right]", ["m:d>", 'm:begChr m:val="["']),
        (r"\overline{ab}", ["m:bar>"]),
        (r"\vec{a}", ["m:acc>", 'm:val="→"']),
        (r"\underset{x}{y}", ["m:limLow"]),
        (r"\text{if } x < y", ["if", "&lt;"]),
    ],
)
def test_what_word_gets(latex, parts):
    made = office(latex)
    root = ElementTree.fromstring(made)  # noqa: S314 - our own
    assert root.tag == f"{{{NAMESPACE}}}oMath"
    assert [part for part in parts if part not in made] == []


def test_a_formula_on_a_line_of_its_own_is_one_in_word():
    assert office_math(formulas.tree(r"\[x\]")).startswith("<m:oMathPara ")
