"""One page to one host: claim the lease, send the image outside any transaction, store what came of it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import structlog
from django.db import DatabaseError
from django.utils import timezone

from jobs import errors
from jobs.domain import attempts, rendering, reruns
from jobs.domain.failures import Failure, Outcome
from jobs.domain.policies import Policy
from jobs.domain.statuses import PageStatus
from jobs.models import Backend, Document, Page
from jobs.services import (
    current_backends,
    failover,
    health,
    judging,
    leases,
    log_ids,
    outcomes,
    preparing,
    routing,
    sending,
    settling,
)
from jobs.services import statements as sql
from jobs.services.sending import Answer
from jobs.services.settling import AttemptRecord, Claim, ReadingRecord

log = structlog.get_logger(__name__)


def recognize(lease_id: int) -> bool:
    """Read the page of an assigned lease. False when there was nothing to do: claimed elsewhere, or cancelled."""
    claim = leases.claim(lease_id)
    if claim is None:
        return False
    try:
        with leases.keeper.holding(claim.lease_id) as lost:
            return _carry_out(claim, lost)
    except DatabaseError:
        leases.keeper.could_not_store(claim)
        raise


def _carry_out(claim: Claim, lost: threading.Event) -> bool:
    page = _page(claim.page_id)
    backend = current_backends.one(claim.backend_id)
    with log_ids.of_page(page, lease=claim.lease_id, backend=backend.name):
        return _recognize(claim, page, backend, lost)


def _page(page_id: int) -> Page:
    """The page and its document. As SQL: to have the ORM put the same join together for each page costs 1 ms more."""
    [page] = Page.objects.raw("SELECT * FROM jobs_page WHERE id = %s", [page_id])
    key = sql.document_id(page.document_id.hex)
    [page.document] = Document.objects.raw("SELECT * FROM jobs_document WHERE id = %s", [key])
    return page


def _recognize(claim: Claim, page: Page, backend: Backend, lost: threading.Event) -> bool:
    if health.is_shut(backend):
        # It died, or was disabled, between the assignment and now: the page costs nothing and goes elsewhere.
        return leases.hand_back(claim)
    attempt = _attempt(page, backend)
    try:
        _read(claim, page, backend, attempt, lost)
    except DatabaseError:
        raise  # nothing can be stored now
    except Exception:
        # The outermost edge. Whatever broke was ours; the page is charged, so that it cannot go on for ever.
        log.exception("page.broke_worker", page=page.number, document=str(page.document_id))
        broken = replace(attempt, outcome=Outcome.LOST, reason="Something broke on our side; the log says what.")
        settling.page_not_read(claim, broken, attempts.after_worker_death(page.claims + 1))
    return True


def _attempt(page: Page, backend: Backend) -> AttemptRecord:
    usual = preparing.sending_dpi(reruns.of_page(page), backend)
    usual = min(usual, page.sent_image[1] or usual)
    dpi = min(usual, page.dpi_cap or usual)
    rung = judging.rung_of(page)
    smaller = "halves" if page.in_pieces else "oom_dpi" if dpi < usual else ""
    return AttemptRecord(
        backend=backend.name,
        outcome=Outcome.OK,
        started_at=timezone.now(),
        seconds=0.0,
        rule=(page.document.decision or {}).get("rule") or "",
        rung=rung.name if rung else smaller,
        dpi=dpi,
    )


def _read(claim: Claim, page: Page, backend: Backend, attempt: AttemptRecord, lost: threading.Event) -> None:
    began = time.monotonic()
    try:
        policy = routing.in_force()
        answer = sending.send(page, backend, policy, dpi=attempt.dpi or 0, stop=lost)
    except errors.BackendFailed as error:
        _failed(claim, page, backend, replace(attempt, seconds=time.monotonic() - began), error.failure)
    except errors.NotFound:
        gone = replace(attempt, outcome=Outcome.LOST, reason="Its picture was gone: it is drawn again.")
        settling.page_not_read(claim, gone, attempts.Step(PageStatus.PENDING))
    except errors.Unavailable as error:
        ours = replace(attempt, outcome=Outcome.LOST, reason=error.message)
        later = attempts.Step(PageStatus.RENDERED, error.message, delay_seconds=attempts.OUR_SIDE_SECONDS)
        settling.page_not_read(claim, ours, later)
    else:
        _succeeded(claim, page, backend, policy, replace(attempt, seconds=time.monotonic() - began), answer)


def _succeeded(
    claim: Claim, page: Page, backend: Backend, policy: Policy, attempt: AttemptRecord, answer: Answer
) -> None:
    reply = answer.reply
    judged = judging.judge(page, backend, reply, policy, blocks=answer.blocks)
    attempt = replace(
        attempt,
        outcome=judged.outcome,
        reason=judged.reason,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        finish_reason=reply.finish_reason,
    )
    reading = ReadingRecord(
        raw=reply.text,
        text=judged.text,
        blocks=rendering.blocks_as_json(judged.blocks),
        needs_review=judged.reason,
        score=judged.score,
    )
    if judged.next_rung is None:
        stored = settling.page_read(claim, attempt, reading)
    else:
        stored = settling.page_to_try_again(claim, attempt, reading, judging.climbed(page, judged.next_rung))
    log.info(
        "page.read",
        page=page.number,
        document=str(page.document_id),
        backend=backend.name,
        outcome=str(judged.outcome),
        next=judged.next_rung.name if judged.next_rung else "",
        seconds=round(attempt.seconds, 3),
        stored=stored,
    )
    outcomes.call_succeeded(backend, seconds=attempt.seconds, tokens=reply.completion_tokens)


def _failed(claim: Claim, page: Page, backend: Backend, attempt: AttemptRecord, failure: Failure) -> None:
    policy = routing.in_force()
    failure = outcomes.understood(failure, backend, began=attempt.started_at)
    attempt = replace(attempt, outcome=failure.outcome, reason=failure.reason, detail=failure.detail)
    # The breaker first: the page must not be given to the same dead host again in between.
    outcomes.call_failed(backend, failure, policy)
    step = failover.next_step(failure, page, backend, policy, sent_dpi=attempt.dpi or 0)
    stored = settling.page_not_read(claim, attempt, step)
    log.warning(
        "page.not_read",
        page=page.number,
        document=str(page.document_id),
        backend=backend.name,
        outcome=str(failure.outcome),
        reason=failure.reason,  # and no detail, which the attempt keeps: a host may have said what stands on the page
        next=str(step.status),
        stored=stored,
    )
