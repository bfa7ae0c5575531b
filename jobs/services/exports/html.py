"""One HTML file that needs nothing beside it: styles inside, figures as data, no script, no address."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
from collections.abc import Iterator

from jobs.domain.rendering import Figure
from jobs.gateways import markup
from jobs.gateways.page_images import PageImage
from jobs.models import Document, Page
from jobs.services.exports import content, pictures
from jobs.services.exports.plain import inside_comment

STYLE = """
body{margin:0 auto;padding:2rem 1.25rem 4rem;max-width:46rem;font:1.05rem/1.6 Georgia,'Times New Roman',serif;
color:#1d2125;background:#fff;overflow-wrap:anywhere}
h1,h2,h3,h4,h5,h6{line-height:1.25}
section{border-top:1px solid #d5d9dd;margin-top:2.5rem;padding-top:.5rem}
.number{font:.8rem system-ui,sans-serif;color:#5b6670}
.missing{background:#fdf3e1;padding:.5rem .75rem}
figure{margin:1.5rem 0}img{max-width:100%;height:auto}
.table{overflow-x:auto}table{border-collapse:collapse}td,th{border:1px solid #c3c9cf;padding:.3rem .55rem;
vertical-align:top}
pre{white-space:pre-wrap}
math[display=block]{margin:1rem 0}
@media (prefers-color-scheme:dark){body{color:#e4e6e8;background:#16191c}section,td,th{border-color:#3c444b}
.number{color:#a3adb6}.missing{background:#3a2f18}}
@media print{section{break-before:page;border:0}}
"""
POLICY = (
    "default-src 'none'; img-src data:; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'"
)


def as_html(document: Document) -> Iterator[str]:
    """What a model wrote goes through gateways.markup; everything else here is ours or escaped."""
    yield _head(document)
    for page in content.pages(document):
        yield from _page(document, page)
    yield "</body>\n</html>\n"


def _head(document: Document) -> str:
    name = html.escape(document.name)
    note = content.missing_note(document)
    return (
        '<!doctype html>\n<html lang="">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="referrer" content="no-referrer">\n<title>{name}</title>\n<style>{STYLE}</style>\n</head>\n'
        f"<body>\n<header><p>{name}</p>{_note(note)}</header>\n"
    )


def _note(words: str) -> str:
    return f'<p class="missing">{html.escape(words)}</p>' if words else ""


def _page(document: Document, page: Page) -> Iterator[str]:
    yield f'<section id="page-{page.number}">\n<p class="number">Page {page.number}</p>\n'
    missing = content.missing_words(page)
    if missing:
        yield f"<!-- {inside_comment(missing)} -->\n{_note(missing)}\n"
    else:
        yield from _body(document, page)
    yield "</section>\n"


def _body(document: Document, page: Page) -> Iterator[str]:
    parts = content.parts(page)
    with contextlib.ExitStack() as stack:
        picture = None
        if any(isinstance(part, Figure) for part in parts) and (picture := pictures.open_page(document, page)):
            stack.enter_context(picture)
        for part in parts:
            yield _figure(page, part, picture) if isinstance(part, Figure) else _text(part)


def _text(markdown: str) -> str:
    made = markup.to_html(markdown, mathml=True)
    return made.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")


def _figure(page: Page, figure: Figure, picture: PageImage | None) -> str:
    name = f"Figure {figure.number} of page {page.number}"
    if picture is None:
        return f'<p class="missing">{name}: its picture is not there any more.</p>\n'
    data = base64.b64encode(picture.crop(pictures.box_in(picture, page, figure.box))).decode()
    return f'<figure><img alt="{name}" src="data:image/jpeg;base64,{data}"></figure>\n'
