from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain import chat
from jobs.domain.grounding import Block, parse
from jobs.domain.rendering import to_markdown
from jobs.gateways import markup
from jobs.gateways.markup import ATTRIBUTES, TAGS, to_html
from tests.patience import at_most
from tests.recordings import recorded


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.words = ""
        self.other: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        self.words += data

    def handle_comment(self, data):
        self.other.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def assert_harmless(page):
    seen = Elements(page)
    assert set(seen.tags) <= TAGS
    assert all(name in ATTRIBUTES.get(tag, set()) for tag, name, _ in seen.attributes)
    assert seen.other == []
    return seen


PAYLOADS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//127.0.0.1/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "[click](javascript:alert(1))",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](http://127.0.0.1/track.png)",
    "<javascript:alert(1)>",
    "[x]: javascript:alert(1)\n\n[x]",
    "<style>*{background:url(javascript:alert(1))}</style>",
    "<p style='background:url(http://127.0.0.1/)' class=x id=y>a</p>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<form action=http://127.0.0.1><input name=password><button formaction=javascript:alert(1)>x</button></form>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1'>",
    "<base href=http://127.0.0.1/>",
    "<link rel=stylesheet href=http://127.0.0.1/x.css>",
    "<object data=x></object><embed src=x>",
    "<template><script>alert(1)</script></template>",
    "<math><annotation-xml encoding='text/html'><svg/onload=alert(1)></annotation-xml></math>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<table><tr><td onmouseover=alert(1) style=x>a</td></tr></table>",
    "<table><caption onclick=alert(1)><img src=x onerror=alert(1)></caption><tr><td>a</td></tr></table>",
    "<td><script>alert(1)</script></td>",
    "| a |\n| --- |\n| <img src=x onerror=alert(1)> |",
    "<details open ontoggle=alert(1)>x</details>",
    "<video><source onerror=alert(1)></video>",
    "<b <script>alert(1)</script>>x</b>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?php echo 1 ?><img src=x onerror=alert(1)>",
    "<p\nonclick=alert(1)\n>x",
    "<center onfocus=alert(1) tabindex=1>x</center>",
    "\\(<img src=x onerror=alert(1)>\\)",
    "\\[</p><script>alert(1)</script>\\]",
    "<td title='\\(x\\)' rowspan='\\(2\\)'>a",
    "```\n<script>alert(1)</script>\n```",
    "`<img src=x onerror=alert(1)>`",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\ue0000\ue001\\(<script>alert(1)</script>\\)",
    "<table><tr><td>\\(</td><td><script>alert(1)</script></td><td>\\)</td></tr></table>",
]


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize(
    "around", ["{}", "text {} text", "# {}", "> {}", "- {}", "<table><tr><td>{}</td></tr></table>"]
)
def test_no_payload_leaves_an_element_or_a_handler(payload, around):
    assert_harmless(to_html(around.format(payload)))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nor_does_one_that_came_as_a_models_block(payload):
    for label in ("text", "table", "title"):
        blocks = [
            Block(label, (), payload),
            Block("table", (), f"<table><tr><td colspan=2>{payload}</td></tr></table>"),
        ]
        assert_harmless(to_html(to_markdown(blocks)))


SCRAPS = st.sampled_from(
    ["<", ">", "</", "script", "img", " onerror=x", "table>", "<td", "<svg>", "<math>", "<style>", "`", "\\(", "\\)",
     "\\[", "\\]", "\n", "\n\n", "|", "&lt;", "'", '"', "--", "<!--", "-->", "<p>", "<b>", "\ue000", "0", "\ue001", "x"]
)  # fmt: skip


@given(st.lists(SCRAPS, max_size=40).map("".join))
def test_no_mixture_does(text):
    assert_harmless(to_html(text))


def test_code_that_a_page_shows_is_shown():
    seen = Elements(to_html("Write <script>alert(1)</script> or <div class=x>."))
    assert "Write <script>alert(1)</script> or <div class=x>." in seen.words


def test_a_recorded_page_becomes_a_page():
    blocks = parse(chat.parse_reply(recorded("scripted_page").json()).text, 1240, 1754)
    made = to_html(to_markdown(blocks))
    seen = assert_harmless(made)
    assert "<h1>Example page</h1>" in made
    assert seen.tags.count("th") + seen.tags.count("td") == 4
    assert "emoji 🦊 and x < y & z." in seen.words


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("**a** *b* ~~c~~", "<p><strong>a</strong> <em>b</em> <s>c</s></p>\n"),
        ("1. a\n2. b", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>\n"),
        ("7. a", '<ol start="7">\n<li>a</li>\n</ol>\n'),
        ("a\nb", "<p>a<br>\nb</p>\n"),
        ("<center>a</center>", "<center>a</center>"),
        ("m<sup>2</sup> H<sub>2</sub>O", "<p>m<sup>2</sup> H<sub>2</sub>O</p>\n"),
        ("    indented", "<p>indented</p>\n"),
        ("[a](b)", "<p>[a](b)</p>\n"),
        ("", ""),
    ],
)
def test_ordinary_markdown_is_rendered(markdown, expected):
    assert to_html(markdown) == expected


def test_a_table_with_spans_keeps_them_capped():
    seen = assert_harmless(to_html('<table><tr><td rowspan="2" colspan="99999" align="RIGHT">a</td></tr></table>'))
    assert seen.attributes == [("td", "rowspan", "2"), ("td", "colspan", "1000"), ("td", "align", "right")]


@pytest.mark.parametrize("value", ["-1", "x", "1e3", "99999999999", "２", ""])
def test_odd_spans_are_dropped(value):
    assert "rowspan" not in to_html(f'<table><tr><td rowspan="{value}">a</td></tr></table>')


@pytest.mark.parametrize(
    "latex",
    [
        r"\(a_1 + b_2\)",
        r"\[E = mc^2 \qquad (3)\]",
        r"\(a < b & c\)",
        r"\(\href{javascript:alert(1)}{x}\)",
        "\\[a\n= b\n- c\\]",
    ],
)
@pytest.mark.parametrize(
    "around", ["{}", "so {} is", "# {}", "| a |\n| --- |\n| {} |", "<table><tr><td>{}</td></tr></table>"]
)
def test_latex_comes_through_as_text(latex, around):
    if "\n" in latex and ("#" in around or "| a" in around):
        latex = latex.replace("\n", " ")
    assert latex in assert_harmless(to_html(around.format(latex))).words


def test_brackets_that_only_look_like_a_formula_do_not_swallow_cells():
    seen = assert_harmless(to_html("<table><tr><td>\\(</td><td>\\)</td></tr></table>"))
    assert seen.tags.count("td") == 2


def test_text_that_no_browser_could_be_sent_is_mended():
    assert to_html("a\x00b\ud800") == "<p>ab\ufffd</p>\n"


def test_the_output_is_bounded_and_says_so():
    made = to_html("word " * 300_000)
    assert made.startswith(markup.TOO_LONG)
    assert len(made.encode()) < 2_100_000


def test_what_grows_beyond_measure_is_shown_as_plain_text():
    wide = "|a" * 3000 + "|\n" + "|-" * 3000 + "|\n" + "|b\n" * 3000
    made = to_html(wide)
    assert len(made.encode()) <= 2_100_000
    assert "a" in Elements(made).words


@pytest.mark.parametrize(
    "unit",
    ["[", "*a_", "`", "``` ", "<", "<b>", "<blockquote>", "<ul><li>", "<center>", "<table><tr><td>", "&", "&#", "> ",
     "- ", "|", "\\(", "\\[", "~~", "**", "<!--", "<?", "<![CDATA[", "<p ", "\n\n\n", "# ", "|-", "a|b\n"],
)  # fmt: skip
def test_monstrous_pages_end(unit):
    with at_most(seconds=60):  # a second or so; what is quadratic would take many minutes
        assert_harmless(to_html(unit * (300_000 // len(unit))))


def test_formulas_are_marked_for_a_renderer_on_request():
    marked = to_html("It is \\(a_1 < b\\) and\n\n\\[ \\frac{1}{2} \\]", mark_math=True)
    assert '<span class="math">\\(a_1 &lt; b\\)</span>' in marked
    assert '<span class="math display">\\[ \\frac{1}{2} \\]</span>' in marked


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_payload_hides_in_a_marked_formula(payload):
    marked = to_html(f"\\({payload}\\) <span class='math'>{payload}</span>", mark_math=True)
    seen = Elements(marked)
    assert set(seen.tags) <= TAGS | {"span"}
    assert {value for tag, _, value in seen.attributes if tag == "span"} <= {"math", "math display"}
