"""What bench/search.py measures is a search that finds something: its pages and questions, a few of them."""

from __future__ import annotations

import pytest

from bench import search
from bench.measurement import p95
from jobs.models import Reading

PAGES = 60


@pytest.mark.django_db
@pytest.mark.parametrize("everybodys", [True, False])
def test_each_kind_of_question_finds_what_its_name_says(everybodys):
    texts = search.Texts()
    owner = search.fill(PAGES, texts)
    owner.is_superuser = everybodys
    asked = search.questions(texts, Reading.objects.order_by("pk")[PAGES // 2].text)
    found = {kind: search.ask(owner, query) for kind, query in asked.items()}
    every = PAGES // search.PAGES_A_DOCUMENT
    assert search.ask(owner, "") == every
    assert found["common word"] == found["two common words"] == found["prefix"] == every
    assert found["phrase of rare words"] == 1
    assert found["phrase of common words"] >= 1
    assert found["no hit"] == found["phrase that is nowhere"] == 0


def test_the_pages_are_the_same_every_time_and_skewed_as_a_language():
    first, second = search.Texts(), search.Texts()
    pages = [first.page() for _ in range(200)]
    assert pages == [second.page() for _ in range(200)]
    said = " ".join(pages).lower().replace(".", "").split()
    assert 0.02 < said.count(first.words[0]) / len(said) < 0.1
    assert len(set(said)) > 3000


def test_the_p95_is_of_the_nearest_rank():
    assert [p95(range(1, count + 1)) for count in (1, 10, 20, 100)] == [1, 10, 19, 95]
