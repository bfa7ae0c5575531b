"""How long the list takes to answer a search over many pages, on SQLite and on PostgreSQL.

    python -m bench.search [--pages 100000] [--times 20] [--only sqlite|postgresql] [--explain]

Pages of several sentences are made from a vocabulary as skewed as a language's (Zipf); one person has them all, the
worst case. What is timed is what the list asks for one search: the counts of its filters, the first rows and the pieces
of text found. Printed per kind of question: the median, p95 and the best of several runs in milliseconds, and p95 as a
multiple of the same list's without a search, which tells machines' speeds apart.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, islice
from pathlib import Path
from statistics import median
from typing import Any

from bench.measurement import Measurement, p95

VOCABULARY = 30_000  # words a language uses in such texts; a few hundred make half of any text
SENTENCES_A_PAGE = (5, 12)
WORDS_A_SENTENCE = (6, 20)
PAGES_A_DOCUMENT = 20
MOST_MS = 100.0  # p95, on every database
BATCH = 2_000


def words(count: int) -> list[str]:
    """Made-up words, the commonest first; each once."""
    syllables = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
    chance, seen = random.Random(1), dict[str, None]()
    while len(seen) < count:
        seen[
            "".join(chance.choices(syllables, k=chance.randint(1, 4) if len(seen) < 300 else chance.randint(2, 5)))
        ] = None
    return list(seen)


class Texts:
    """Page texts, the same ones every time."""

    def __init__(self) -> None:
        self.chance = random.Random(2)
        self.words = words(VOCABULARY)
        self.weights = list(accumulate(1 / (rank + 2.7) for rank in range(VOCABULARY)))

    def page(self) -> str:
        return " ".join(self._sentence() for _ in range(self.chance.randint(*SENTENCES_A_PAGE)))

    def _sentence(self) -> str:
        count = self.chance.randint(*WORDS_A_SENTENCE)
        said = self.chance.choices(self.words, cum_weights=self.weights, k=count)
        return f"{' '.join(said).capitalize()}."


def questions(texts: Texts, some_page: str) -> dict[str, str]:
    """What people type, by its kind."""
    common, rare = texts.words, texts.words[VOCABULARY // 2 :]
    there = some_page.lower().replace(".", "").split()
    rarest = sorted(range(len(there) - 1), key=lambda at: -min(texts.words.index(w) for w in there[at : at + 2]))[0]
    return {
        "common word": common[0],
        "rare word": rare[0],
        "two common words": f"{common[1]} {common[2]}",
        "phrase of common words": f'"{common[0]} {common[1]}"',
        "phrase of the commonest three": f'"{common[2]} {common[0]} {common[1]}"',
        "phrase of rare words": f'"{there[rarest]} {there[rarest + 1]}"',
        "phrase that is nowhere": f'"{rare[1]} {rare[2]}"',
        "common without common": f"{common[0]} -{common[1]}",
        "prefix": f"{common[40][:3]}*",
        "no hit": "xyzzyx",
    }


def fill(pages: int, texts: Texts) -> Any:
    """One person with all the documents; every document is done."""
    from django.contrib.auth import get_user_model

    owner = get_user_model().objects.create_superuser("bench", password=None)
    numbers = iter(range(pages))
    while some := list(islice(numbers, BATCH)):
        _insert(owner, some, texts)
    return owner


def tidy() -> None:
    """What a database does by itself sooner or later."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")


def _insert(owner: Any, some: Sequence[int], texts: Texts) -> None:
    from django.db import transaction

    from jobs.domain.search_words import indexed
    from jobs.models import Document, Page, PageText, Reading

    with transaction.atomic():
        count = -(-len(some) // PAGES_A_DOCUMENT)
        facts: dict[str, Any] = {"owner": owner, "size_bytes": 1, "media_type": "application/pdf", "prepared": True}
        facts |= {"status": "done", "page_count": PAGES_A_DOCUMENT, "pages_done": PAGES_A_DOCUMENT}
        documents = Document.objects.bulk_create(
            [Document(name=f"scan {some[0]} {n}.pdf", sha256="0", **facts) for n in range(count)]
        )
        pages = Page.objects.bulk_create(
            Page(document=documents[at // PAGES_A_DOCUMENT], number=at % PAGES_A_DOCUMENT + 1, status="done",
                 width_pt=595, height_pt=842)
            for at in range(len(some))
        )  # fmt: skip
        readings = Reading.objects.bulk_create(
            Reading(page=page, source="recognized", text=texts.page()) for page in pages
        )
        for page, reading in zip(pages, readings, strict=True):
            page.reading = reading
        Page.objects.bulk_update(pages, ["reading"], batch_size=400)
        PageText.objects.bulk_create(
            PageText(page=p, document_id=p.document_id, scope=f"owner:{owner.pk}", words=indexed(r.text))
            for p, r in zip(pages, readings, strict=True)
        )


def ask(user: Any, query: str) -> int:
    """As the list does; gives how many documents were found."""
    from django.test import RequestFactory

    from jobs.views.listing import Listing

    request = RequestFactory().get("/documents/", {"q": query} if query else {})
    request.user = user
    listing = Listing(request)
    _ = listing.rows
    return int(listing.counts["all"])


def timed(act: Callable[[], Any], times: int) -> list[float]:
    """Milliseconds each."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        act()
        took.append((time.perf_counter() - begun) * 1000)
    return sorted(took)


def search(quick: bool) -> list[Measurement]:
    """The slowest kind of question, for `python -m bench`; on the database that was asked for."""
    from jobs.models import Reading

    pages, times = (20_000, 10) if quick else (100_000, 20)
    texts = Texts()
    user = fill(pages, texts)
    tidy()
    found = {}
    for kind, query in questions(texts, Reading.objects.order_by("pk")[pages // 2].text).items():
        ask(user, query)  # warms
        found[kind] = p95(timed(lambda query=query: ask(user, query), times))
    slowest = max(found, key=lambda kind: found[kind])
    what = f"p95 over {pages:,} pages, {slowest}"
    return [Measurement("search", what, found[slowest], "ms", at_most=MOST_MS)]


def measure(pages: int, times: int, explain: bool) -> bool:
    """In a database of its own, whose address the environment says. Whether everything was quick enough."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocrsite.settings")
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    texts = Texts()
    begun = time.perf_counter()
    user = fill(pages, texts)
    tidy()
    print(f"\n{connection.vendor}: {pages:,} pages, made in {time.perf_counter() - begun:.0f} s")
    from jobs.models import Reading

    asked = questions(texts, Reading.objects.order_by("pk")[pages // 2].text)
    quick = {whose: _told(user, asked, times, whose, explain) for whose in ("everybody's", "one's own")}
    return all(quick.values())


def _told(user: Any, asked: dict[str, str], times: int, whose: str, explain: bool) -> bool:
    """`one's own` asks the index for the owner's word too, as for everybody who is no administrator."""
    user.is_superuser = whose == "everybody's"
    resting = p95(timed(lambda: ask(user, ""), times))
    print(f"{whose:34} {'found':>7} {'median':>8} {'p95':>8} {'best':>8}  p95 / without a search ({resting:.1f} ms)")
    quick = True
    for kind, query in asked.items():
        found = ask(user, query)  # and warms
        took = timed(lambda query=query: ask(user, query), times)
        quick &= p95(took) <= MOST_MS
        late = "" if p95(took) <= MOST_MS else "  over"
        figures = f"{median(took):8.1f} {p95(took):8.1f} {took[0]:8.1f}  {p95(took) / resting:5.1f}"
        print(f"  {kind:32} {found:7,} {figures}{late}", flush=True)
        if explain and late:
            _explained(user, query)
    return quick


def _explained(user: Any, query: str) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        ask(user, query)
    for one in captured.captured_queries:
        print(f"    {float(one['time']) * 1000:7.0f} ms  {' '.join(one['sql'].split())[:160]}")


def databases(only: str) -> Iterator[tuple[str, str]]:
    from tests import postgres

    postgres.SETTINGS["shared_buffers"] = "256MB"  # as where so many pages are kept; the tests' own has a quarter
    if only != "postgresql":
        with tempfile.TemporaryDirectory() as folder:
            yield folder, f"sqlite:///{Path(folder) / 'db.sqlite3'}"
    if only != "sqlite":
        with tempfile.TemporaryDirectory() as folder, postgres.server() as address:
            yield folder, address


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--only", choices=["sqlite", "postgresql"], default="")
    parser.add_argument("--explain", action="store_true", help="of what was slow: its statements, with their times")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.here:
        return 0 if measure(said.pages, said.times, said.explain) else 1
    codes = []
    for folder, address in databases(said.only):
        environment = os.environ | {"DATABASE_URL": address, "OCRSITE_DATA_DIR": folder}
        command = [sys.executable, "-m", "bench.search", *sys.argv[1:], "--here"]
        codes.append(subprocess.run(command, env=environment, check=False).returncode)
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
