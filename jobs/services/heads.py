"""The heads of the waiting pages: what a dispatch reads of each document whose turn it may be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Max
from django.utils import timezone

from jobs.models import Attempt
from jobs.services import statements as sql


@dataclass(frozen=True)
class Head:
    """A drawn page as the statement found it."""

    page: int
    document: str
    number: int
    suspect: bool
    avoid: tuple[str, ...]
    wanted: str = ""  # by a rerun


DOCUMENTS_A_STATEMENT = 100  # two parts each: SQLite takes 500 parts of a compound SELECT


def of(documents: list[str], each: int) -> list[Head]:
    """The first drawn pages of these documents: `each` that nothing is known against, and as many of the others, so
    that a page which may not run now hides none behind it. The order is that of the index of drawn pages: by number
    alone, every page of a long document would be walked through, the read ones too."""
    found: list[Head] = []
    for start in range(0, len(documents), DOCUMENTS_A_STATEMENT):
        some = documents[start : start + DOCUMENTS_A_STATEMENT]
        plain = "p.claims = 0 AND p.engine_deaths = 0 AND p.avoid = '[]'"
        parts = [_part(condition, each) for _ in some for condition in (plain, f"NOT ({plain})")]
        ids = [sql.document_id(key) for key in some for _ in range(2)]
        found += [_row(row) for row in sql.fetch(" UNION ALL ".join(parts), ids)]
    return found


def _part(condition: str, each: int) -> str:
    return f"""SELECT * FROM (
        SELECT p.id, p.document_id, p.number, p.claims, p.engine_deaths, p.avoid, p.wanted_backend
        FROM jobs_page p
        WHERE p.document_id = %s AND p.status = 'rendered' AND {condition}
          AND (p.not_before IS NULL OR p.not_before <= {sql.now()})
        ORDER BY p.claims, p.number LIMIT {each}) AS heads"""


def _row(row: sql.Row) -> Head:
    page, document, number, claims, deaths, avoid, wanted = row
    names = sql.decoded(avoid) or ()
    return Head(page, sql.document_key(document), number, bool(claims or deaths), tuple(names), wanted)


def avoided(rows: Iterable[Head]) -> dict[int, dict[str, str]]:
    """Of pages that failed somewhere: each backend to avoid, with the outcome of the newest attempt there."""
    concerned = {row.page: row.avoid for row in rows if row.avoid}
    if not concerned:
        return {}
    found = {page: dict.fromkeys(names, "") for page, names in concerned.items()}
    attempts = Attempt.objects.filter(page__in=concerned).order_by("started_at", "id")
    for page, backend, outcome in attempts.values_list("page_id", "backend", "outcome"):
        if backend in found[page]:
            found[page][backend] = outcome
    return found


def waited(suspects: list[int]) -> dict[int, float]:
    """How long suspects have waited: since their newest attempt began."""
    if not suspects:
        return {}
    now = timezone.now()
    newest = Attempt.objects.filter(page__in=suspects).values("page_id").annotate(at=Max("started_at")).order_by()
    return {row["page_id"]: (now - row["at"]).total_seconds() for row in newest}
