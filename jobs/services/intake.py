"""From a file that arrives to a Document row: streamed, hashed, inspected, stored. What is refused leaves nothing.

The caller sends the message: `actors.prepare_soon(document.id)`, which waits for the commit.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Case, IntegerField, Value, When

from jobs import errors
from jobs.domain.display_names import display_name
from jobs.domain.page_ranges import normalized, parse_page_range
from jobs.domain.statuses import DocumentStatus
from jobs.gateways import disk, rasterizer, storage, uploads
from jobs.models import Backend, Document
from jobs.models.documents import PRIORITY_RANKS
from jobs.services import access, idempotency, log_ids

PURPOSES = ("production", "development")
MODES = ("markdown", "text", "figure", "custom")
MIN_DPI, MAX_DPI = 50, 600
MAX_PROMPT_LENGTH = 4000
MAX_LANGUAGE_LENGTH = 60
MAX_PASSWORD_LENGTH = 1024
_LANGUAGE = re.compile(r"[A-Za-z][A-Za-z_]*(\+[A-Za-z][A-Za-z_]*)*")
_NO_RESULT = (DocumentStatus.FAILED.value, DocumentStatus.CANCELLED.value)


@dataclass(frozen=True)
class Options:
    """How a file is to be read. `pages` as in domain.page_ranges; `dpi` None for each backend's default."""

    priority: str = "normal"
    purpose: str = "production"
    sla: bool = False
    mode: str = "markdown"
    prompt: str = ""
    dpi: int | None = None
    pages: str = ""
    language: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Options({self.mode}, pages={self.pages!r})"  # a password never reaches a log by way of a repr


def accept(
    file: IO[bytes] | UploadedFile,
    *,
    name: str,
    owner: Any,
    options: Options,
    max_bytes: int | None = None,
    claim: idempotency.Claim | None = None,
) -> Document:
    """Takes a file in and returns its new Document, status queued.

    `max_bytes` defaults to settings.MAX_UPLOAD_BYTES. `claim` is an Idempotency-Key to fulfil in the same transaction.
    Raises errors.Invalid, TooLarge, UnsupportedType, Unreadable, PasswordRequired, WrongPassword, NoPages,
    TooManyPages, and OutOfSpace when the disk is full, or nearly; then no row and no file is kept, only an audit entry.
    """
    shown = display_name(name)
    try:
        disk.refuse_new_work()
        checked = check(options)
        with uploads.received(file, max_bytes=max_bytes or settings.MAX_UPLOAD_BYTES) as received:
            return _take_in(received, shown, owner, checked, claim)
    except errors.OcrsiteError as refusal:
        access.audit("upload.refused", by=owner, subject=shown, detail={"code": refusal.code})
        raise


def _take_in(
    received: uploads.Received, name: str, owner: Any, options: Options, claim: idempotency.Claim | None
) -> Document:
    """Inspects a whole file, keeps it and makes its row. An encrypted file is kept as its clear copy only."""
    with uploads.scratch_path() as clear_copy:
        inspection = rasterizer.inspect(
            received.path,
            password=options.password,
            max_pages=settings.MAX_PAGES,
            clear_copy=clear_copy,
            name=name,
            limits=rasterizer.in_force(),
        )
        pages = parse_page_range(options.pages, len(inspection.pages))
        document = _new_row(received, name, owner, options, inspection, len(pages))
        try:
            _store(document, inspection.decrypted or received.path, inspection)
            _save(document, options, claim)
        except BaseException:
            storage.delete_tree(document.storage_prefix)
            raise
    return document


def _new_row(
    received: uploads.Received,
    name: str,
    owner: Any,
    options: Options,
    inspection: rasterizer.Inspection,
    page_count: int,
) -> Document:
    return Document(
        owner=owner,
        name=name,
        sha256=received.sha256,
        size_bytes=received.size_bytes,
        media_type=inspection.media_type,
        page_count=page_count,
        priority=options.priority,
        priority_rank=PRIORITY_RANKS[options.priority],
        purpose=options.purpose,
        sla=options.sla,
        mode=options.mode,
        prompt=options.prompt,
        dpi=options.dpi,
        page_range=options.pages,
        language=options.language,
        warnings=list(inspection.warnings),
        request_id=log_ids.request_id(),
    )


def _store(document: Document, path: Path, inspection: rasterizer.Inspection) -> None:
    storage.take_in(document.original_key, path)
    facts = {
        "media_type": inspection.media_type,
        "pages": [[box.width_pt, box.height_pt] for box in inspection.pages],
        "warnings": list(inspection.warnings),
    }
    storage.save_bytes(document.inspection_key, json.dumps(facts).encode())


def _save(document: Document, options: Options, claim: idempotency.Claim | None) -> None:
    with transaction.atomic():
        document.duplicate_of = duplicate(document.owner, document.sha256, options)
        document.save(force_insert=True)
        if claim is not None:
            claim.fulfil(document)
        access.audit(
            "document.uploaded",
            by=document.owner,
            subject=str(document.id),
            detail={"name": document.name, "pages": document.page_count, "sha256": document.sha256},
        )


def duplicate(owner: Any, sha256: str, options: Options) -> Document | None:
    """An earlier document of the same person with the same bytes, read in the same way; a finished one before others.

    Priority, purpose and SLA say how soon and where, not what comes out: they may differ. Documents that failed or
    were cancelled have no result to offer.
    """
    finished_first = Case(
        When(status=DocumentStatus.DONE.value, then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    same = Document.objects.kept().filter(
        owner=owner,
        sha256=sha256,
        mode=options.mode,
        prompt=options.prompt,
        dpi=options.dpi,
        page_range=options.pages,
        language=options.language,
    )
    found: Document | None = same.exclude(status__in=_NO_RESULT).order_by(finished_first, "created_at", "id").first()
    return found


def check(options: Options) -> Options:
    """The options, put into one way of writing. Raises errors.Invalid with a sentence for each field that is wrong.

    Needs no file: a form may refuse before it uploads.
    """
    wrong = {name: sentence for name, sentence in _sentences(options) if sentence}
    pages = ""
    try:
        pages = normalized(options.pages)
    except errors.Invalid as refusal:
        wrong |= refusal.fields
    if wrong:
        raise errors.Invalid("The file was not taken. " + " ".join(wrong.values()), wrong)
    return replace(options, pages=pages, prompt=options.prompt.strip())


def _sentences(options: Options) -> list[tuple[str, str]]:
    """(field, what is wrong with it or "")."""
    return [
        ("priority", _one_of(options.priority, tuple(PRIORITY_RANKS))),
        ("purpose", _one_of(options.purpose, PURPOSES)),
        ("mode", _one_of(options.mode, MODES)),
        ("prompt", _about_prompt(options.mode, options.prompt.strip())),
        ("dpi", _about_dpi(options.dpi)),
        ("language", _about_language(options.language)),
        ("password", "" if len(options.password) <= MAX_PASSWORD_LENGTH else "The password is too long."),
    ]


def _one_of(value: str, allowed: tuple[str, ...]) -> str:
    return "" if value in allowed else f"Use one of {', '.join(allowed)}."


def _about_dpi(dpi: int | None) -> str:
    fits = dpi is None or MIN_DPI <= dpi <= MAX_DPI
    return "" if fits else f"Use a whole number from {MIN_DPI} to {MAX_DPI}."


def _about_prompt(mode: str, prompt: str) -> str:
    if mode == "custom" and not prompt:
        return "The mode custom needs a prompt: write what the model should do."
    if mode != "custom" and prompt:
        return "A prompt is used with the mode custom only: choose that mode, or leave the prompt out."
    return "" if len(prompt) <= MAX_PROMPT_LENGTH else f"The prompt may have {MAX_PROMPT_LENGTH} characters at most."


def _about_language(language: str) -> str:
    if not language:
        return ""
    if len(language) > MAX_LANGUAGE_LENGTH or not _LANGUAGE.fullmatch(language):
        return "Use language codes joined by plus signs, such as deu+eng."
    missing = _missing_packs(language)
    if not missing:
        return ""
    packages = " ".join("tesseract-ocr-" + pack.replace("_", "-").lower() for pack in missing)
    return (
        f"The server has no language pack for {', '.join(missing)}. "
        f"An administrator can add it: apt-get install {packages}"
    )


def _missing_packs(language: str) -> list[str]:
    """Packs that the CPU backend lacks, where no GPU backend could read the document instead. Unknown: none."""
    gpu_lifecycles = ("active", "checking", "draining")
    if Backend.objects.filter(kind="gpu", lifecycle__in=gpu_lifecycles).exists():
        return []
    installed: set[str] = set()
    for backend in Backend.objects.contactable().filter(kind="cpu").select_related("health"):
        installed |= set(backend.health.languages) if hasattr(backend, "health") else set()
    return [pack for pack in dict.fromkeys(language.split("+")) if pack not in installed] if installed else []
