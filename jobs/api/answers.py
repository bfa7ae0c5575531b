"""What a route answers, written once: for django-ninja, which checks it, and for OpenAPI, which shows it.

Every route names its own refusals; those that any route may give (401, 403, 500, 503) are added here.
"""

from __future__ import annotations

from http.client import responses
from typing import Any

from jobs.api.refusals import DATABASE_AWAY, OUR_FAULT, SIGN_IN, STATUS_OF_CODE
from jobs.gateways import disk
from jobs.schemas import Error

EVERYWHERE = ("unauthenticated", "forbidden", "unavailable")
# One example of each refusal, in the words a client meets.
WORDS = {
    "unauthenticated": SIGN_IN,
    "forbidden": "The token's scope is read: this needs the scope write.",
    "not_found": "There is no such document.",
    "invalid": "The request cannot be used. limit: Use 500 or less.",
    "conflict": "“report.pdf” is done: only what is under way can be paused.",
    "too_large": "The file is larger than 1024 MB, the most that is taken here. Split it into parts.",
    "unsupported_type": "This is not a PDF, PNG, JPEG or TIFF file.",
    "unreadable": "This is not a readable PDF.",
    "password_required": "This PDF is locked: give its password.",
    "wrong_password": "This password does not open the PDF.",
    "no_pages": "This PDF has no pages.",
    "too_many_pages": "The file has 12000 pages; the most that is taken here is 10000.",
    "not_ready": "No page of this document is done yet: there is nothing to download.",
    "unavailable": DATABASE_AWAY,
    "out_of_space": disk.NEARLY_FULL,
}
JSON = "application/json"


def answers(
    schema: Any,
    *,
    example: Any,
    status: int = 200,
    refusals: tuple[str, ...] = (),
    others: dict[int, tuple[Any, Any]] | None = None,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Keyword arguments for a route: its responses and their examples.

    `schema` None: the answer has no body. `others`: further good answers, {status: (schema, example)}. `body`: an
    example of the request's JSON body. `headers`: {name: what it holds} of the good answer.
    """
    good = {status: (schema, example)} | (others or {})
    refused = _by_status((*EVERYWHERE, *refusals))
    documented = {code: _shown(model, shown) for code, (model, shown) in good.items()}
    documented[status] |= {"headers": _headers(headers)} if headers else {}
    documented |= {code: _refusal(codes) for code, codes in refused.items()}
    documented[500] = _example_of("unavailable", OUR_FAULT, status=500)
    extra: dict[str, Any] = {"responses": documented}
    if body is not None:
        extra["requestBody"] = {"content": {JSON: {"example": body}}}
    models = {code: model for code, (model, _) in good.items()} | dict.fromkeys([*refused, 500], Error)
    return {"response": models, "openapi_extra": extra}


def file_answers(
    media_types: dict[str, str], *, refusals: tuple[str, ...], headers: dict[str, str], body: Any = None
) -> dict[str, Any]:
    """For a route that answers with a file: {media type: example of its content, "" for bytes}."""
    described = answers(None, example=None, refusals=refusals, headers=headers, body=body)
    content: dict[str, Any] = {
        name: {"schema": {"type": "string"} if shown else {"type": "string", "format": "binary"}}
        | ({"example": shown} if shown else {"example": "(bytes)"})
        for name, shown in media_types.items()
    }
    described["openapi_extra"]["responses"][200]["content"] = content
    return described


def _by_status(codes: tuple[str, ...]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        found.setdefault(STATUS_OF_CODE[code], []).append(code)
    return found


def _shown(schema: Any, example: Any) -> dict[str, Any]:
    return {} if schema is None else {"content": {JSON: {"example": example}}}


def _headers(headers: dict[str, str]) -> dict[str, Any]:
    return {name: {"description": words, "schema": {"type": "string"}} for name, words in headers.items()}


def _refusal(codes: list[str]) -> dict[str, Any]:
    if len(codes) == 1:
        return _example_of(codes[0], WORDS[codes[0]])
    examples = {code: {"value": _envelope(code, WORDS[code])} for code in codes}
    return {"description": f"One of {', '.join(codes)}", "content": {JSON: {"examples": examples}}}


def _example_of(code: str, words: str, *, status: int | None = None) -> dict[str, Any]:
    named = f"{responses[status or STATUS_OF_CODE[code]]}: {code}"
    return {"description": named, "content": {JSON: {"example": _envelope(code, words)}}}


def _envelope(code: str, words: str) -> dict[str, Any]:
    fields = {"limit": "Use 500 or less."} if code == "invalid" else {}
    return {"error": {"code": code, "message": words, "fields": fields}}


def with_body_schema(schema: Any, described: dict[str, Any]) -> dict[str, Any]:
    """For a route whose service validates the body itself, to name every wrong place: shows the schema all the same."""
    shape = schema.model_json_schema(ref_template="#/components/schemas/{model}")
    shape.pop("$defs", None)  # its parts are components already: they are in an answer too
    described["openapi_extra"]["requestBody"]["content"][JSON]["schema"] = shape | {"title": schema.__name__}
    described["openapi_extra"]["requestBody"]["required"] = True
    return described
