"""Words that stand in a statement itself are words of the code, and nothing else."""

from __future__ import annotations

import pytest
from django.db import connection

from jobs.domain.statuses import OPEN_DOCUMENTS, PageStatus
from jobs.models import Document, Page
from jobs.models.literals import Literal
from jobs.services import statements


@pytest.mark.parametrize("word", ["", "done'", "a b", "x;y", "1st", "%s"])
def test_what_could_be_more_than_a_word_is_refused(word):
    with pytest.raises(ValueError, match="no word of ours"):
        Literal(word)


def test_states_stand_in_the_statement():
    assert statements.words(OPEN_DOCUMENTS) == "'processing', 'queued'"
    for asked, condition in (
        (Document.objects.open(), "\"status\" IN ('processing', 'queued')"),
        (Page.objects.waiting_to_be_drawn(), f"\"status\" = '{PageStatus.PENDING.value}'"),
    ):
        text, parameters = asked.query.get_compiler(connection=connection).as_sql()
        assert condition in text
        assert not parameters
