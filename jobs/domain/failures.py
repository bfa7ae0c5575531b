"""What a failed call means: a table from what the host said (or did not say) to who is at fault and what may help.

vLLM never says "CUDA out of memory" to a client on today's engine: a host that runs out dies, and every request in
flight gets "EngineCore encountered an issue" at once. Older engines and other servers say the words. Both have a row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from jobs.domain import retry_after
from jobs.domain.chat import error_message

DETAIL_LIMIT = 500
_READ_LIMIT_BYTES = 65_536  # of an error body: words stand at its beginning


class Outcome(StrEnum):
    """How an attempt ended."""

    OK = "ok"
    OUT_OF_MEMORY = "out_of_memory"
    HOST_DOWN = "host_down"
    TIMEOUT = "timeout"
    CUT_OFF = "cut_off"
    GARBAGE = "garbage"
    REFUSED = "refused"
    MISCONFIGURED = "misconfigured"
    BUSY = "busy"
    LOOPING = "looping"
    EMPTY = "empty"
    CANCELLED = "cancelled"
    LOST = "lost"


HOST_FAULTS = (Outcome.HOST_DOWN, Outcome.TIMEOUT, Outcome.GARBAGE)  # but for a host that was only shutting down


class Blame(StrEnum):
    """Who pays: the host's breaker, the page, the administrator, or nobody."""

    HOST = "host"
    PAGE = "page"
    SETUP = "setup"
    NOBODY = "nobody"


class TransportFault(StrEnum):
    """What happened below HTTP, or instead of a proper answer."""

    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect_timeout"
    READ_TIMEOUT = "read_timeout"
    RESET = "reset"
    CUT = "cut"
    TLS = "tls"
    GARBAGE = "garbage"
    CANCELLED = "cancelled"
    ABORTED = "aborted"  # the host ended this one request itself (finish_reason "abort")
    ADDRESS = "address"  # the URL or the key cannot be sent at all


@dataclass(frozen=True)
class Failure:
    """`reason` is a sentence for staff; the backend's own words stand in `detail` alone, which is for the log.

    `may_hide_death`: an engine's death can look like this from outside; /health then tells. `unsent`: nothing of the
    page reached the host.
    """

    outcome: Outcome
    blame: Blame
    reason: str
    elsewhere: bool
    engine_death: bool = False
    may_hide_death: bool = False
    unsent: bool = False
    retry_after_seconds: float | None = None
    detail: str = ""


@dataclass(frozen=True)
class Answer:
    """An error answer as the rows see it: words in lower case, `message` and `param` as the server named them."""

    status: int
    words: str
    message: str
    param: str
    retry_after_seconds: float | None
    blank: bool
    image_by_url: bool


@dataclass(frozen=True)
class Row:
    """One line of the table. `statuses` empty means any; all given conditions must hold; the first row wins."""

    failure: Failure
    statuses: tuple[int, ...] = ()
    words: tuple[str, ...] = ()
    also: Callable[[Answer], bool] | None = None

    def fits(self, answer: Answer) -> bool:
        if self.statuses and answer.status not in self.statuses:
            return False
        if self.words and not any(word in answer.words for word in self.words):
            return False
        return self.also is None or self.also(answer)


def _server_fault(answer: Answer) -> bool:
    return answer.status >= 500


# The page's to pay, not the host's: it goes to another host, or smaller, while the host goes on with other pages. That
# it did not die of it is confirmed at /health.
OUT_OF_MEMORY = Failure(Outcome.OUT_OF_MEMORY, Blame.PAGE, "The host ran out of memory on this page.", elsewhere=True)
ENGINE_DEAD = Failure(
    Outcome.HOST_DOWN, Blame.HOST, "The host's engine stopped while it was at work.", elsewhere=True, engine_death=True
)
HOST_ERROR = Failure(
    Outcome.HOST_DOWN, Blame.HOST, "The host reported an error of its own.", elsewhere=True, may_hide_death=True
)
DRAINING = Failure(Outcome.HOST_DOWN, Blame.NOBODY, "The host is shutting down and takes no new pages.", elsewhere=True)
BUSY = Failure(Outcome.BUSY, Blame.NOBODY, "The host is busy and asked to be tried later.", elsewhere=True)
TOO_LONG = Failure(
    Outcome.CUT_OFF, Blame.PAGE, "The page does not fit into the length this host can handle.", elsewhere=True
)
TOO_MANY_PIXELS = Failure(
    Outcome.REFUSED, Blame.PAGE, "The page image has too many pixels. Try a lower resolution.", elsewhere=False
)
UNREADABLE_IMAGE = Failure(Outcome.REFUSED, Blame.PAGE, "The host could not read the page image.", elsewhere=False)
TOO_BIG = Failure(
    Outcome.REFUSED,
    Blame.PAGE,
    "The page image is larger than the host accepts. Try a lower resolution.",
    elsewhere=False,
)
REFUSED = Failure(Outcome.REFUSED, Blame.PAGE, "The host refused the request for this page.", elsewhere=False)
NO_LANGUAGE = Failure(
    Outcome.REFUSED,
    Blame.PAGE,
    "The language asked for is not installed on the host. Install it there, or choose another language.",
    elsewhere=False,
)
TOO_SLOW_TO_READ = Failure(
    Outcome.TIMEOUT, Blame.PAGE, "This page takes too long to read on the processor.", elsewhere=False
)
NOT_READABLE = Failure(Outcome.REFUSED, Blame.PAGE, "The reader failed on this page.", elsewhere=False)
BAD_KEY = Failure(Outcome.MISCONFIGURED, Blame.SETUP, "The host does not accept the API key.", elsewhere=True)
WRONG_MODEL = Failure(
    Outcome.MISCONFIGURED, Blame.SETUP, "The host does not serve the model it should.", elsewhere=True
)
WRONG_ADDRESS = Failure(
    Outcome.MISCONFIGURED,
    Blame.SETUP,
    "There is no OCR service at this address. Check the URL.",
    elsewhere=True,
)
WRONG_SCHEME = replace(WRONG_ADDRESS, reason="The host wants https. Check the URL.")

TOO_SLOW_TO_SEND = Failure(Outcome.HOST_DOWN, Blame.HOST, "The host did not take the request in time.", elsewhere=True)

# The order is the meaning: page faults that vLLM reports as 500 come before the host's own faults.
TABLE: tuple[Row, ...] = (
    Row(BAD_KEY, statuses=(401, 403)),
    Row(TOO_MANY_PIXELS, words=("exceeds limit of", "exceed the maximum of"), also=lambda a: "pixels" in a.words),
    Row(UNREADABLE_IMAGE, words=("cannot load local files",)),
    # Only for an image sent by URL: a router in front of a dead engine says the same of the engine.
    Row(UNREADABLE_IMAGE, words=("cannot connect to host",), also=lambda a: a.image_by_url),
    # The built-in CPU backend's own sentences: the page's fault, though the answer is 500.
    Row(TOO_SLOW_TO_READ, words=("tesseract did not finish this page",)),
    Row(NOT_READABLE, words=("tesseract failed on this page",)),
    Row(DRAINING, words=("cannot schedule new futures after shutdown",)),
    Row(OUT_OF_MEMORY, words=("out of memory", "outofmemoryerror"), also=_server_fault),
    Row(
        ENGINE_DEAD,
        words=("enginecore encountered an issue", "the server had an error while processing", "enginedeaderror"),
        also=_server_fault,
    ),
    Row(BUSY, statuses=(429,)),
    Row(BUSY, statuses=(503,), words=("currently busy", "currently scaling", "overloaded")),
    Row(BUSY, statuses=(503,), also=lambda a: a.retry_after_seconds is not None),
    Row(ENGINE_DEAD, statuses=(503,), also=lambda a: a.blank),  # /health of a dead engine has an empty body
    Row(HOST_ERROR, also=_server_fault),
    Row(WRONG_MODEL, statuses=(404,), words=("model",)),
    Row(WRONG_ADDRESS, statuses=(404, 405, 410)),
    Row(WRONG_ADDRESS, also=lambda a: a.status < 400),  # a redirect, or an answer that should not be there
    Row(WRONG_SCHEME, statuses=(400,), words=("plain http request was sent to https port",)),
    Row(NO_LANGUAGE, statuses=(400, 422), also=lambda a: a.param == "language"),
    Row(
        TOO_LONG,
        statuses=(400, 422),
        words=("maximum context length", "maximum model length", "max_model_len", "is too large:"),
    ),
    Row(TOO_BIG, statuses=(413,)),
    Row(
        UNREADABLE_IMAGE,
        statuses=(400, 422),
        words=("failed to load image", "cannot identify image", "image file is truncated", "base64"),
    ),
    Row(TOO_SLOW_TO_SEND, statuses=(408,)),
    Row(REFUSED),
)

TRANSPORT: Mapping[TransportFault, Failure] = {
    TransportFault.REFUSED: Failure(
        Outcome.HOST_DOWN, Blame.HOST, "The host does not accept connections.", elsewhere=True, unsent=True
    ),
    TransportFault.CONNECT_TIMEOUT: Failure(
        Outcome.HOST_DOWN, Blame.HOST, "The host could not be reached in time.", elsewhere=True, unsent=True
    ),
    TransportFault.READ_TIMEOUT: Failure(
        Outcome.TIMEOUT, Blame.HOST, "The host did not answer in time.", elsewhere=True
    ),
    TransportFault.RESET: Failure(
        Outcome.HOST_DOWN, Blame.HOST, "The host closed the connection.", elsewhere=True, may_hide_death=True
    ),
    TransportFault.CUT: Failure(
        Outcome.HOST_DOWN, Blame.HOST, "The host's answer broke off.", elsewhere=True, may_hide_death=True
    ),
    TransportFault.TLS: Failure(
        Outcome.MISCONFIGURED,
        Blame.SETUP,
        "The secure connection to the host failed. Check its certificate and the backend's URL.",
        elsewhere=True,
    ),
    TransportFault.GARBAGE: Failure(
        Outcome.GARBAGE,
        Blame.HOST,
        "The host answered with something that is not a page.",
        elsewhere=True,
        may_hide_death=True,
    ),
    TransportFault.CANCELLED: Failure(Outcome.CANCELLED, Blame.NOBODY, "The page was cancelled.", elsewhere=False),
    TransportFault.ABORTED: Failure(Outcome.HOST_DOWN, Blame.HOST, "The host gave this page up.", elsewhere=True),
    TransportFault.ADDRESS: Failure(
        Outcome.MISCONFIGURED, Blame.SETUP, "The backend's URL or API key cannot be used. Check both.", elsewhere=True
    ),
}


def classify_response(status: int, headers: Mapping[str, str], body: bytes, *, image_by_url: bool = True) -> Failure:
    """What an error answer means. `body` may be JSON, HTML or empty; `error` in it an object or a string.

    `image_by_url` False says that the image travelled in the request, so that no complaint about a host the server
    could not reach can be the page's fault.
    """
    answer = answer_of(status, headers, body, image_by_url=image_by_url)
    failure = next(row.failure for row in TABLE if row.fits(answer))
    if failure is NO_LANGUAGE:
        failure = replace(failure, reason=_language_reason(answer.message))
    if failure.outcome is Outcome.BUSY:
        failure = replace(failure, retry_after_seconds=answer.retry_after_seconds)
    return replace(failure, detail=_detail(f"HTTP {status}: {_text(body)}"))


def answer_of(status: int, headers: Mapping[str, str], body: bytes, *, image_by_url: bool = True) -> Answer:
    """An error answer as the table's rows see it."""
    text = _text(body)
    payload = _json(body, text)
    return Answer(
        status=status,
        words=text.lower(),
        message=error_message(payload),
        param=_param(payload),
        retry_after_seconds=retry_after.seconds(headers),
        blank=not text.strip(),
        image_by_url=image_by_url,
    )


def _text(body: bytes) -> str:
    return body[:_READ_LIMIT_BYTES].decode("utf-8", "replace")


def classify_stream_error(message: str) -> Failure:
    """What an error inside a stream means. By its words alone: old servers give code 400 when the engine died."""
    return replace(
        classify_response(500, {}, json.dumps({"error": message}).encode(), image_by_url=False),
        detail=_detail(f"in the stream: {message}"),
    )


def classify_transport(kind: TransportFault, detail: str = "") -> Failure:
    """What a connection's failure means."""
    return replace(TRANSPORT[kind], detail=_detail(detail))


def is_fault(failure: Failure, kind: TransportFault) -> bool:
    """Whether it is what `classify_transport(kind)` gives, whatever its detail."""
    return replace(failure, detail="") == TRANSPORT[kind]


def as_engine_death(failure: Failure) -> Failure:
    """A failure that turned out to be an engine's death: /health said so, or other calls to that host."""
    return replace(ENGINE_DEAD, detail=failure.detail)


def _json(body: bytes, text: str) -> object:
    if len(body) > _READ_LIMIT_BYTES:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _param(payload: object) -> str:
    error = payload.get("error") if isinstance(payload, dict) else None
    param = error.get("param") if isinstance(error, dict) else None
    return param if isinstance(param, str) else ""


_CODE = re.compile(r"[\"'`“‘]([a-z]{3}(?:_[a-z]{3,5}){0,2})[\"'`”’]", re.IGNORECASE)
_PACKAGE = re.compile(r"\btesseract-ocr-([a-z]{3}(?:-[a-z]{3,5}){0,2})\b", re.IGNORECASE)


def _language_reason(message: str) -> str:
    """Our own sentence; of the server's only language codes are taken over, and only in a code's own form."""
    found = _CODE.findall(message) or [name.replace("-", "_") for name in _PACKAGE.findall(message)]
    codes = list(dict.fromkeys(code.lower() for code in found))[:10]
    if not codes:
        return NO_LANGUAGE.reason
    named = ", ".join(f"“{code}”" for code in codes)
    missing = f"The language {named} is" if len(codes) == 1 else f"The languages {named} are"
    packages = " ".join(f"tesseract-ocr-{code.replace('_', '-')}" for code in codes)
    return f"{missing} not installed on the host. Install {packages} there, or choose another language."


def _detail(text: str) -> str:
    printable = "".join(sign if sign.isprintable() else " " for sign in text[: DETAIL_LIMIT * 4])
    return " ".join(printable.split())[:DETAIL_LIMIT]
