"""Full text on whichever database the tests run: what is found, by whom, and that the index follows the readings."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from jobs.models import Document, Page, PageText
from jobs.services import finding, search_engines, searching, trash
from tests import builders

pytestmark = pytest.mark.django_db

OPERATORS = [
    "'", '"', '""', "*", "-", "- -", "(", ")", "a AND", "AND", "OR OR", "NOT", "NEAR(", "NEAR(a b, 5)", "words:",
    "scope : x", "^a", "{a b}:c", "a + b", 'a"b', "a''b", "\\", "a\\", "'a':*", "a & b | !c <-> d", "<->", "!a", ":*",
    "a:*B", "%", "_", "a\x00b", "\x00", "ﬀ", "½", "🙂", "%s", "%(x)s", "{}", "; DROP TABLE jobs_page", "a" * 5000,
    "a " * 500, '"' * 99, "-" * 99, "*" * 99, "\u202e", "\ud800", "e\u0301",
]  # fmt: skip


def page_of(owner, text, **fields) -> Page:
    """The only page of a document, with its index row."""
    document = builders.make_document(owner, pages=1, **fields)
    page = document.pages.get()
    builders.make_reading(page, text=text)
    searching.index_text(page.pk, text)
    return page


def found(user, typed) -> list[str]:
    return sorted(document.name for document in finding.documents(user, finding.Filters(words=typed)))


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("rent", ["contract", "letter"]),
        ("RENT", ["contract", "letter"]),
        ("rent deposit", ["contract"]),
        ('"the deposit"', ["contract"]),
        ('"deposit the"', []),
        ("depos", []),
        ("depos*", ["contract"]),
        ("rent -deposit", ["letter"]),
        ('rent -"no deposit"', ["contract", "letter"]),
        ("-deposit", []),
        ("hafenstrasse", ["letter"]),
        ("Hafenstraße", ["letter"]),
        ("Cafe", ["letter"]),
        ("12.50", ["contract"]),
        ("12", ["contract"]),
        ("北京", ["letter"]),
        ("京北", []),
        ("letter", ["letter"]),
        ("etter", ["letter"]),
        ("a1b2", ["contract"]),
        ("1e5", ["contract"]),
        ("example.org", ["contract"]),
        ("x@example.org", ["contract"]),
        ("-5", []),
        ("owner", []),
        ("nowhere", []),
    ],
)
def test_what_is_typed_finds_what_stands_there(mira, typed, names):
    page_of(mira, "The rent of the deposit is 12.50, a1b2 1e5 -5 x@example.org /etc/passwd", name="contract")
    page_of(mira, "Rent for Café Hafenstraße, 北京市", name="letter")
    assert found(mira, typed) == names


@pytest.mark.parametrize("typed", OPERATORS)
def test_nothing_a_person_types_is_an_error(mira, typed):
    page_of(mira, "Rent for the flat.", name="letter")
    with transaction.atomic():
        found(mira, typed)
        searching.hits(list(Document.objects.all()), searching.asked_for(typed), mira)


def test_the_words_of_different_pages_do_not_answer_together(mira):
    document = builders.make_document(mira, pages=2)
    for page, text in zip(document.pages.order_by("number"), ("only rent", "only deposit"), strict=True):
        builders.make_reading(page, text=text)
        searching.index_text(page.pk, text)
    assert found(mira, "rent deposit") == []
    assert found(mira, "only") == ["report.pdf"]


def test_only_what_one_may_see_is_found(mira):
    okafor, ada = builders.make_user("okafor"), builders.make_user("ada", admin=True)
    page_of(mira, "the word quokka", name="hers")
    page_of(okafor, "the word quokka", name="his")
    assert found(mira, "quokka") == ["hers"]
    assert found(okafor, "quokka") == ["his"]
    assert found(ada, "quokka") == ["hers", "his"]


def test_a_document_that_changed_hands_is_found_by_nobody_it_is_hidden_from(mira):
    okafor = builders.make_user("okafor")
    page = page_of(mira, "the word quokka", name="given away")
    Document.objects.update(owner=okafor)
    assert found(mira, "quokka") == []
    searching.index_text(page.pk, "the word quokka")
    assert found(okafor, "quokka") == ["given away"]


def test_the_index_follows_the_reading_in_force(mira):
    page = page_of(mira, "first words")
    searching.index_text(page.pk, "second words")
    assert (found(mira, "first"), found(mira, "second")) == ([], ["report.pdf"])
    searching.index_text(page.pk, "")
    assert found(mira, "words") == []
    assert not PageText.objects.exists()


def test_a_row_that_is_rolled_back_is_not_found(mira):
    page = page_of(mira, "before")
    with transaction.atomic():
        searching.index_text(page.pk, "after")
        transaction.set_rollback(True)
    assert (found(mira, "before"), found(mira, "after")) == (["report.pdf"], [])


def test_a_page_that_is_gone_meanwhile_is_not_indexed(mira):
    searching.index_text(4711, "nobody")
    assert not PageText.objects.exists()


def test_deleting_a_document_empties_the_index(mira):
    page = page_of(mira, "the word quokka")
    trash.put(page.document_id, by=mira)
    assert found(mira, "quokka") == []
    trash.delete_for_good(page.document_id, by=mira)
    trash.finish()
    assert not PageText.objects.exists()
    assert index_rows("quokka") == 0


def index_rows(word: str) -> int:
    said = {
        "sqlite": "SELECT count(*) FROM jobs_pagewords WHERE jobs_pagewords MATCH %s",
        "postgresql": "SELECT count(*) FROM jobs_pagetext WHERE vector @@ %s::tsquery",
    }
    with connection.cursor() as cursor:
        cursor.execute(said[connection.vendor], [word])
        return cursor.fetchone()[0]


def test_everything_can_be_indexed_anew(mira, monkeypatch):
    monkeypatch.setattr(searching, "PAGES_AT_ONCE", 2)
    document = builders.make_document(mira, pages=5, done=5)
    stale = document.pages.get(number=5)
    searching.index_text(stale.pk, "of long ago")
    Page.objects.filter(pk=stale.pk).update(reading=None)
    assert list(searching.index_all()) == [2, 4, 5]
    assert found(mira, "stands") == ["report.pdf"]
    assert found(mira, "ago") == []


def test_a_page_of_half_a_million_letters_is_indexed(mira):
    page_of(mira, " ".join(f"w{number}" for number in range(90_000)))
    assert found(mira, "w77") == ["report.pdf"]


def test_hits_name_the_first_pages_and_count_the_others(mira):
    document = builders.make_document(mira, pages=6, done=5)
    builders.make_document(mira, name="other.pdf", pages=1)
    for page in document.pages.filter(status="done"):
        reading = builders.make_reading(page, text=f"Clause {page.number}: rent is due")
        searching.index_text(page.pk, reading.text)
    every = list(Document.objects.all())
    hits = searching.hits(every, searching.asked_for("rent due"), mira)
    assert list(hits) == [document.pk]
    assert (hits[document.pk].pages, hits[document.pk].more) == (5, 2)
    assert [hit.number for hit in hits[document.pk].first] == [1, 2, 3]
    assert [part.text for part in hits[document.pk].first[0].parts if part.found] == ["rent", "due"]


def colliding_pairs() -> tuple[tuple[str, str], tuple[str, str]]:
    """Two pairs of words that PostgreSQL's index of neighbours takes for one."""
    seen: dict[int, tuple[str, str]] = {}
    for number in range(100_000):
        pair = ("deed", f"w{number}")
        known = seen.setdefault(search_engines.pair_number(*pair), pair)
        if known != pair:
            return known, pair
    raise AssertionError("no two pairs collide")


def test_a_phrase_is_not_found_where_only_its_number_stands(mira):
    (first, one), (_, other) = colliding_pairs()
    page_of(mira, f"{first} {other}, then {one} alone", name="by chance")
    page_of(mira, f"the {first} {one} itself", name="the phrase")
    page_of(mira, f"{one} {first} turned round", name="turned")
    assert found(mira, f'"{first} {one}"') == ["the phrase"]


def test_long_phrases_and_several_at_once_are_found_among_many_pages(mira):
    for number in range(30):
        page_of(mira, f"the rent of the flat is due on day {number} of the month", name=f"page {number}")
    assert found(mira, '"due on day 7 of the month"') == ["page 7"]
    assert found(mira, '"the rent" "day 12"') == ["page 12"]
    assert found(mira, '"rent of the" -"day 3"') == sorted(f"page {n}" for n in range(30) if n != 3)
    assert found(mira, '"the the"') == []


def test_hits_cost_the_same_number_of_queries_however_many(mira, django_assert_num_queries):
    for _ in range(5):
        page_of(mira, "rent")
    every = list(Document.objects.all())
    with django_assert_num_queries(1):
        assert len(searching.hits(every, searching.asked_for("rent"), mira)) == 5
