"""The audit log: who did what, when. For administrators."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs.models import AuditEntry
from jobs.services import access
from jobs.views.administrators import administrators_only

ROWS_A_PAGE = 50
# What was done, after the name of who did it; {} is what it was done to.
SENTENCES = {
    "advice.put_off": "put off the advice: {}",
    "backend.created": "added the host {}",
    "backend.changed": "edited the host {}",
    "backend.planned": "set the host {} back to planned",
    "backend.checking": "began to test the host {}",
    "backend.active": "put the host {} to work",
    "backend.draining": "told the host {} to drain",
    "backend.disabled": "disabled the host {}",
    "backend.checked": "tested the host {}",
    "backend.benchmarked": "began a benchmark of the host {}",
    "backend.benchmark_stopped": "stopped the benchmark of the host {}",
    "backend.drained": "saw the last page of the host {} done",
    "backend.overruled": "overruled the failed self-test of the host {}",
    "backend.removed": "removed the host {}",
    "backend.breaker_closed": "forgot the faults of the host {}",
    "backend.breaker_opened": "took the host {} out of use for a while",
    "costs.changed": "changed what the {} are reckoned with",
    "retention.changed": "changed what is kept: {}",
    "routing.changed": "changed the rules: {}",
    "alert.acknowledged": "acknowledged the alert {}",
    "webhook.created": "added the webhook {}",
    "webhook.changed": "changed the webhook {}",
    "webhook.removed": "removed the webhook {}",
    "webhook.switched_off": "switched off the webhook {}, as nothing arrived there",
    "alert.rule_reset": "forgot what was edited of the alert rule {}",
    "alert.rule_changed": "changed the alert rule {}",
    "document.cancelled": "cancelled {}",
    "document.deleted": "deleted {} for good",
    "document.images_deleted": "deleted the page images of {} by a retention rule",
    "document.original_deleted": "deleted the uploaded file of {} by a retention rule",
    "document.restored": "took {} back out of the trash",
    "document.trashed": "put {} into the trash",
    "document.downloaded": "downloaded {}",
    "token.created": "made the token {}",
    "token.revoked": "revoked the token {}",
    "token.refused": "was refused with the token {}",
    "upload.refused": "tried to upload {}, which was refused",
}
DETAIL_WORDS = {"api_key": "API key", "base_url": "address", "fields": "changed", "was": "before"}


class Line:
    """One entry in words."""

    def __init__(self, entry: AuditEntry) -> None:
        self.entry = entry

    @property
    def who(self) -> str:
        actor = self.entry.actor
        return actor.get_full_name() or actor.get_username() if actor else "The site"

    @property
    def what(self) -> str:
        known = SENTENCES.get(self.entry.action)
        return (
            known.format(self.entry.subject)
            if known
            else f"{self.entry.action.replace('.', ': ')} {self.entry.subject}"
        )

    @property
    def more(self) -> list[str]:
        """The detail, a sentence or a pair each."""
        detail = self.entry.detail
        if not isinstance(detail, dict):
            return [str(detail)]
        if self.entry.action == "backend.checked":
            return [_tested(detail)]
        lines = [str(line) for line in detail.get("changes", [])]
        return lines + [f"{DETAIL_WORDS.get(k, k)}: {_plain(v)}" for k, v in detail.items() if k != "changes"]


def _tested(detail: dict[str, Any]) -> str:
    if detail.get("passed"):
        return "It passed."
    return "It failed, and was overruled." if detail.get("forced") else "It failed."


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(DETAIL_WORDS.get(str(one), str(one)) for one in value)
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


@require_safe
@administrators_only
def log(request: HttpRequest) -> HttpResponse:
    """Newest first, fifty at a time; `before` is the id of the last entry seen."""
    asked = request.GET.get("before", "")
    before = int(asked) if asked.isdecimal() and len(asked) < 18 else None
    entries = access.entries(limit=ROWS_A_PAGE + 1, before=before)
    shown = entries[:ROWS_A_PAGE]
    older = shown[-1].pk if len(entries) > ROWS_A_PAGE else None
    context = {"lines": [Line(entry) for entry in shown], "older": older, "before": before}
    return render(request, "jobs/audit_log.html", context)
