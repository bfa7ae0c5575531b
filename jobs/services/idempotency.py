"""Idempotency-Key: a client that lost our answer may ask again without making a second document.

A key goes with its document: once that is deleted, the same request makes it anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from jobs import errors
from jobs.models import Document, IdempotencyKey

KEPT = timedelta(hours=24)
# A request that still has no document after this died with its process. Inspection, the longest part that is left
# once a key is claimed, has a far shorter deadline.
ABANDONED = timedelta(minutes=15)
MAX_LENGTH = 200


class Claim:
    """One request's hold on a key. `earlier` is the document of the first answer, when there was one."""

    def __init__(self, row: IdempotencyKey | None, earlier: Document | None = None) -> None:
        self._row = row
        self.earlier = earlier

    def fulfil(self, document: Document) -> None:
        """Ties the key to its document; call it in the transaction that makes the document."""
        if self._row is not None:
            IdempotencyKey.objects.filter(pk=self._row.pk).update(document=document)

    def release(self) -> None:
        """Without a document, the key may be used again at once; with one, it stays."""
        if self._row is not None:
            IdempotencyKey.objects.filter(pk=self._row.pk, document=None).delete()


def digest(**body: Any) -> str:
    """What makes two bodies the same. Keyed with the site's secret, so that a password in it cannot be guessed."""
    return salted_hmac("jobs.idempotency", json.dumps(body, sort_keys=True), algorithm="sha256").hexdigest()


@contextmanager
def claimed(user: Any, key: str, body_digest: str) -> Iterator[Claim]:
    """Holds `key` for the block; an empty key holds nothing. Released if the block ends without a document.

    Raises errors.Invalid for the same key with another body, errors.Conflict while the first request still runs.
    """
    claim = _claim(user, key, body_digest) if key else Claim(None)
    try:
        yield claim
    finally:
        if claim.earlier is None:
            claim.release()


def _claim(user: Any, key: str, body_digest: str) -> Claim:
    if len(key) > MAX_LENGTH or not key.isprintable():
        sentence = f"Use at most {MAX_LENGTH} printable characters."
        raise errors.Invalid(f"The Idempotency-Key cannot be used. {sentence}", {"Idempotency-Key": sentence})
    _forget_old(user, key)
    try:
        with transaction.atomic():
            return Claim(IdempotencyKey.objects.create(user=user, key=key, body_digest=body_digest))
    except IntegrityError:
        return _earlier(user, key, body_digest)


def _forget_old(user: Any, key: str) -> None:
    now = timezone.now()
    mine = IdempotencyKey.objects.filter(user=user, key=key)
    mine.filter(created_at__lt=now - KEPT).delete()
    mine.filter(document=None, created_at__lt=now - ABANDONED).delete()


def _earlier(user: Any, key: str, body_digest: str) -> Claim:
    row = IdempotencyKey.objects.select_related("document").filter(user=user, key=key).first()
    if row is not None and row.body_digest != body_digest:
        sentence = "This key was used for another request: use a new key for a new request."
        raise errors.Invalid(sentence, {"Idempotency-Key": sentence})
    if row is None or row.document is None:
        raise errors.Conflict("A request with this Idempotency-Key is still in progress: ask again in a moment.")
    return Claim(row, row.document)
