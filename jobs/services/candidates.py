"""Readings of a page on the ladder: kept beside each other until one is good, or the best of them is put in force.

Called by settling alone, inside its transaction.
"""

from __future__ import annotations

from jobs.domain import ladder
from jobs.services import statements as sql
from jobs.services.page_ends import Candidate


def best_of_ladder(page_id: int, added: str = "") -> Candidate | None:
    """The best-scored reading since the page stands on the ladder, the earliest of equals; None where it does not.

    Its doubt says how often the page was read, and what is `added`.
    """
    rows = sql.fetch("SELECT ladder FROM jobs_page WHERE id = %s", [page_id])
    climb = ladder.from_json(sql.decoded(rows[0][0])) if rows else ladder.Climb()
    if not climb.first:
        return None
    found = sql.fetch(
        """SELECT r.id, a.backend, a.reason, r.text FROM jobs_reading r JOIN jobs_attempt a ON a.id = r.attempt_id
           WHERE r.page_id = %s AND r.id >= %s AND r.score IS NOT NULL ORDER BY r.score DESC, r.id""",
        [page_id, climb.first],
    )
    if not found:
        return None
    reading_id, backend, reason, text = found[0]
    tries = f"It was read {len(found)} times; this is the best reading." if len(found) > 1 else ""
    doubt = " ".join(part for part in (reason, tries, added) if part)
    return Candidate(reading_id, backend, doubt, text)
