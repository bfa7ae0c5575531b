"""How a page ends: with a host's reading in force or proposed; and where one goes that was not read.

Called by settling, inside the transaction that gives the page's slot back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.domain import reruns
from jobs.domain.statuses import FAILED_PAGES, PageStatus
from jobs.models import Page
from jobs.services import searching
from jobs.services import statements as sql


@dataclass(frozen=True)
class Candidate:
    """A stored reading that may come in force. `doubt` says why a person should look at it; empty when it is fine."""

    reading_id: int
    backend: str
    doubt: str
    text: str


@dataclass(frozen=True)
class HeldPage:
    """A page whose row is this transaction's. `asked`: what it is read with; `in_force`: the id of its text, if any."""

    id: int
    document: Any
    asked: reruns.Asked
    rerun: reruns.Rerun | None
    in_force: int | None
    needs_review: bool

    @property
    def source(self) -> str:
        """What a host's answer counts as."""
        return "rerun" if self.rerun else "recognized"


def hold(page_id: int, *from_states: str) -> HeldPage | None:
    """Hold the page to the end of the caller's transaction; None when it is in none of these states."""
    rows = sql.fetch(
        f"""SELECT p.document_id, p.rerun, p.reading_id, p.needs_review, d.mode, d.prompt, d.language, d.dpi
            FROM jobs_page p JOIN jobs_document d ON d.id = p.document_id
            WHERE p.id = %s AND p.status IN ({sql.marks(from_states)}) {sql.for_update("p")}""",
        [page_id, *from_states],
    )
    if not rows:
        return None
    document, stored, in_force, needs_review, *wishes = rows[0]
    rerun = reruns.from_json(sql.decoded(stored))
    asked = reruns.asked(reruns.Asked(*wishes), rerun)
    return HeldPage(page_id, document, asked, rerun, in_force, bool(needs_review))


def put(held: HeldPage, chosen: Candidate) -> int:
    """End a page with a stored reading: in force, or proposed where a text is in force already.

    Returns how many more pages of its document need a look. Inside the transaction that holds the page.
    """
    rerun, doubt = held.rerun, chosen.doubt
    if doubt:
        sql.change("UPDATE jobs_reading SET doubt = %s WHERE id = %s", [doubt, chosen.reading_id])
    if rerun and held.in_force:
        changed = {"proposed_id": chosen.reading_id, "reason": rerun.reason, "backend": rerun.backend_before}
        _end(held.id, changed)
        return 0
    changed = {"reading_id": chosen.reading_id, "needs_review": bool(doubt), "reason": doubt, "backend": chosen.backend}
    _end(held.id, changed)
    searching.index_text(held.id, chosen.text)
    return int(bool(doubt)) - int(held.needs_review)


def _end(page_id: int, changed: Mapping[str, Any]) -> None:
    """The page is done; whatever was begun for its reading is over. `changed`: what else its row says now."""
    columns = "".join(f"{name} = %s, " for name in changed)
    sql.change(
        f"""UPDATE jobs_page SET {columns} status = 'done', finished_at = {sql.now()}, rerun = NULL,
                wanted_backend = '', rerun_error = '', ladder = '{{}}' WHERE id = %s""",
        [*changed.values(), page_id],
    )


def landing(page: Page, target: PageStatus, reason: str) -> tuple[PageStatus, dict[str, Any]]:
    """Where a page that was not read goes, and what changes with it. `target` is where it would go by itself.

    One that has a text in force never fails: its rerun ends, the page is done as before and says why.
    """
    rerun = reruns.from_json(page.rerun)
    if rerun is None or target not in FAILED_PAGES:
        return target, {"status": target.value, "reason": reason}
    if not page.reading_id:
        return target, {"status": target.value, "reason": reason, "rerun": None, "wanted_backend": ""}
    return PageStatus.DONE, restored(rerun) | {"rerun_error": reason or "It could not be read again."}


def restored(rerun: reruns.Rerun) -> dict[str, Any]:
    """What brings a page back to how it was before its rerun."""
    return {
        "status": PageStatus.DONE.value,
        "rerun": None,
        "wanted_backend": "",
        "reason": rerun.reason,
        "backend": rerun.backend_before,
    }
