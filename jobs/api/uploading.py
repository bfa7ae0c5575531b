"""What an upload needs around the service: an early look at its length, and what makes two requests the same."""

from __future__ import annotations

import dataclasses
import time

from django.conf import settings
from django.http import HttpRequest
from ninja import UploadedFile

from jobs import errors
from jobs.gateways import disk, uploads
from jobs.services import idempotency, intake

FORM_OVERHEAD_BYTES = 1024 * 1024  # the other fields and the multipart borders of a request
DRAINED_BYTES = 64 * 1024 * 1024
DRAINED_SECONDS = 10.0
_PIECE_BYTES = 256 * 1024


def refuse_too_long(request: HttpRequest) -> None:
    """Raises errors.TooLarge or errors.OutOfSpace by the Content-Length alone, before anything is written to disk.

    Some of the body is read and thrown away: many clients listen only once they have sent, and would see a broken
    connection instead of the refusal. A body too long for that is cut.
    """
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdigit() or int(length) <= FORM_OVERHEAD_BYTES:
        return
    if int(length) <= settings.MAX_UPLOAD_BYTES + FORM_OVERHEAD_BYTES:
        try:
            disk.refuse_new_work(int(length))
        except errors.OutOfSpace:
            _drain(request)
            raise
        return
    if int(length) <= settings.MAX_UPLOAD_BYTES + DRAINED_BYTES:
        _drain(request)
    raise uploads.too_large(settings.MAX_UPLOAD_BYTES)


def _drain(request: HttpRequest) -> None:
    until = time.monotonic() + DRAINED_SECONDS
    while time.monotonic() < until and request.read(_PIECE_BYTES):
        pass


def body_digest(file: UploadedFile, options: intake.Options) -> str:
    """The same for the same file under the same name with the same options."""
    return idempotency.digest(file=uploads.sha256_of(file), name=file.name, **dataclasses.asdict(options))
